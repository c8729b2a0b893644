"""One of two processes on one database, reduced to what one takes over from the other: the schedule and the lease.

With the product's own pauses; a training that it has taken goes on for ever.
"""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.context import ForkServerProcess

from bot.lineage import Progress, Run
from bot.ports import Unit
from deploy.serve import TRAINER_LOOKS_EVERY_S, keep_up
from learning.cycle import LEASE_S
from learning.process import BEAT_S
from learning.scheduling import Scheduling, parse_schedule
from storage.database import SqlStore
from tests.chaos.mutants import seed
from tests.processes import FORKSERVER


@dataclass(frozen=True)
class Clock:
    shift: timedelta

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift


def main(url: str, shift: timedelta, mutant: str) -> None:
    seed(mutant)
    asyncio.run(_stand_by(SqlStore(url), Clock(shift)))


async def _stand_by(store: SqlStore, clock: Clock) -> None:
    scheduling = Scheduling(store=store, clock=clock, trigger=parse_schedule("every 1m"), after_lessons=0)
    await asyncio.gather(keep_up("scheduling", scheduling.run), keep_up("trainer", lambda: _train(store, clock)))


async def _train(store: SqlStore, clock: Clock) -> None:
    owner = f"standby:{os.getpid()}"
    while True:
        run = await store.run(lambda unit: unit.runs.claim(owner, clock(), LEASE_S))
        while run is not None:
            await store.run(partial(_beat, run=run, owner=owner, now=clock()))
            await asyncio.sleep(BEAT_S)
        await asyncio.sleep(TRAINER_LOOKS_EVERY_S)


def _beat(unit: Unit, run: Run, owner: str, now: datetime) -> bool:
    return unit.runs.beat(run.id, owner, Progress("Training", 1, 2), now)


def start(url: str, shift: timedelta, mutant: str) -> ForkServerProcess:
    process = FORKSERVER.Process(target=main, args=(url, shift, mutant), daemon=True)
    process.start()
    return process
