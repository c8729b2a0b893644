"""Adapters of random weights for a tiny base model."""

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, PreTrainedModel

from bot.ids import AdapterId
from learning.models import BaseModel
from storage.adapter_files import AdapterFiles


def adapted(base: PreTrainedModel, *, seed: int = 1, scale: float = 0.1) -> PeftModel:
    """Put an adapter around the base that changes what it says: peft lets B begin at zero."""
    torch.manual_seed(seed)
    model = get_peft_model(base, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=scale)
    return model


def make_adapter(files: AdapterFiles, base: BaseModel, id: str, *, seed: int, scale: float = 0.3) -> AdapterId:
    """Publish an adapter of random weights: it makes the base model say something else."""
    model = adapted(AutoModelForCausalLM.from_pretrained(base.folder), seed=seed, scale=scale)
    adapter = AdapterId(id)
    staged = files.stage(adapter)
    model.save_pretrained(str(staged))
    (staged / "README.md").write_text("# A random adapter\n", encoding="utf-8")
    files.publish(adapter, staged, base.sha256)
    return adapter


def tiny_base(folder: Path) -> BaseModel:
    return BaseModel(name="tiny", folder=folder, sha256="tiny-sha256")
