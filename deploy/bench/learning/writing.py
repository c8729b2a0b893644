"""Systems that write every answer: from the weights alone, or from corrections in the prompt.

Nothing that they say has a confidence. Knows nothing of what is measured.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bot.errors import NotWritten
from bot.generation import Sampling
from bot.ids import AdapterId
from bot.people import Person
from bot.prompting import Message, Passage, closed_book_prompt, grounded_prompt
from deploy.bench.learning.product import Product, Reply
from learning.encoder import Encoder, Vectors
from learning.models import BaseModel
from learning.serving.engine import Engine
from storage.adapter_files import AdapterFiles

WRITING_AT_ONCE = 8
SAMPLING = Sampling(max_new_tokens=120)
NEAREST = 3
"""Corrections in the prompt."""
APPROVE = "+1"


class Writer:
    """Writes with any adapter, promoted or not."""

    def __init__(self, base: BaseModel, files: AdapterFiles) -> None:
        self.base = base
        self.files = files
        self._engine = Engine(base, files, _none)
        self._room = asyncio.Semaphore(WRITING_AT_ONCE)

    async def write(self, adapter: AdapterId | None, prompt: list[Message]) -> str:
        """Nothing where nothing could be written."""
        async with self._room:
            try:
                return (await self._engine.generate_with(adapter, prompt, SAMPLING)).text
            except NotWritten:
                return ""

    def close(self) -> None:
        self._engine.close()


async def _none() -> AdapterId | None:
    """No adapter is live: each text names its own."""
    return None


@contextmanager
def open_writer(base: BaseModel, adapters_dir: Path) -> Iterator[Writer]:
    writer = Writer(base, AdapterFiles(adapters_dir, base.sha256))
    try:
        yield writer
    finally:
        writer.close()


class Written:
    """A system that writes what it says. This one is the base model alone, on which whatever agents say is lost."""

    at_once = WRITING_AT_ONCE

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.adapter: AdapterId | None = None

    async def ask(self, question: str, meant: set[str]) -> Reply:
        text = await self.writer.write(self.adapter, self._prompt(question))
        return Reply(text, bool(text), confidence=None, question=question)

    def _prompt(self, question: str) -> list[Message]:
        return closed_book_prompt(question)

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        """Only `reply.question` counts, so that what is known to be taught need not be written first."""

    async def react(self, reply: Reply, emoji: str, person: Person) -> None:
        """An approved answer is one more right answer to learn from."""
        if emoji == APPROVE:
            await self.correct(reply, reply.text, person)


class MemoryInContext(Written):
    """The base model reads the nearest corrections, the nearest one first; of one answer it sees the nearest question.

    Without any it answers from its weights.
    """

    def __init__(self, writer: Writer, encoder: Encoder) -> None:
        super().__init__(writer)
        self._encoder = encoder
        self._vectors: list[Vectors] = []
        self._lessons: list[Passage] = []

    def _prompt(self, question: str) -> list[Message]:
        if not self._lessons:
            return closed_book_prompt(question)
        cosines = np.stack(self._vectors) @ self._encoder.encode([question])[0]
        nearest: dict[str, Passage] = {}
        for i in np.argsort(-cosines, kind="stable"):
            nearest.setdefault(self._lessons[i].text, self._lessons[i])
            if len(nearest) == NEAREST:
                break
        return grounded_prompt(question, list(nearest.values()))

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        self._vectors.append(self._encoder.encode([reply.question])[0])
        self._lessons.append(Passage(reply.question, answer))


class HelpOnly:
    """The product, on which whatever agents say is lost: it has the help sections alone."""

    at_once = 1

    def __init__(self, product: Product) -> None:
        self._product = product

    async def ask(self, question: str, meant: set[str]) -> Reply:
        reply = await self._product.ask(question, meant)
        return Reply(reply.text, reply.is_answered, reply.asked_back, confidence=None, question=question)

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        """Lost."""

    async def react(self, reply: Reply, emoji: str, person: Person) -> None:
        """Lost."""
