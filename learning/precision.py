"""How the base model's numbers are kept while it is trained on, and on what device. The adapter itself is fp32."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging

from bot.errors import SettingError
from learning.loading import one_at_a_time
from learning.recipe import Precision

Wanted = Literal["auto", "fp32", "bf16", "4bit"]


def choose_precision(wanted: Wanted, *, gpu: bool, fast_bf16: bool) -> Precision:
    """`fast_bf16`: the device multiplies bf16 faster than fp32. Raises SettingError for what it can't do."""
    if wanted == "auto":
        return "bf16" if fast_bf16 else "fp32"
    if wanted == "4bit" and not gpu:
        raise SettingError(
            "MENTEE_TRAINING_PRECISION is 4bit, which needs an NVIDIA GPU, and there is none. "
            "Set it to auto, and choose a smaller base model if memory is short."
        )
    if wanted == "4bit" and find_spec("bitsandbytes") is None:
        raise SettingError(
            "MENTEE_TRAINING_PRECISION is 4bit, which needs bitsandbytes: pip install -e '.[4bit]', or set it to auto."
        )
    return wanted


def has_fast_bf16() -> bool:
    """Of processors, those with AMX: AVX-512's bf16 was measured to be slower than fp32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def load_base(folder: Path | str, precision: Precision) -> PreTrainedModel:
    """The base model, on this process's GPU where there is one."""
    device = f"cuda:{torch.cuda.current_device()}" if torch.cuda.is_available() else "cpu"
    dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    quantisation = _nf4() if precision == "4bit" else None
    logging.disable_progress_bar()
    with one_at_a_time:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, device_map={"": device} if quantisation else None, quantization_config=quantisation
        )
    return model if quantisation else model.to(device)  # type: ignore[arg-type]  # its stub takes a Tensor's


def _nf4() -> BitsAndBytesConfig:
    """QLoRA's format (Dettmers et al. 2023)."""
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
