"""One text that is asked for: what it began with, what is written of it, and whom to tell.

Knows how a token is chosen and when a text is finished, not how logits are computed.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from bot.errors import EngineFailed, MenteeError, TooLate
from bot.generation import Sampling
from learning.serving.adapted import NOTHING, Lora
from learning.serving.drafting import Drafting
from learning.serving.streaming import Text
from learning.serving.text_stream import Detokenizer

OnPiece = Callable[[str], None]
OnEnd = Callable[["Request", MenteeError | None], None]


NOT_FINITE = -1
"""In place of a token where logits are no numbers."""


def likeliest_tokens(logits: Tensor) -> list[list[int]]:
    """(B, T, V) → T for each row. A GPU is waited for once, not for each row and token."""
    largest = logits.amax(-1)  # not a number where one of them is none, and found in a tenth of the time
    likeliest: list[list[int]] = logits.argmax(-1).masked_fill(~largest.isfinite(), NOT_FINITE).tolist()
    return likeliest


@dataclass(eq=False)
class Request:
    prompt: list[int]
    sampling: Sampling
    detokenizer: Detokenizer
    text: Text
    ends: frozenset[int]
    """Tokens that end a text."""
    on_end: OnEnd
    tokens: list[int]
    """The prompt and what has been written."""
    lora: Lora = NOTHING
    """What writes it, from its first word to the last."""
    read: int = 0
    """How many of the tokens the cache holds."""
    finish: Literal["end", "length", "stop"] | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    _asked_at: float = field(default_factory=time.monotonic)
    _drafting: Drafting = field(default_factory=Drafting)
    _chance: torch.Generator | None = None

    @classmethod
    def make(
        cls,
        prompt: list[int],
        sampling: Sampling,
        tokenizer: PreTrainedTokenizerBase,
        ends: frozenset[int],
        on_piece: OnPiece,
        on_end: OnEnd,
        lora: Lora = NOTHING,
    ) -> "Request":
        """`on_piece` and `on_end` are called in the engine's thread."""
        chance = torch.Generator().manual_seed(sampling.seed) if sampling.temperature > 0 else None
        text = Text(sampling.stop, on_piece)
        return cls(
            prompt, sampling, Detokenizer(tokenizer), text, ends, on_end, list(prompt), lora, _chance=chance
        )  # fmt: skip

    @property
    def is_reading(self) -> bool:
        """True until the whole prompt but for its last token is in the cache."""
        return self.read < len(self.prompt) - 1

    @property
    def is_late(self) -> bool:
        deadline_s = self.sampling.deadline_s
        return deadline_s is not None and time.monotonic() - self._asked_at >= deadline_s

    def draft(self, most: int) -> list[int]:
        """Tokens that may come next. Where chance decides, there is nothing to draft."""
        left = self.sampling.max_new_tokens - (len(self.tokens) - len(self.prompt)) - 1
        return [] if self._chance is not None else self._drafting.draft(self.tokens, min(most, left))

    def take(self, fed: Sequence[int], logits: Tensor, likeliest: Sequence[int]) -> None:
        """Go on writing. `logits` (T, V) follow the T tokens that were fed: the last known one, and its draft.

        `likeliest` are theirs by `likeliest_tokens`.
        """
        if NOT_FINITE in likeliest:
            raise EngineFailed("The model gave numbers that are not finite. Roll the adapter back, and retrain.")
        for i, chosen in enumerate(likeliest if self._chance is None else self._drawn(logits)):
            self.read += 1
            self._write(chosen)
            if self.finish or i + 1 == len(fed) or fed[i + 1] != chosen:
                break
        self._drafting.learn(len(fed) - 1, i, len(self.tokens))
        self._tell()

    def end(self, problem: MenteeError | None = None) -> None:
        self.on_end(self, problem)

    def fail_if_late(self) -> bool:
        """True when nobody waits any more; whoever set a deadline is told."""
        if self.is_late and not self.cancelled.is_set():
            self.end(TooLate(f"The text was not finished in {self.sampling.deadline_s:g} s."))
            return True
        return self.cancelled.is_set()

    def _drawn(self, logits: Tensor) -> list[int]:
        probabilities = torch.softmax(logits.float().cpu() / self.sampling.temperature, -1)
        drawn: list[int] = torch.multinomial(probabilities, 1, generator=self._chance)[:, 0].tolist()
        return drawn

    def _write(self, token: int) -> None:
        if token in self.ends:
            self.finish = "end"
            return
        self.tokens.append(token)
        if len(self.tokens) - len(self.prompt) >= self.sampling.max_new_tokens:
            self.finish = "length"

    def _tell(self) -> None:
        written = self.tokens[len(self.prompt) :]
        if self.text.add(self.detokenizer.grow(written, is_whole=self.finish is not None)):
            self.finish = "stop"
        elif self.finish is not None:
            self.text.flush()
