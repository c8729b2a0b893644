"""Model and adapter folders, looked at before anything of them is loaded: plain numbers, described as they lie.

No pickle, no code, no header that says more than the file holds. Knows nothing of what the numbers mean; where a file's
hash is known, comparing it is somebody else's part (`storage/adapter_files.py`).
"""

import json
import math
import re
from pathlib import Path
from typing import Any

from bot.errors import AdapterBroken, ModelFileError

MAX_HEADER_BYTES = 100_000_000  # safetensors' own limit
MAX_ADAPTER_HEADER_BYTES = 4_000_000
MAX_CONFIG_BYTES = 1_000_000
MAX_RANK = 1_024
MAX_SCALE = 256.0
"""lora_alpha over the rank (or its root): more than that is no training's doing."""
ITEM_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I64": 8, "I32": 4, "I16": 2, "I8": 1,
    "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip
NAME = re.compile(r"base_model(\.\w+)+")
LORA_DTYPES = ("F32", "F16", "BF16")
WHOLE = ("model.safetensors", "model.safetensors.index.json")
CODE = ("auto_map", "auto_mapping", "custom_module", "trust_remote_code")


def check_adapter(folder: Path) -> None:
    """Raises AdapterBroken for what no training of ours writes."""
    try:
        config = _json(folder / "adapter_config.json", MAX_CONFIG_BYTES)
        _check_config(config)
        tensors = _header(folder / "adapter_model.safetensors", MAX_ADAPTER_HEADER_BYTES)
        for name, tensor in tensors.items():
            if not NAME.fullmatch(name) or tensor["dtype"] not in LORA_DTYPES:
                raise ValueError(f"{name[:80]!r} ({tensor['dtype']}) is no part of an adapter")
            _check_rank(config, name, tensor["shape"])
    except (OSError, ValueError, RecursionError) as problem:
        raise AdapterBroken(
            f"Adapter {folder.name} is not what it should be: {_said(problem)}. Nothing of it was loaded. "
            "Restore the folder from a backup, roll back, or promote another adapter."
        ) from problem


def check_model(folder: Path) -> None:
    """Raises ModelFileError for a base model whose weights could do more than be multiplied.

    Code that a folder brings along is nothing that transformers runs without being told to.
    """
    try:
        if not any((folder / name).is_file() for name in WHOLE):
            raise ValueError(f"it has neither {' nor '.join(WHOLE)}, and pickled weights are never loaded")
        if (folder / WHOLE[1]).is_file():
            _check_index(_json(folder / WHOLE[1], MAX_HEADER_BYTES))
        for path in sorted(folder.glob("*.safetensors")):
            _header(path, MAX_HEADER_BYTES)
    except (OSError, ValueError, RecursionError) as problem:
        raise ModelFileError(
            f"{folder} is no model that can be trusted: {_said(problem)}. Nothing of it was loaded. Set "
            "MENTEE_BASE_MODEL to a folder with config.json, a tokenizer and weights in safetensors."
        ) from problem


def _said(problem: Exception) -> str:
    return str(problem) if type(problem) is ValueError else f"it can't be read ({type(problem).__name__})"


def _json(path: Path, most: int) -> Any:
    if path.stat().st_size > most:
        raise ValueError(f"{path.name} is too large")
    return json.loads(path.read_text(encoding="utf-8"))


def _check_config(config: Any) -> None:
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise ValueError("adapter_config.json describes no LoRA")
    if found := [key for key in CODE if config.get(key)]:
        raise ValueError(f"adapter_config.json names code of its own ({found[0]})")
    ranks = [config.get("r"), *(config.get("rank_pattern") or {}).values()]
    alphas = [config.get("lora_alpha"), *(config.get("alpha_pattern") or {}).values()]
    if not all(isinstance(rank, int) and 1 <= rank <= MAX_RANK for rank in ranks):
        raise ValueError(f"its rank is not between 1 and {MAX_RANK}")
    if not all(isinstance(alpha, int | float) and math.isfinite(alpha) for alpha in alphas):
        raise ValueError("its lora_alpha is no number")
    root = 2 if config.get("use_rslora") else 1
    if any(abs(alpha) / min(ranks) ** (1 / root) > MAX_SCALE for alpha in alphas):
        raise ValueError("its lora_alpha is far too large for its rank")


def _check_rank(config: dict[str, Any], name: str, shape: list[int]) -> None:
    """Where all layers have one rank, each matrix must have it."""
    if config.get("rank_pattern") or len(shape) != 2:
        return
    for half, axis in (("lora_A.weight", 0), ("lora_B.weight", 1)):
        if name.endswith(half) and shape[axis] != config["r"]:
            raise ValueError(f"{name[:80]!r} has another rank than the {config['r']} of adapter_config.json")


def _check_index(index: Any) -> None:
    files = index.get("weight_map", {}).values() if isinstance(index, dict) else [None]
    for name in files:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise ValueError(f"its index names {str(name)[:80]!r}, which is no file of safetensors in the folder")


def _header(path: Path, most: int) -> dict[str, Any]:
    """The tensors that a file holds, by name. They must fill it without a gap or an overlap."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(most, size - 8):
            raise ValueError(f"{path.name} has a header of {length:,} bytes, which can't be")
        header = json.loads(file.read(length), object_pairs_hook=_without_doubles)
    if not isinstance(header, dict):
        raise ValueError(f"{path.name} has a header that is no list of tensors")
    tensors = {name: tensor for name, tensor in header.items() if name != "__metadata__"}
    end = 0
    for name, begins, ends in sorted(_spans(tensors), key=lambda span: span[1:]):
        if begins != end:
            raise ValueError(f"in {path.name}, {name[:80]!r} overlaps another tensor, or leaves a gap")
        end = ends
    if end != size - 8 - length or not tensors:
        raise ValueError(f"{path.name} holds {size - 8 - length:,} bytes of tensors, and its header tells of {end:,}")
    return tensors


def _spans(tensors: dict[str, Any]) -> list[tuple[str, int, int]]:
    spans = []
    for name, tensor in tensors.items():
        try:
            shape, (begins, ends), item = tensor["shape"], tensor["data_offsets"], ITEM_BYTES[tensor["dtype"]]
            fits = all(type(each) is int and each >= 0 for each in (*shape, begins, ends))
            if not fits or math.prod(shape) * item != ends - begins:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{name[:80]!r} is described wrongly") from None
        spans.append((name, begins, ends))
    return spans


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("a name stands twice in its header")
    return dict(pairs)
