"""What writes with one adapter version: the base model that all versions share, and what the version adds to it.

A new version is loaded beside the others and touches none of them; it is freed when the last one who writes with it
lets go. One that is no plain LoRA is merged into a model of its own.
"""

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.ids import AdapterId
from bot.prompting import Passage, grounded_prompt
from learning.chat_format import Encoded, encode_example
from learning.dataset import general_examples
from learning.models import BaseModel
from learning.precision import has_fast_bf16
from learning.serving.adapted import NOTHING, Adapted, Lora
from learning.serving.decoding import Decoder
from learning.serving.merging import load_merged
from learning.serving.plain_lora import read_lora
from learning.serving.precision import halve
from learning.untrusted import check_adapter

Precision = Literal["fp16", "fp32", "bf16"]
Wanted = Literal["auto", "fp16", "fp32"]
"""auto: fp16 if it proves to be as good and faster."""
GENERAL_TEXTS = 2
"""Beside a grounded one: enough tokens to tell 99 % from less, few enough to be read in a second."""
MAX_TEXT_TOKENS = 160
COPIED = (
    "Open the settings, choose Rooms, and press Add. Up to 12 rooms fit into a house; each takes 3 minutes to appear. "
    "A room that is red has no sensor: hold its button for 5 seconds, or write to support before noon."
)


@dataclass(frozen=True, eq=False)
class Slot:
    """Implements `learning.serving.versions.Version`."""

    adapter: AdapterId | None
    """None is the base model itself."""
    decoder: Decoder
    lora: Lora

    @property
    def model(self) -> PreTrainedModel:
        return self.decoder.model

    async def free(self) -> None:
        """Nothing to do: it goes with its last reference."""


class Slots:
    """Loads the base model with the first slot. One thread calls it."""

    def __init__(self, base: BaseModel, tokenizer: PreTrainedTokenizerBase, wanted: Wanted = "auto") -> None:
        self._base = base
        self._tokenizer = tokenizer
        self._wanted: Wanted = wanted
        self._model: Adapted | None = None
        self._decoder: Decoder | None = None
        self.precision: Precision | None = None
        """What the base's weights are; not known before the first slot."""

    def load(self, adapter: AdapterId | None, folder: Path | None) -> Slot:
        """A few seconds the first time, then milliseconds.

        Raises AdapterBroken for an adapter that doesn't fit the base model or holds numbers that are not finite.
        """
        if folder is not None:
            check_adapter(folder)
        if self._model is None:
            self._model = self._loaded(None)
        lora = read_lora(self._model, folder) if folder is not None else NOTHING
        merged = self._loaded(folder) if lora is None else None
        if self._decoder is None:
            with self._model.wearing([lora or NOTHING]):
                self.precision = self._lightened(self._model, self._wanted)
            self._decoder = Decoder(self._model)
        if merged is None:
            return Slot(adapter, self._decoder, lora or NOTHING)
        self._lightened(merged, "fp16" if self.precision == "fp16" else "fp32")
        return Slot(adapter, Decoder(merged), NOTHING)

    def _loaded(self, adapter: Path | None) -> Adapted:
        if not torch.cuda.is_available():
            return Adapted(load_merged(self._base, adapter))
        model = load_merged(self._base, adapter, torch.float32 if self._wanted == "fp32" else gpu_dtype())
        return Adapted(model.to("cuda"))  # type: ignore[arg-type]  # its stub takes a Tensor's

    def _lightened(self, model: Adapted, wanted: Wanted) -> Precision:
        """Halve the precision where that is wanted and harmless: measured with the first adapter, then known."""
        if torch.cuda.is_available():
            return "bf16" if model.model.dtype == torch.bfloat16 else "fp32"
        halved = wanted != "fp32" and halve(model.model, calibration(self._tokenizer) if wanted == "auto" else [])
        gc.collect()  # frees the exact weights
        return "fp16" if halved else "fp32"


def gpu_dtype() -> torch.dtype:
    """What adapters are trained and judged in there, too: GPUs before Ampere only emulate bf16, and slowly."""
    return torch.bfloat16 if has_fast_bf16() else torch.float32


def calibration(tokenizer: PreTrainedTokenizerBase) -> list[Encoded]:
    """Texts on which a model of reduced precision has to hold up: one that is copied, some that are not."""
    question = "How do I add a room?"
    copied = encode_example(
        tokenizer, grounded_prompt(question, [Passage("Rooms", COPIED)]), COPIED, 2 * MAX_TEXT_TOKENS
    )
    general = general_examples("held_out")[:GENERAL_TEXTS]
    return [copied, *(encode_example(tokenizer, e.messages, e.answer, MAX_TEXT_TOKENS) for e in general)]


def describe_machine() -> str:
    """What generates here, for `mentee doctor`."""
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} in {str(gpu_dtype()).removeprefix('torch.')}"
    return f"the processor, up to {torch.get_num_threads()} threads, fp16 weights where a model holds up with them"
