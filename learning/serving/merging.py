"""Base model and adapter as one plain model. Refuses an adapter that does not fit."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from bot.errors import AdapterBroken
from learning.loading import one_at_a_time
from learning.models import BaseModel
from learning.untrusted import check_adapter


def load_merged(base: BaseModel, adapter: Path | None, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """On the processor; the weights are `dtype`, merged in fp32 before. Raises AdapterBroken for an adapter of another
    shape or with numbers not finite."""
    if adapter is None:
        with one_at_a_time:
            plain: PreTrainedModel = AutoModelForCausalLM.from_pretrained(base.folder, dtype=dtype)
        plain.eval()
        return plain
    check_adapter(adapter)
    with one_at_a_time:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Found missing adapter keys")  # refused below
            tuned = PeftModel.from_pretrained(model, str(adapter))
    except (RuntimeError, ValueError, KeyError, TypeError, SafetensorError) as problem:
        raise AdapterBroken(
            f"Adapter {adapter.name} doesn't fit the base model {base.name}: {type(problem).__name__}. "
            "Promote another adapter, or set MENTEE_BASE_MODEL to the one that it was trained for."
        ) from problem
    if _matrices(load_file(adapter / SAFETENSORS_WEIGHTS_NAME)) != _matrices(get_peft_model_state_dict(tuned)):
        raise AdapterBroken(
            f"Adapter {adapter.name} doesn't fit the base model {base.name}: it lacks matrices, or has some for layers "
            "that aren't there. Promote another adapter."
        )
    if not all(bool(p.isfinite().all()) for name, p in tuned.named_parameters() if "lora_" in name):
        raise not_finite(adapter)
    merged: PreTrainedModel = tuned.merge_and_unload()
    merged.eval()
    _cast_weights(merged, dtype)
    return merged


def _cast_weights(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """As if it had been loaded so. `model.to(dtype)` would round what is no weight, too: with the frequencies of rotary
    positions in bf16, a token some hundred places away seems to stand elsewhere."""
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)


def _matrices(names: Iterable[str]) -> set[str]:
    """peft only warns of what is missing or left over."""
    return {name for name in names if ".lora_A." in name or ".lora_B." in name}


def not_finite(adapter: Path) -> AdapterBroken:
    return AdapterBroken(f"Adapter {adapter.name} holds numbers that are not finite. Roll back, and retrain.")
