"""Turns a quantised GGUF file into a plain model folder (safetensors), which training and serving need."""

from pathlib import Path
from typing import Any

from bot.errors import ModelFileError


def dequantise(gguf: Path, into: Path) -> None:
    """Takes about 20 s for 135M parameters. Raises ModelFileError when the file can't be read."""
    with gguf.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelFileError(f"{gguf} is not a GGUF file. Name another one in MENTEE_BASE_MODEL.")
    # Any reader's failure, of whatever type, says one thing: this file can't be used.
    try:
        model, tokenizer = _load(gguf)
    except Exception as problem:
        raise ModelFileError(
            f"{gguf} can't be read as a model: {type(problem).__name__}: {problem}. "
            "It may be cut off, or of an architecture that transformers can't load from GGUF; choose another model."
        ) from problem
    _as_plain(model).save_pretrained(into)
    tokenizer.save_pretrained(into)


def _load(gguf: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = str(gguf.parent)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=gguf.name, dtype=torch.float32)
    return model, tokenizer


def _as_plain(model: Any) -> Any:
    """The same model without the mark of having been quantised, which would forbid saving it."""
    from transformers import AutoModelForCausalLM

    settings = {key: value for key, value in model.config.to_dict().items() if key != "quantization_config"}
    plain: Any = AutoModelForCausalLM.from_config(type(model.config)(**settings))
    plain.load_state_dict(model.state_dict())
    return plain
