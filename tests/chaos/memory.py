"""Trainers that run out of memory, one after the other, beside the installed program with a real engine.

Most are forked from a process that has everything imported, so that a death takes a fraction of a second; they run the
product's own program under its own limit, in a session of their own, as the bot starts them. A few are the bot's own:
there, whoever the system would choose is killed.
"""

import asyncio
import contextlib
import os
import random
import signal
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from bot.feedback import Lesson, LessonSource, Phrasing
from bot.ids import FactId, LessonId, RunId, new_id
from bot.lineage import Run
from bot.ports import Unit
from deploy.wiring import utc_now
from learning.exits import data_bytes
from learning.process import explain
from learning.trainer import Spec
from tests.chaos.page import Given, ask, given, installation, lacks_encoder
from tests.chaos.tally import Tally
from tests.e2e.program import Installation, Running
from tests.e2e.waiting import eventually
from tests.learning.trainings import elsewhere, make_spec, start
from tests.processes import FORKSERVER
from tests.tiny_model import make_tiny_model

MB = 2**20
LEFT_MB = 70
"""What it gets beside what it begins with, at most: with more, training the tiny model may succeed."""
STEPS = 3
QUIET_S = 10.0
PAUSE_S = 0.35
"""Between two questions, on average: the page takes two a second from one address."""
OWN_EVERY = 20
"""One of so many trainings is the bot's own."""
LESSONS = 12
ACCEPTED, TOO_MANY = 202, 429
OF_TRAINERS = ("no-memory-limit", "memory-not-named")


