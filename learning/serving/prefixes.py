"""Prompts that were read before: a new prompt that begins the same needs only its rest to be read.

One store for each adapter version, since a LoRA on keys and values changes them. Bounded in memory; what was not used
for longest goes first.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

LEAST = 16  # tokens below which looking it up isn't worth it


class Prefixes:
    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()

    @property
    def bytes(self) -> int:
        return sum(kept.nbytes for kept in self._kept.values())

    def longest(self, prompt: Sequence[int]) -> tuple[int, Tensor | None]:
        """How many of the prompt's first tokens were read before, and what was kept of them.

        At least the last token is left to be read: its output is what the answer begins with.
        """
        best = max(self._kept, key=lambda kept: common(kept, prompt), default=())
        length = min(common(best, prompt), len(prompt) - 1)
        if length < LEAST:
            return 0, None
        self._kept.move_to_end(best)
        return length, self._kept[best]

    def latest(self, number: int) -> list[tuple[int, ...]]:
        """The prompts that were used last, the newest at the end. Any thread may ask."""
        kept = [*self._kept]
        return kept[max(0, len(kept) - number) :]

    def keep(self, prompt: Sequence[int], states: Tensor) -> None:
        """Keep it in place of what it begins with, within the bound."""
        for kept in [kept for kept in self._kept if common(kept, prompt) == len(kept)]:
            del self._kept[kept]
        self._kept[tuple(prompt)] = states
        while self._kept and self.bytes > self._max_bytes:
            self._kept.popitem(last=False)


def common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common beginning."""
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return i
    return min(len(a), len(b))
