"""`make chaos`: break what can be broken and count what that costs. `python -m tests.chaos --help` lists the options.

Each harness is shown to notice seeded bugs in the same run (`mutants.py`): one that misses a bug fails the run.
"""

import asyncio
import inspect
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from transformers.utils import logging as transformers_logging

from tests.chaos import backups, faults, kills, locks, orders, overload, publishing, rates, replicas, trainings
from tests.chaos.tally import Tally, show, write

Outcome = Tally | list[Tally] | Awaitable[Tally] | Awaitable[list[Tally]]
Run = Callable[[Path, int, str], Outcome]
"""In a fresh folder, with a size, with the name of a seeded bug or none."""


@dataclass(frozen=True)
class Harness:
    run: Run
    size: int
    """How often: kills, files, … ; of what is enumerated, how many percent."""
    long: int
    """The size of `make chaos-long`."""
    mutants: tuple[str, ...] = ()
    mutant_size: int = 0
    """Of one round with a seeded bug."""


SEED, ROUNDS = 0, 5

HARNESSES = {
    "kills": Harness(lambda at, n, bug: kills.kills(at / "w", n, SEED, bug), 300, 10_000, kills.MUTANTS, 8),
    "clocks": Harness(lambda at, n, bug: kills.clocks(at / "w", n, SEED, bug), 40, 1_000, ("clock-believed",), 15),
    "orders": Harness(lambda at, n, bug: orders.orders(at, n, SEED, bug), 40, 2_000, ("no-dedup",), 3),
    "rates": Harness(lambda at, n, bug: rates.rates(at, n, SEED, bug), 500, 10_000, ("impatient",), 50),
    "postgres": Harness(
        lambda at, n, bug: kills.on_postgres(at / "w", n, SEED, bug), 40, 2_000, ("ack-before-commit", "no-dedup"), 8
    ),
    "faults": Harness(
        lambda at, n, bug: faults.faults(at, _every(n), SEED, bug, "error=ENOSPC" if bug else ""), 50, 100,
        ("acknowledged-anyway",), 25,
    ),
    "publishing": Harness(
        lambda at, n, bug: publishing.crash_points(at, _every(n), bug), 100, 100, ("renamed-first",), 50
    ),
    "damages": Harness(lambda at, n, bug: publishing.damages(at, n, SEED, bug), 1_000, 20_000, ("no-hashes",), 50),
    "refusals": Harness(lambda at, n, bug: publishing.refusals(at, n, SEED, bug), 20, 200, ("no-hashes",), 10),
    "trainings": Harness(lambda at, n, bug: trainings.trainings(at, n, SEED, bug), 20, 500, ("forgets-moments",), 5),
    "checkpoints": Harness(
        lambda at, n, bug: trainings.faults(at, _every(n), bug), 15, 100, ("forgets-moments",), 16
    ),
    "replicas": Harness(
        lambda at, n, bug: replicas.replicas(at, n, SEED, bug), 200, 10_000, ("no-fencing", "no-slots"), 20
    ),
    "backups": Harness(lambda at, n, bug: backups.backups(at, n, SEED, bug), 50, 1_000, ("plain-copy",), 5),
    "locks": Harness(
        lambda at, n, bug: locks.locks(at / "w", locks.HELD_S[-n:], SEED, bug), 3, 3, ("acknowledged-anyway",), 1
    ),
    "poison": Harness(lambda at, n, bug: locks.poison(at, n, SEED, bug), 3, 100, ("never-parked", "tried-together"), 1),
    "overload": Harness(lambda at, n, bug: overload.overload(at, n, bug), 100, 2_000, ("silent-when-busy",), 60),
}  # fmt: skip

JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything that was counted.")]
Long = Annotated[bool, typer.Option("--long", help="The nightly sizes: hours instead of minutes.")]
Only = Annotated[str, typer.Option("--only", help=f"Some of: {', '.join(HARNESSES)}; commas between them.")]
Mutant = Annotated[str, typer.Option("--mutant", help="Run with this seeded bug alone; succeeds if it is noticed.")]
Share = Annotated[float, typer.Option(help="A part of all sizes, for a machine that has little time.")]
Plain = Annotated[bool, typer.Option("--without-mutants", help="Don't show that the seeded bugs are noticed.")]


def main(
    json_file: JsonFile = None, long: Long = False, only: Only = "", mutant: Mutant = "", plain: Plain = False,
    share: Share = 1.0,
) -> None:  # fmt: skip
    warnings.simplefilter("ignore")  # of libraries; the tests make them errors
    os.environ["PYTHONWARNINGS"] = "ignore"  # the same in the processes that are started here
    transformers_logging.disable_progress_bar()
    chosen = {name: harness for name, harness in HARNESSES.items() if not only or name in only.split(",")}
    tallies: list[Tally] = []
    for name, harness in chosen.items():
        if mutant:
            if mutant in harness.mutants:
                noticed = _notices(harness, mutant)
                tallies.append(Tally(f"{name} with a seeded bug", 1, mutants={mutant: noticed}))
        else:
            size = round(share * (harness.long if long else harness.size))
            tallies += _measure(name, harness, max(1, size), plain=plain)
        if json_file is not None:
            write(tallies, json_file)
    show(tallies)
    sys.exit(0 if tallies and all(each.passed or each.skipped for each in tallies) else 1)


def _measure(name: str, harness: Harness, size: int, *, plain: bool) -> Sequence[Tally]:
    began = time.monotonic()
    Console(stderr=True).print(f"{name} …", style="dim")
    tallies = _run(harness, size, "")
    if not plain and not tallies[0].skipped:
        tallies[0].mutants = {mutant: _notices(harness, mutant) for mutant in harness.mutants}
    tallies[0].seconds = time.monotonic() - began - sum(each.seconds for each in tallies[1:])
    return tallies


def _every(percent: int) -> int:
    """Of so many percent of all points: each, each second one, …"""
    return max(1, round(100 / percent))


def _notices(harness: Harness, mutant: str) -> bool:
    """Several short rounds end sooner than a long one: it stops at the first failure."""
    return any(each.failures for _ in range(ROUNDS) for each in _run(harness, harness.mutant_size, mutant))


def _run(harness: Harness, size: int, mutant: str) -> list[Tally]:
    folder = Path(tempfile.mkdtemp(prefix="mentee-chaos-"))
    try:
        outcome = harness.run(folder, size, mutant)
        found = asyncio.run(_awaited(outcome)) if inspect.isawaitable(outcome) else outcome
    except Exception as problem:  # the other harnesses go on
        found = Tally("a harness that ended", 1, [f"{type(problem).__name__}: {problem}"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found if isinstance(found, list) else [found]


async def _awaited(outcome: Awaitable[Tally] | Awaitable[list[Tally]]) -> Tally | list[Tally]:
    return await outcome