async def memory(folder: Path, count: int, seed: int, mutant: str = "") -> list[Tally]:
    """`count`: how many trainers die."""
    rng = random.Random(seed)
    dying = Dying(folder / "trainers", rng, mutant)
    if mutant in OF_TRAINERS:  # they show without a bot
        await dying.happen(count)
        return [dying.tally]
    tally = Tally("beside trainers that run out of memory, a bot answers every question")
    if reason := lacks_encoder():
        dying.tally.skipped = tally.skipped = reason
        return [dying.tally, tally]
    here = installation(folder / "bot", make_tiny_model(folder / "model"), mutant)
    await here.mentee("ingest", "plans.md")
    async with here.database() as store:
        await store.run(_teach)
    async with here.running() as bot:
        asker = Asker(bot, rng, tally)
        async with asker.asking():
            await asyncio.sleep(QUIET_S)
        quiet = asker.taken
        async with asker.asking():
            for _ in range(max(1, count // OWN_EVERY)):
                dying.check(*await _own(here, bot))
            await dying.happen(count - dying.tally.tries)
        answers = await given(here, asker.taken) if not tally.failures else []
    for number in range(asker.taken):
        right = number < len(answers) and answers[number].answer.kind == "grounded"
        tally.check(right, f"question {number} of {asker.taken} was not answered")
    tally.notes.append(f"answers {_described(answers[:quiet])}; beside trainers {_described(answers[quiet:])}")
    return [dying.tally, tally]


# --- trainers -------------------------------------------------------------------------------------------------------


class Dying:
    """Trainings that can't end well: half of them at their own limit, half killed as a system kills."""

    def __init__(self, folder: Path, rng: random.Random, mutant: str) -> None:
        self.tally = Tally("a trainer that runs out of memory ends, and is told of in words that name memory")
        self._folder, self._rng, self._mutant = folder, rng, mutant

    async def happen(self, count: int) -> None:
        spec = make_spec(make_tiny_model(self._folder / "tiny"), self._folder / "plain")
        least_mb = await asyncio.to_thread(_begins_with_mb, self._folder / "least")
        for number in range(count):
            here = elsewhere(spec, self._folder / str(number))
            if number % 2 == 0:
                here = replace(here, memory_mb=least_mb + self._rng.randrange(LEFT_MB))
            code, said = await asyncio.to_thread(self._one, here, is_killed=number % 2 == 1)
            self.check(f"{number}: code {code}", str(explain(code, said, here)) if code else "nothing: it ended well")
        self.tally.notes.append(f"{count - count // 2} at their limit, {count // 2} killed")

    def _one(self, spec: Spec, *, is_killed: bool) -> tuple[int, str]:
        training = start(spec, self._mutant)
        if is_killed:
            training.wait_for_step(self._rng.randint(1, STEPS))
            training.process.kill()
        code = training.end()
        assert code is not None
        return code, training.errors

    def check(self, what: str, told: str) -> None:
        named = "MENTEE_TRAINING_MEMORY_MB" in told or "run out of memory" in told
        self.tally.check(named, f"{what}; what is told: {told}")


def _begins_with_mb(path: Path) -> int:
    """What a forked process has from the beginning counts against its limit."""
    process = FORKSERVER.Process(target=_note_data, args=(path,))
    process.start()
    process.join()
    return int(path.read_text()) // MB


def _note_data(path: Path) -> None:
    path.write_text(str(data_bytes()))


# --- the bot's own --------------------------------------------------------------------------------------------------


def _teach(unit: Unit) -> None:
    """Something to train on, that nobody asks for."""
    for number in range(LESSONS):
        lesson = Lesson(
            id=LessonId(new_id()), fact=FactId(str(number)), question=f"Where is item {number}?",
            answer=f"Item {number} is on shelf {number}.", author="cli:operator", author_name="",
            source=LessonSource.TAUGHT, taught_at=utc_now(),
        )  # fmt: skip
        unit.lessons.add(lesson)
        unit.lessons.add_phrasing(Phrasing(fact=lesson.fact, text=lesson.question, origin=lesson.id))


async def _own(here: Installation, bot: Running) -> tuple[str, str]:
    """Ask the bot for a training, kill whom the system would, and see what is told of it."""
    run = Run(id=RunId(new_id()), slot=new_id(), requested_by="cli:operator", requested_at=utc_now())

    async def declared() -> int | None:
        return _victim(bot.process.pid)

    async def closed() -> Run | None:
        found = await store.run(lambda unit: unit.runs.get(run.id))
        return found if bot.process.returncode is not None or (found and found.report) else None

    async with here.database() as store:
        await store.run(lambda unit: unit.runs.request(run))
        os.kill(await eventually(declared, "a trainer"), signal.SIGKILL)
        report = (await eventually(closed, "the run's end")).report
    return "the bot's own", " ".join(report.reasons) if report else "nothing: the bot is gone"


def _victim(bot: int) -> int | None:
    """The one of the bot and its children that the system would take first, once one has offered itself."""
    children = Path(f"/proc/{bot}/task/{bot}/children").read_text().split()
    family = {int(pid): Path(f"/proc/{pid}") for pid in [str(bot), *children]}
    with contextlib.suppress(OSError):  # one has just ended
        if any(int((each / "oom_score_adj").read_text()) > 0 for each in family.values()):
            return max(family, key=lambda pid: int((family[pid] / "oom_score").read_text()))
    return None


# --- people ---------------------------------------------------------------------------------------------------------


@dataclass
class Asker:
    bot: Running
    rng: random.Random
    tally: Tally
    taken: int = 0

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(self._keep_asking(stop))
        try:
            yield
        finally:
            stop.set()
            await task

    async def _keep_asking(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(self.rng.expovariate(1 / PAUSE_S))
            try:
                status = await ask(self.bot.browser)
            except httpx.TransportError as problem:
                self.tally.check(False, f"the page can't be reached: {type(problem).__name__}")
                return
            self.taken += status == ACCEPTED
            self.tally.check(status in (ACCEPTED, TOO_MANY), f"the page answered {status}")


def _described(answers: Sequence[Given]) -> str:
    waits = sorted(each.wait_s for each in answers)
    if not waits:
        return "none"
    ninety_ninth = waits[min(len(waits) - 1, round(0.99 * len(waits)))]
    return f"{len(waits)}: p50 {statistics.median(waits):.2f} s, p99 {ninety_ninth:.2f} s"
