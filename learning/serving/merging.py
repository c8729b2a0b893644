"""Base model and adapter as one plain model. Refuses an adapter that does not fit."""

from pathlib import Path

import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, PreTrainedModel

from bot.errors import AdapterBroken
from learning.models import BaseModel


def load_merged(base: BaseModel, adapter: Path | None) -> PreTrainedModel:
    """In fp32 on the processor. Raises AdapterBroken for an adapter of another shape or with numbers not finite."""
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32)
    if adapter is None:
        model.eval()
        return model
    try:
        tuned = PeftModel.from_pretrained(model, str(adapter))
    except (RuntimeError, ValueError, KeyError, TypeError, SafetensorError) as problem:
        raise AdapterBroken(
            f"Adapter {adapter.name} doesn't fit the base model {base.name}: {type(problem).__name__}. "
            "Promote another adapter, or set MENTEE_BASE_MODEL to the one that it was trained for."
        ) from problem
    if not all(bool(p.isfinite().all()) for name, p in tuned.named_parameters() if "lora_" in name):
        raise not_finite(adapter)
    merged: PreTrainedModel = tuned.merge_and_unload()
    merged.eval()
    return merged


def not_finite(adapter: Path) -> AdapterBroken:
    return AdapterBroken(f"Adapter {adapter.name} holds numbers that are not finite. Roll back, and retrain.")
