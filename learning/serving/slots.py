"""One immutable model for each adapter version: base and adapter merged, never changed afterwards.

A swap builds the new slot beside the old one; whoever still writes with the old one holds on to it, and it is freed
when the last of them lets go.
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
from learning.serving.decoding import Decoder
from learning.serving.merging import load_merged
from learning.serving.precision import halve

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
    model: PreTrainedModel
    precision: Precision
    decoder: Decoder

    async def free(self) -> None:
        """Nothing to do: it goes with its last reference."""


def load_slot(
    base: BaseModel,
    tokenizer: PreTrainedTokenizerBase,
    adapter: AdapterId | None,
    folder: Path | None,
    wanted: Wanted = "auto",
) -> Slot:
    """Load base and adapter, merge them, and halve the precision where that is wanted and harmless; a few seconds.

    Raises AdapterBroken for an adapter that doesn't fit the base model or holds numbers that are not finite.
    """
    model = load_merged(base, folder)
    if torch.cuda.is_available():
        model = model.to(torch.device("cuda"), torch.bfloat16)  # type: ignore[arg-type]  # its stub takes a Tensor's
        return Slot(adapter, model, "bf16", Decoder(model))
    halved = wanted != "fp32" and halve(model, calibration(tokenizer) if wanted == "auto" else [])
    gc.collect()  # frees the exact weights
    return Slot(adapter, model, "fp16" if halved else "fp32", Decoder(model))


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
        return f"{torch.cuda.get_device_name()} in bfloat16"
    return f"the processor, up to {torch.get_num_threads()} threads, fp16 weights where a model holds up with them"
