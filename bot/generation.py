"""What is asked of a text generator, and what it gives back. Knows nothing of models or engines."""

from dataclasses import dataclass
from typing import Literal

from bot.ids import AdapterId


@dataclass(frozen=True)
class Sampling:
    """How a text is to be written."""

    max_new_tokens: int
    stop: tuple[str, ...] = ()
    """The text ends before the first of these."""
    temperature: float = 0.0
    """0 is greedy: the same messages give the same text."""
    seed: int = 0
    """With a temperature: the same seed gives the same text, whatever else is being written."""
    deadline_s: float | None = None
    """Seconds from the request after which nobody wants the text any more."""


@dataclass(frozen=True)
class Generation:
    text: str
    adapter: AdapterId | None
    """The version that the whole text was written with; None is the base model."""
    finish: Literal["end", "length", "stop"] = "end"
    """The model ended it, the token limit did, or a stop string."""
