"""From a lesson to the first search that finds it, the database included, and what a restart takes to index again.

The encoder is left out: its vectors are made from the texts' hashes.
"""

import asyncio
import tempfile
import time
import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bot.feedback import Lesson, LessonSource, Phrasing
from bot.ids import FactId, LessonId
from bot.ports import Unit
from deploy.bench.report import OURS, Bench, Row
from learning.encoder import DIMENSIONS, Vectors
from learning.knowledge import Memory
from storage.database import SqlStore

FACTS = 10_000
LESSONS = 50


class HashEncoder:
    """Every text has a direction of its own."""

    name = "bench"

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = [np.random.default_rng(zlib.crc32(text.encode())).standard_normal(DIMENSIONS) for text in texts]
        return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)


def run(bench: Bench, facts: int = FACTS) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(f"sqlite:///{Path(folder) / 'mentee.db'}")
        store.migrate()
        try:
            asyncio.run(_measure(bench, store, facts))
        finally:
            store.close()


async def _measure(bench: Bench, store: SqlStore, facts: int) -> None:
    await store.run(lambda unit: _teach(unit, range(facts)))
    await Memory(store, HashEncoder()).refresh()  # keeps the vectors
    memory = Memory(store, HashEncoder())
    began = time.perf_counter()
    await memory.refresh()
    bench.add(Row(f"indexing again after a restart, {facts:,} facts", OURS, "s", (time.perf_counter() - began,)))
    times = [await _until_found(store, memory, facts + number) for number in range(LESSONS)]
    bench.add(Row(f"from a lesson to the search that finds it, {facts:,} facts", OURS, "ms", tuple(times)))


async def _until_found(store: SqlStore, memory: Memory, number: int) -> float:
    began = time.perf_counter()
    await store.run(lambda unit: _teach(unit, [number]))
    found = await memory.search(_question(number))
    took = (time.perf_counter() - began) * 1e3
    if found.facts[0].fact.lesson.question != _question(number):
        raise AssertionError(f"the search after lesson {number} did not find it")
    return took


def _question(number: int) -> str:
    return f"How does part {number} work?"


def _teach(unit: Unit, numbers: Iterable[int]) -> None:
    for number in numbers:
        lesson = Lesson(
            id=LessonId(f"l{number}"), fact=FactId(f"f{number}"), question=_question(number),
            answer=f"Turn it {number}°.", author="bench", author_name="bench", source=LessonSource.TAUGHT,
            taught_at=datetime.now(UTC),
        )  # fmt: skip
        unit.lessons.add(lesson)
        unit.lessons.add_phrasing(Phrasing(fact=lesson.fact, text=lesson.question, origin=lesson.id))
