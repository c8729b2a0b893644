"""Models and what is made of them: writing, searching, loading, redacting, planning, adapters on disk."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.generation import Generation, Sampling
from bot.ids import SHARED, AdapterId, Tenant
from bot.lineage import RetrainPlan
from bot.personal import Span
from bot.ports.unit import Unit
from bot.prompting import Message
from bot.retrieval import DroppedRow, Loaded, LoadReport, Retrieval


class Clock(Protocol):
    def __call__(self) -> datetime:
        """The time now, in UTC."""
        ...


class Generator(Protocol):
    async def generate(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        on_text: Callable[[str], None] | None = None,
        prefer: AdapterId | None = None,
    ) -> Generation:
        """Complete the conversation. `on_text` gets each new piece, in the caller's event loop. `prefer`: the adapter
        to write with, if it stands ready; else the one that serves writes.

        Raises Busy when the queue is full, TooLate after the deadline, EngineFailed when the text can't be had.
        Cancelling the task stops the generation.
        """
        ...


class IsRight(Protocol):
    def __call__(self, text: str, answer: str) -> bool:
        """True when a text says what a person answered."""
        ...


class Knowledge(Protocol):
    async def search(self, question: str, tenant: Tenant = SHARED) -> Retrieval:
        """Facts and sections for a question that is asked in a workspace, of what may be known there; sees every lesson
        that was committed before the call."""
        ...


class Library(Protocol):
    async def load(self, name: str, content: AsyncIterator[bytes], tenant: Tenant = SHARED) -> Loaded:
        """Load a file for a workspace, or for all; under the same name, in place of an earlier one. Raises
        SourceUnreadable."""
        ...

    async def report(self) -> LoadReport | None:
        """What the newest load did."""
        ...

    async def dropped(self, limit: int) -> Sequence[DroppedRow]:
        """What the newest loads dropped, source by source."""
        ...

    async def restore(self, row: str) -> Loaded:
        """Load a dropped row as it stands. Raises SourceUnreadable."""
        ...


class Planner(Protocol):
    def __call__(self, unit: "Unit") -> Callable[[], RetrainPlan]:
        """What a retraining would do now. Only reads: the plan is worked out by what it returns, outside of the
        transaction. That trains nothing, but with many lessons it takes minutes."""
        ...


class PersonalData(Protocol):
    """Finds what is personal in a text."""

    def find(self, text: str) -> Sequence[Span]:
        """Spans that don't overlap, in the order of the text; nothing in placeholders that stand there already."""
        ...

    def meet(self, name: str) -> None:
        """Hear of somebody's name; an empty one means nothing."""
        ...


class AdapterStore(Protocol):
    def folder(self, adapter: AdapterId) -> Path: ...

    def verify(self, adapter: AdapterId) -> None:
        """Raises AdapterBroken unless every file is there with the hash that its manifest names."""
        ...

    def stage(self, adapter: AdapterId) -> Path:
        """A fresh temporary folder to write an adapter into."""
        ...

    def publish(self, adapter: AdapterId, staged: Path, base_sha256: str) -> str:
        """Put a staged folder in its place at once or not at all; the sha256 of its weights."""
        ...
