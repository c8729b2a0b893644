"""Ways to spoil an adapter's or a model's folder, by name: what an attacker may put there."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from storage.adapter_files import CONFIG, WEIGHTS

RAN = "it-ran"


class Runs:
    """A pickle that leaves a mark when it is loaded."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.system, (f"touch {RAN}",)


PICKLE = pickle.dumps(Runs())


def bomb(size: int = 1 << 20) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", PICKLE)
        archive.writestr("zeros", bytes(size))
    return packed.getvalue()


# --- files ------------------------------------------------------------------------------------------------------------

Spoil = Callable[[Path], object]


def weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Spoil:
    def spoil(folder: Path) -> None:
        save_file(change(load_file(folder / WEIGHTS)), folder / WEIGHTS)

    return spoil


def every(change: Callable[[torch.Tensor], torch.Tensor]) -> Spoil:
    return weights(lambda tensors: {name: change(each).contiguous() for name, each in tensors.items()})


def raw(content: bytes) -> Spoil:
    return lambda folder: (folder / WEIGHTS).write_bytes(content)


def header(change: Callable[[dict[str, Any]], Any], *, body: bytes | None = None) -> Spoil:
    """The same tensors under another header."""

    def spoil(folder: Path) -> None:
        content = (folder / WEIGHTS).read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        told = json.dumps(change(json.loads(content[8 : 8 + length]))).encode()
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(told)) + told + (body or content[8 + length :]))

    return spoil


def first(described: dict[str, Any], **changes: Any) -> dict[str, Any]:
    name = next(name for name in described if name != "__metadata__")
    return {**described, name: {**described[name], **changes}}


def config(**changes: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        known = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps({**known, **changes}))

    return spoil


def added(name: str, content: bytes) -> Spoil:
    return lambda folder: (folder / name).write_bytes(content)


def instead(name: str, content: bytes) -> Spoil:
    """What peft falls back to where the safetensors are missing."""

    def spoil(folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        (folder / name).write_bytes(content)

    return spoil


def linked(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder.parent / "elsewhere")
    (folder / WEIGHTS).symlink_to(folder.parent / "elsewhere")


def nested(depth: int) -> bytes:
    told = b"[" * depth
    return struct.pack("<Q", len(told)) + told


def a_name_twice(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    told = content[8 : 8 + length].rstrip()
    again = told[:-1] + b"," + told[1:]
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(again)) + again + content[8 + length :])


def overlapping(described: dict[str, Any]) -> dict[str, Any]:
    spans = [each for name, each in described.items() if name != "__metadata__"]
    spans[1]["data_offsets"] = [spans[0]["data_offsets"][0], spans[0]["data_offsets"][0] + _length(spans[1])]
    return described


def _length(described: dict[str, Any]) -> int:
    begins, ends = described["data_offsets"]
    return int(ends) - int(begins)


def renamed(change: Callable[[str], str]) -> Spoil:
    return weights(lambda tensors: {change(name): each for name, each in tensors.items()})


