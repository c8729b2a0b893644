"""Several bots on one database, killed and with clocks that jump: a job is done once for each slot."""

import random
import time
from collections import Counter
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from bot.lineage import RunState
from storage.database import SqlStore
from tests.chaos import replica
from tests.chaos.tally import Tally

REPLICAS = 4
JUMPS_H = 1.0
TURN_S = 0.1
PATIENCE_S = 10.0


def replicas(folder: Path, count: int, seed: int, mutant: str = "", url: str = "") -> Tally:
    """`count`: how many slots at least."""
    tally = Tally("four replicas, kills, clocks that jump by an hour: each slot's job takes effect once")
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    url = url or f"sqlite:///{folder / 'mentee.db'}"
    store = SqlStore(url)
    store.migrate()
    began, kills, number = time.time(), 0, 0
    alive: list[ForkServerProcess] = []
    while _done(store) < count:
        while len(alive) < REPLICAS:
            number += 1
            alive.append(replica.start(url, began, number, JUMPS_H, mutant))
        _wait_for_another(store)
        time.sleep(rng.expovariate(1 / TURN_S))
        unlucky = alive.pop(rng.randrange(len(alive)))
        unlucky.kill()
        unlucky.join()
        kills += 1
    for each in alive:
        each.kill()
        each.join()
    _compare(store, tally)
    store.close()
    tally.notes.append(f"{kills} kills")
    return tally


def _done(store: SqlStore) -> int:
    trainings = store.run_sync(lambda unit: unit.vitals()).trainings
    return sum(count for outcome, count in trainings.items() if outcome != "open")


def _wait_for_another(store: SqlStore) -> None:
    """However slow the machine is, something goes on between two kills."""
    before, give_up = _done(store), time.monotonic() + PATIENCE_S
    while _done(store) == before and time.monotonic() < give_up:
        time.sleep(0.02)


def _compare(store: SqlStore, tally: Tally) -> None:
    runs = store.run_sync(lambda unit: unit.runs.latest(100_000))
    effects = Counter(deployment.by for deployment in store.run_sync(lambda unit: unit.adapters.history()))
    slots = Counter(run.slot.partition("#")[0] for run in runs)
    for run in runs:
        slot = run.slot.partition("#")[0]
        expected = int(run.state is RunState.DONE)
        happened = effects[f"run:{run.id}"]
        tally.check(
            happened == expected and slots[slot] == 1,
            f"{slot}: {slots[slot]} runs, {happened} effects, {run.attempts} attempts",
        )
