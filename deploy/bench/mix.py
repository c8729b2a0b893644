"""Known and generated questions mixed, at a rising rate until the answers take too long."""

import asyncio
import csv
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bot.answering import Answering
from bot.answers import Candidate
from bot.conversation import Question
from bot.ids import FactId
from bot.policy import Policy
from bot.ports import Generator, Knowledge
from bot.texts import ENGLISH
from deploy.bench.report import OURS, Bench, Row, percentile
from deploy.bench.workloads import FAQ, HELP, question_about
from learning.encoder import Encoder
from learning.knowledge import Memory
from learning.sources.ingest import ingest
from learning.sources.reading import sections_in
from storage.database import SqlStore

RATES = (2, 4, 8, 16)
"""Questions a second."""
LEVEL_S = 12.0
GENERATED_EVERY = 5
LIMIT_S = 5.0
DECLINED = (Candidate(FactId("none"), ""),)
"""What is known isn't meant: the answer has to be written."""
ENTRIES = 20
PAGES = sorted(HELP.glob("*.md"))[:8]


@dataclass(frozen=True)
class Mix:
    answering: Answering
    known: list[str]
    to_generate: list[str]

    async def ask(self, number: int) -> tuple[float, bool]:
        """Seconds until the answer, and whether it was that too many are waiting."""
        is_generated = number % GENERATED_EVERY == GENERATED_EVERY - 1
        questions = self.to_generate if is_generated else self.known
        question = Question(questions[number % len(questions)])
        began = time.perf_counter()
        answer = await self.answering.answer(question, declined=DECLINED if is_generated else ())
        return time.perf_counter() - began, answer.text == ENGLISH.busy

    async def arrive(self, rate: int, seconds: float) -> list[tuple[float, bool]]:
        """Questions come whether or not earlier ones are answered, at random times that are the same in each run."""
        chance, began, due = random.Random(rate), time.perf_counter(), 0.0
        asking: list[asyncio.Task[tuple[float, bool]]] = []
        while due < seconds:
            await asyncio.sleep(began + due - time.perf_counter())
            asking.append(asyncio.create_task(self.ask(len(asking))))
            due += chance.expovariate(rate)
        return await asyncio.gather(*asking)


async def run(
    bench: Bench, encoder: Encoder, generator: Generator, policy: Policy, rates: Sequence[int] = RATES,
    level_s: float = LEVEL_S,
) -> None:  # fmt: skip
    """Add mix_held_per_s: the highest rate at which 95 % are answered within 5 s, and nobody is turned away."""
    async with _knowledge(encoder) as knowledge:
        always_written = replace(policy, clear_by=-1.0)
        mix = Mix(Answering(knowledge, generator, always_written, ENGLISH), _faq_questions(), _page_questions())
        for rate in bench.each(rates, lambda rate: f"{rate} questions/s"):
            answers = await mix.arrive(rate, level_s)
            times, refused = tuple(took for took, _ in answers), sum(busy for _, busy in answers)
            p95 = percentile(times, 95)
            note = f"p95 {p95:.2f} s of {len(times)}, {refused} turned away"
            bench.add(Row(f"80 % known, 20 % generated, {rate}/s", OURS, "s", times, note=note))
            if refused or p95 > LIMIT_S:
                break
            bench.figure("mix_held_per_s", rate)


@asynccontextmanager
async def _knowledge(encoder: Encoder) -> AsyncIterator[Knowledge]:
    """Some of the demo product's."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(f"sqlite:///{Path(folder) / 'mentee.db'}")
        try:
            store.migrate()
            some = Path(folder) / "faq.csv"
            some.write_text("\n".join(FAQ.read_text(encoding="utf-8").splitlines()[: ENTRIES + 1]), encoding="utf-8")
            await ingest([some, *PAGES], store)
            memory = Memory(store, encoder)
            await memory.refresh()
            yield memory
        finally:
            store.close()


def _faq_questions() -> list[str]:
    with FAQ.open(encoding="utf-8", newline="") as file:
        return [row["question"] for row in csv.DictReader(file)][:ENTRIES]


def _page_questions() -> list[str]:
    return [question_about(section) for section in sections_in(PAGES)]
