"""A generator that says what the test has written for it, and otherwise copies the first help text of its prompt."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bot.errors import TooLate
from bot.generation import Generation, Sampling
from bot.ids import AdapterId
from bot.prompting import Message


@dataclass
class FakeGenerator:
    replies: list[str] = field(default_factory=list)
    """What to say next; when empty, the help text itself."""
    adapter: AdapterId | None = None
    ready: frozenset[AdapterId] = frozenset()
    """Others that may be preferred."""
    prompts: list[Sequence[Message]] = field(default_factory=list)
    failure: Exception | None = None
    """What to raise instead, for as long as it is set."""
    after_word: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0)
    """Awaited after each word that is written."""

    async def generate(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        on_text: Callable[[str], None] | None = None,
        prefer: AdapterId | None = None,
    ) -> Generation:
        """A token is a word; a temperature mixes the words up."""
        if sampling.deadline_s is not None and sampling.deadline_s <= 0:
            raise TooLate("The deadline has passed.")
        self.prompts.append(messages)
        if self.failure is not None:
            raise self.failure
        words = (self.replies.pop(0) if self.replies else _first_passage(messages)).split(" ")
        if sampling.temperature > 0:
            random.Random(sampling.seed).shuffle(words)
        text = " ".join(words[: sampling.max_new_tokens])
        end = min((text.index(stop) for stop in sampling.stop if stop in text), default=None)
        if on_text is not None:
            for i, word in enumerate(text[:end].split(" ")):
                on_text(word if i == 0 else f" {word}")
                await self.after_word()
        cut = len(words) > sampling.max_new_tokens
        writer = prefer if prefer in self.ready else self.adapter
        return Generation(text[:end].strip(), writer, "stop" if end is not None else "length" if cut else "end")


def _first_passage(messages: Sequence[Message]) -> str:
    _, _, documents = messages[0].content.partition("Help text:\n")
    return documents.split("\n\n")[0].partition("\n")[2]
