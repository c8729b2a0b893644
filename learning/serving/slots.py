"""One immutable model for each adapter version: base and adapter merged, never changed afterwards.

A swap builds the new slot beside the old one; whoever still generates with the old one holds on to it, and it is freed
when the last of them lets go.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, PreTrainedModel

from bot.errors import AdapterBroken
from bot.ids import AdapterId
from learning.models import BaseModel


@dataclass(frozen=True)
class Slot:
    adapter: AdapterId | None
    """None is the base model itself."""
    model: PreTrainedModel


def load_slot(base: BaseModel, adapter: AdapterId | None, folder: Path | None) -> Slot:
    """Load base and adapter and merge them; half a second for a small model.

    Raises AdapterBroken for an adapter that doesn't fit the base model or holds numbers that are not finite.
    """
    dtype = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(base.folder, dtype=dtype, device_map=device)
    if adapter is None or folder is None:
        return Slot(None, model.eval())
    try:
        tuned = PeftModel.from_pretrained(model, str(folder))
    except (RuntimeError, ValueError, KeyError, TypeError, SafetensorError) as problem:
        raise AdapterBroken(
            f"Adapter {adapter} doesn't fit the base model {base.name}: {type(problem).__name__}. "
            "Promote another adapter, or set MENTEE_BASE_MODEL to the one that it was trained for."
        ) from problem
    weights = (p for name, p in tuned.named_parameters() if "lora_" in name)
    if not all(bool(p.isfinite().all()) for p in weights):
        raise AdapterBroken(f"Adapter {adapter} holds numbers that are not finite. Roll back, and retrain.")
    merged: PreTrainedModel = tuned.merge_and_unload()
    return Slot(adapter, merged.eval())


def describe_machine() -> str:
    """What generates here, for `mentee doctor`."""
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} in bfloat16"
    return f"the processor in float32, {torch.get_num_threads()} threads"