TEMPLATE = b"{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}"
ADAPTERS: dict[str, Spoil] = {
    "pickle as weights": raw(PICKLE),
    "torch file as weights": raw(bomb(10)),
    "zip bomb as weights": raw(bomb()),
    "adapter_model.bin beside": added("adapter_model.bin", PICKLE),
    "adapter_model.bin instead": instead("adapter_model.bin", PICKLE),
    "adapter_model.bin as zip": instead("adapter_model.bin", bomb()),
    "optimizer.pt": added("optimizer.pt", PICKLE),
    "training_args.bin": added("training_args.bin", PICKLE),
    "a module": added("modeling_evil.py", b"import os"),
    "chat_template.jinja": added("chat_template.jinja", TEMPLATE),
    "tokenizer with a template": added("tokenizer_config.json", b'{"chat_template": "%b"}' % TEMPLATE),
    "a config of a model": added("config.json", b'{"auto_map": {"AutoModel": "evil.Evil"}}'),
    "a hidden file": added(".evil.json", b"{}"),
    "linked weights": linked,
    "empty weights": raw(b""),
    "seven bytes": raw(b"1234567"),
    "a header of 2^63 bytes": raw(struct.pack("<Q", 1 << 63) + b"{}"),
    "a header of a gigabyte": raw(struct.pack("<Q", 1 << 30) + b"{}"),
    "a header of 5 MB": raw(struct.pack("<Q", 5 << 20) + b" " * (5 << 20)),
    "a header that is deep": raw(nested(100_000)),
    "a header that is no JSON": raw(struct.pack("<Q", 4) + b"\xff\xfe{}"),
    "a header that is a list": raw(struct.pack("<Q", 2) + b"[]"),
    "no tensor": raw(struct.pack("<Q", 2) + b"{}"),
    "a name twice": a_name_twice,
    "overlapping tensors": header(overlapping),
    "a gap": header(lambda told: first(told, data_offsets=[8, 8])),
    "offsets before the file": header(lambda told: first(told, data_offsets=[-8, 0])),
    "offsets beyond the file": header(lambda told: first(told, data_offsets=[0, 1 << 40])),
    "an offset that is no number": header(lambda told: first(told, data_offsets=["0", "8"])),
    "a shape of 2^62": header(lambda told: first(told, shape=[1 << 62, 2])),
    "a negative shape": header(lambda told: first(told, shape=[-1, -64])),
    "a shape that is a string": header(lambda told: first(told, shape="4,64")),
    "an unknown type": header(lambda told: first(told, dtype="PICKLE")),
    "another type": header(lambda told: first(told, dtype="F64")),
    "bytes behind": lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes() + PICKLE),
    "cut off": lambda folder: os.truncate(folder / WEIGHTS, (folder / WEIGHTS).stat().st_size - 1),
    "whole numbers": every(lambda each: each.to(torch.int64)),
    "NaN": every(lambda each: each * float("nan")),
    "infinity": every(lambda each: each + float("inf")),
    "a row of NaN": every(lambda each: each.index_fill(0, torch.tensor([0]), float("nan"))),
    "ten times as large": every(lambda each: each * 10),
    "the wrong sign": every(lambda each: -each),
    "noise": every(lambda each: torch.randn_like(each)),
    "one weight altered": every(lambda each: each + 1e-3),
    "another rank": every(lambda each: torch.cat([each, each])),
    "transposed": every(lambda each: each.T),
    "a layer that isn't there": renamed(lambda name: name.replace("layers.0", "layers.99")),
    "a name that climbs": renamed(lambda name: f"base_model.model.../../{name}"),
    "a foreign name": renamed(lambda name: name.replace("base_model", "evil")),
    "half of it": weights(lambda tensors: dict(list(tensors.items())[::2])),
    "rank 0": config(r=0),
    "rank 1e9": config(r=10**9),
    "a rank that is text": config(r="4"),
    "an alpha of 1e30": config(lora_alpha=1e30),
    "an alpha of NaN": config(lora_alpha=float("nan")),
    "no LoRA": config(peft_type="PROMPT_TUNING"),
    "code in the config": config(auto_mapping={"base_model_class": "Evil", "parent_library": "os"}),
    "a config that is huge": lambda folder: (folder / CONFIG).write_text(" " * (1 << 20) + " {}"),
    "a config that is deep": lambda folder: (folder / CONFIG).write_text("[" * 100_000),
    "a config that is none": lambda folder: (folder / CONFIG).write_bytes(PICKLE),
}  # fmt: skip
MODELS: dict[str, Spoil] = {
    "pickled weights alone": lambda folder: _pickled(folder, ""),
    "pickled beside a foreign name": lambda folder: _pickled(folder, "x.safetensors"),
    "an index that names a pickle": lambda folder: _index(folder, "pytorch_model.bin"),
    "an index that climbs": lambda folder: _index(folder, "../model.safetensors"),
    "weights that are a pickle": lambda folder: (folder / "model.safetensors").write_bytes(PICKLE),
    "weights that are cut off": lambda folder: os.truncate(folder / "model.safetensors", 1_000),
}  # fmt: skip


def _pickled(folder: Path, others: str) -> None:
    (folder / "model.safetensors").rename(folder / (others or "model.gone"))
    (folder / "pytorch_model.bin").write_bytes(PICKLE)


def _index(folder: Path, name: str) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": {"a": name}}))
