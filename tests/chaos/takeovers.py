"""How soon another process does what one that was killed did: a training, a job that falls due, a question."""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from bot.ids import RunId, new_id, time_of
from bot.lineage import Run
from learning.cycle import LEASE_S
from learning.process import BEAT_S
from storage.database import SqlStore
from tests.chaos import standby
from tests.chaos.page import ask, given, installation, lacks_encoder
from tests.chaos.tally import Tally
from tests.tiny_model import make_tiny_model

AT_ONCE = 8
"""Stories side by side: nearly all of their time is waiting."""
PATIENCE_S = 2 * LEASE_S
LOOK_S = 0.2
DUE_AFTER_S = 3.0
"""A job falls due so long after its process was killed, ..."""
BEFORE_S = 15.0
"""... and both are started so long before."""


async def takeovers(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    tally = Tally("kill -9 of one of two processes: the other one takes over its training, and what falls due, once")
    folder.mkdir(parents=True, exist_ok=True)
    turns, rng = asyncio.Semaphore(AT_ONCE), random.Random(seed)
    lease, due = list[float](), list[float]()

    async def one(name: str, story: Callable[[Path, random.Random, str], float | None], waits: list[float]) -> None:
        database = folder / f"{name}.db"
        _make(database)  # one after the other: Alembic has one context in all threads
        async with turns:
            wait_s = await asyncio.to_thread(story, database, random.Random(rng.random()), mutant)
            tally.check(wait_s is not None, f"{name}: not taken over, or not once")
            waits += [] if wait_s is None else [wait_s]

    await asyncio.gather(
        *(one(f"lease-{number}", _lease, lease) for number in range(count)),
        *(one(f"due-{number}", _due, due) for number in range(count)),
    )
    if lease and due:
        tally.notes.append(
            f"a training after {max(lease):.0f} s at most (lease {LEASE_S:.0f} s, beat {BEAT_S:.0f} s); what fell due "
            f"after {max(due):.0f} s at most"
        )
    return tally


def _make(database: Path) -> None:
    store = SqlStore(f"sqlite:///{database}")
    store.migrate()
    store.close()


def _lease(database: Path, rng: random.Random, mutant: str) -> float | None:
    """From the kill of whoever trains until the other one does."""
    url = f"sqlite:///{database}"
    store = SqlStore(url)
    run = Run(id=RunId(new_id()), slot="by hand", requested_by="cli:operator", requested_at=datetime.now(UTC))
    store.run_sync(lambda unit: unit.runs.request(run))
    far = timedelta(seconds=-datetime.now(UTC).second + 5)  # nothing falls due meanwhile
    first = standby.start(url, far, mutant)
    _until(lambda: _attempts(store, run.id) == 1)
    second = standby.start(url, far, mutant)
    time.sleep(rng.uniform(1.0, 1.0 + BEAT_S))
    _kill(first)
    began = time.monotonic()
    taken = _until(lambda: _attempts(store, run.id) == 2)  # its second
    wait_s = time.monotonic() - began
    _kill(second)
    store.close()
    return wait_s if taken else None


def _due(database: Path, rng: random.Random, mutant: str) -> float | None:
    """From when a job falls due, after one of two was killed, until the other one works on it."""
    url = f"sqlite:///{database}"
    store = SqlStore(url)
    lead_s = BEFORE_S + DUE_AFTER_S
    shift = timedelta(seconds=60 - lead_s) - timedelta(seconds=time.time() % 60)
    began = time.monotonic()
    processes = [standby.start(url, shift, mutant) for _ in range(2)]
    time.sleep(BEFORE_S + rng.uniform(0.0, DUE_AFTER_S / 2))
    _kill(processes.pop(rng.randrange(2)))
    taken = _until(lambda: [each.attempts for each in _runs(store)] == [1])
    wait_s = time.monotonic() - began - lead_s
    _kill(processes.pop())
    store.close()
    return wait_s if taken and wait_s > 0 else None


def _runs(store: SqlStore) -> list[Run]:
    return list(store.run_sync(lambda unit: unit.runs.latest()))


def _attempts(store: SqlStore, run: RunId) -> int:
    return next(each.attempts for each in _runs(store) if each.id == run)


def _until(holds: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + PATIENCE_S
    while not (held := holds()) and time.monotonic() < give_up:
        time.sleep(LOOK_S)
    return held


def _kill(process: ForkServerProcess) -> None:
    process.kill()
    process.join()


async def restarts(folder: Path, count: int, mutant: str = "") -> Tally:
    tally = Tally("kill -9 and a new start: what was accepted before is answered, once")
    if reason := lacks_encoder():
        tally.skipped = reason
        return tally
    here = installation(folder, make_tiny_model(folder / "tiny"), mutant)
    await here.mentee("ingest", "plans.md")
    waits: list[float] = []
    for number in range(1, count + 1):
        async with here.running() as bot:
            tally.check(await ask(bot.browser) == 202, f"{number}: not taken")
            await bot.kill()
        killed = datetime.now(UTC)
        async with here.running():
            answers = await given(here, number)
        tally.check(len(answers) == number, f"{number}: {len(answers)} answers")
        waits += [(time_of(each.answer.id) - killed).total_seconds() for each in answers[number - 1 :]]
    if waits:
        tally.notes.append(f"answered {max(waits):.0f} s after the kill at most, with a tiny model")
    return tally
