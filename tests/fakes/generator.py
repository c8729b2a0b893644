"""A generator that says what the test has written for it, and otherwise copies the first help text of its prompt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.generation import Generation, Sampling
from bot.ids import AdapterId
from bot.prompting import Message


@dataclass
class FakeGenerator:
    replies: list[str] = field(default_factory=list)
    """What to say next; when empty, the help text itself."""
    adapter: AdapterId | None = None
    prompts: list[Sequence[Message]] = field(default_factory=list)

    async def generate(
        self, messages: Sequence[Message], sampling: Sampling, *, on_text: Callable[[str], None] | None = None
    ) -> Generation:
        self.prompts.append(messages)
        text = self.replies.pop(0) if self.replies else _first_passage(messages)
        words = text.split(" ")[: sampling.max_new_tokens]
        if on_text is not None:
            for i, word in enumerate(words):
                on_text(word if i == 0 else f" {word}")
        return Generation(" ".join(words), self.adapter)


def _first_passage(messages: Sequence[Message]) -> str:
    _, _, documents = messages[0].content.partition("Help text:\n")
    return documents.split("\n\n")[0].partition("\n")[2]
