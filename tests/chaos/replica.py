"""One of several bots on one database, reduced to what takes turns: the schedule, the lease, the end of a run."""

import asyncio
import contextlib
import os
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from bot.ids import AdapterId, new_id
from bot.lineage import Adapter, Decision, Progress, Report, Run
from bot.policy import Policy
from bot.retraining import close
from bot.texts import ENGLISH
from bot.trying import Trying
from learning.scheduling import Scheduling, parse_schedule
from storage.adapter_files import AdapterFiles
from storage.database import SqlStore
from tests.chaos.mutants import seed
from tests.processes import FORKSERVER

SPEED = 600.0
"""Its days are that much shorter, so that a slot falls due ten times a second."""
LEASE_S = 60.0
BASE = "b" * 64


@dataclass
class Clock:
    """Runs fast, and jumps when it is told to."""

    began: float
    jump: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=(time.time() - self.began) * SPEED) + self.jump


def main(url: str, began: float, number: int, jumps_h: float, mutant: str) -> None:
    seed(mutant)
    asyncio.run(_take_turns(url, Clock(began), random.Random(number), jumps_h))


async def _take_turns(url: str, clock: Clock, rng: random.Random, jumps_h: float) -> None:
    store = SqlStore(url)
    scheduling = Scheduling(store=store, clock=clock, trigger=parse_schedule("every 1m"), after_lessons=0)
    while True:
        clock.jump = timedelta(hours=rng.uniform(-jumps_h, jumps_h))
        with contextlib.suppress(Exception):  # another one holds the database: the next turn is near
            await scheduling.look()
            await _train(store, clock, rng)
        await asyncio.sleep(rng.uniform(0.0, 0.02))


async def _train(store: SqlStore, clock: Clock, rng: random.Random) -> None:
    """Claim a run and publish, as a training would; now and then so slowly that it is given up for dead."""
    owner = f"replica:{os.getpid()}:{rng.random()}"
    run = await store.run(lambda unit: unit.runs.claim(owner, clock(), LEASE_S))
    if run is None:
        return
    await asyncio.sleep(rng.choice((0.0, 0.01, 0.02, 2 * LEASE_S / SPEED)))
    await store.run(lambda unit: unit.runs.beat(run.id, owner, Progress("Training", 1, 1), clock()))
    await asyncio.sleep(rng.choice((0.0, 0.01, 2 * LEASE_S / SPEED)))
    trying = Trying(Policy(), ENGLISH, AdapterFiles(Path("unused")), clock)
    await store.run(lambda unit: close(unit, run, owner, *_made(unit.adapters.next_number(), run), trying))


def _made(number: int, run: Run) -> tuple[Report, Adapter]:
    adapter = Adapter(
        id=AdapterId(new_id()), number=number, run=run.id, base_model="tiny", base_sha256=BASE, weights_sha256="w",
        dataset_sha256="d", lessons=(), recipe={}, created_at=datetime.now(UTC),
    )  # fmt: skip
    report = Report(
        decision=Decision.PROMOTED, reasons=(), adapter=adapter.name, lessons=0, evaluation=None, seconds=0.0
    )  # fmt: skip
    return report, adapter


def start(url: str, began: float, number: int, jumps_h: float, mutant: str) -> ForkServerProcess:
    process = FORKSERVER.Process(target=main, args=(url, began, number, jumps_h, mutant), daemon=True)
    process.start()
    return process
