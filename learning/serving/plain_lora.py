"""An adapter's folder → what it adds to the shared base model: milliseconds, and little for Python to do meanwhile.

Only what is plainly LoRA on linear layers, and fits. Everything else is left to peft, which knows all its kinds, and
says what is wrong with a folder (`merging`).
"""

from dataclasses import fields
from pathlib import Path

from peft import LoraConfig, PeftConfig
from peft.tuners.tuners_utils import check_target_module_exists
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from peft.utils.other import get_pattern_key
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from learning.serving.adapted import Adapted, Lora
from learning.serving.merging import not_finite

UNDERSTOOD = frozenset(
    "r lora_alpha target_modules exclude_modules layers_to_transform layers_pattern rank_pattern alpha_pattern "
    "use_rslora lora_dropout fan_in_fan_out task_type inference_mode base_model_name_or_path revision "
    "peft_version".split()
)
"""Fields that say how large the matrices are and where they go, or nothing about what is computed."""
PLAIN = LoraConfig()

Parts = dict[str, tuple[Tensor, Tensor]]


def read_lora(model: Adapted, folder: Path) -> Lora | None:
    """None for an adapter of another kind, and for one that doesn't fit. Raises AdapterBroken for what isn't finite."""
    try:
        config = PeftConfig.from_pretrained(str(folder))
        weights = load_file(folder / SAFETENSORS_WEIGHTS_NAME)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, SafetensorError):
        return None
    parts = _parts(model, config, weights) if _is_plain(config) else None
    if parts is None:
        return None
    if not all(bool(weight.isfinite().all()) for part in parts.values() for weight in part):
        raise not_finite(folder)
    return model.lora(parts)


def _is_plain(config: PeftConfig) -> bool:
    names = {field.name for field in fields(LoraConfig)} - UNDERSTOOD
    return type(config) is LoraConfig and all(getattr(config, name) == getattr(PLAIN, name) for name in names)


def _parts(model: Adapted, config: LoraConfig, weights: dict[str, Tensor]) -> Parts | None:
    """None unless each targeted layer has its two matrices, and nothing is left over."""
    parts = {}
    device, dtype = model.model.device, model.model.dtype
    for name, (inputs, outputs) in model.sizes().items():
        if not check_target_module_exists(config, name):
            continue
        down, up = (weights.pop(f"base_model.model.{name}.lora_{half}.weight", None) for half in "AB")
        rank = _for_layer(config.rank_pattern, name, config.r)
        if down is None or up is None or down.shape != (rank, inputs) or up.shape != (outputs, rank):
            return None
        scale = _for_layer(config.alpha_pattern, name, config.lora_alpha) / (rank**0.5 if config.use_rslora else rank)
        # A copy: what is read is the file itself, and whoever writes into that would write into what serves.
        parts[name] = down.to(device, dtype, copy=True), (scale * up.to(device, dtype).T).contiguous()
    return parts if parts and not weights else None


def _for_layer(pattern: dict[str, int] | None, name: str, otherwise: int) -> int:
    given = pattern or {}
    return given.get(get_pattern_key(list(given), name), otherwise)
