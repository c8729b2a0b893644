"""An answer while it is being written: what of it may be shown, and when. Knows nothing of where it is shown."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bot.support import support

PATIENCE_S = 3.0
"""A platform that takes longer to show a draft is left alone: the answer doesn't wait for it."""


@dataclass
class CheckedText:
    """Lets through whole sentences whose text, from its beginning, would pass as the answer if it ended there.

    The check is the answer's own (`support`): what is shown is never less borne out by its sources than what is said.
    A later sentence may still fail it; then the draft is taken back, since half an answer can mislead.
    """

    sources: Sequence[str]
    supported_from: float
    on_text: Callable[[str], None]
    """Gets each new piece of what may be shown."""
    is_fit: Callable[[str], bool] = lambda _: True
    """Whether a text keeps to the style, too."""
    _written: str = ""
    _shown: int = 0

    def __call__(self, piece: str) -> None:
        self._written = (self._written + piece).lstrip()
        whole = finished_sentences(self._written)
        if len(whole) > self._shown and support(whole, self.sources) >= self.supported_from and self.is_fit(whole):
            self.on_text(whole[self._shown :])
            self._shown = len(whole)


def finished_sentences(text: str) -> str:
    """The text up to the last end of a sentence that something follows: "costs $9." may go on as "costs $9.50"."""
    ends = [i for i, char in enumerate(text[:-1]) if char in ".!?:" and text[i + 1].isspace()]
    return text[: ends[-1] + 1] if ends else ""


@dataclass
class Drafting:
    """Shows one answer's drafts: one call at a time, the newest text wins. A lost draft is no loss."""

    send: Callable[[str], Awaitable[None]]
    _newest: str | None = None
    _sending: asyncio.Task[None] | None = field(default=None, repr=False)
    _given_up: bool = False

    def show(self, text: str) -> None:
        self._newest = text
        if not self._given_up and (self._sending is None or self._sending.done()):
            self._sending = asyncio.create_task(self._send())

    async def end(self) -> None:
        """Nothing is on its way any more afterwards."""
        self._newest, self._given_up = None, True
        if self._sending is not None:
            await asyncio.wait([self._sending])

    async def _send(self) -> None:
        while self._newest is not None:
            text, self._newest = self._newest, None
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self.send(text)
            except Exception:  # whatever it is, the answer itself is on its way
                self._given_up, self._newest = True, None
