"""`make chaos`: break what can be broken and count what that costs. `python -m tests.chaos --help` lists the options.

Each harness is shown to notice seeded bugs in the same run (`mutants.py`): one that misses a bug fails the run.
"""

import asyncio
import inspect
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from transformers.utils import logging as transformers_logging

from tests.chaos import (
    backups,
    faults,
    kills,
    locks,
    memory,
    network_discord,
    network_slack,
    orders,
    overload,
    poisoning,
    pressing,
    publishing,
    rates,
    replicas,
    takeovers,
    trainings,
)
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
    alone: bool = False
    """Nothing else goes on meanwhile: it tells how long people wait. Its seeded bugs are noticed beside the others."""


SEED, ROUNDS = 0, 5
SIDE_BY_SIDE = 4
"""Harnesses at a time, for two cores: they wait a lot, the first two nearly always."""

# Those that take longest come first.
HARNESSES = {
    "network": Harness(
        lambda at, n, bug: network_slack.network(at, n, SEED, bug), 36, 1_000, ("no-sweeps", "sent-again"), 12
    ),
    "network-discord": Harness(
        lambda at, n, bug: network_discord.network(at, n, SEED, bug), 36, 1_000, ("no-sweeps", "sent-again"), 18
    ),
    "faults": Harness(
        lambda at, n, bug: faults.faults(at, _every(n), SEED, bug, "error=ENOSPC" if bug else ""), 33, 100,
        ("acknowledged-anyway",), 25,
    ),
    "kills": Harness(lambda at, n, bug: kills.kills(at / "w", n, SEED, bug), 300, 10_000, kills.MUTANTS, 8),
    "checkpoints": Harness(
        lambda at, n, bug: trainings.faults(at, _every(n), bug), 15, 100, ("forgets-moments",), 16
    ),
    "backups": Harness(lambda at, n, bug: backups.backups(at, n, SEED, bug), 50, 1_000, ("plain-copy",), 5),
    "postgres": Harness(
        lambda at, n, bug: kills.on_postgres(at / "w", n, SEED, bug), 40, 2_000, ("ack-before-commit", "no-dedup"), 8
    ),
    "takeovers": Harness(
        lambda at, n, bug: takeovers.takeovers(at, n, SEED, bug), 4, 200, ("leases-for-ever",), 1
    ),
    "replicas": Harness(
        lambda at, n, bug: replicas.replicas(at, n, SEED, bug), 200, 10_000, ("no-fencing", "no-slots"), 20
    ),
    "locks": Harness(
        lambda at, n, bug: locks.locks(at / "w", locks.HELD_S[-n:], SEED, bug), 3, 3, ("acknowledged-anyway",), 1
    ),
    "restarts": Harness(
        lambda at, n, bug: takeovers.restarts(at, n, bug), 2, 50, ("leaves-behind",), 1
    ),
    "clocks": Harness(lambda at, n, bug: kills.clocks(at / "w", n, SEED, bug), 40, 1_000, ("clock-believed",), 15),
    "publishing": Harness(
        lambda at, n, bug: publishing.crash_points(at, _every(n), bug), 100, 100, ("renamed-first",), 50
    ),
    "poison": Harness(lambda at, n, bug: locks.poison(at, n, SEED, bug), 3, 100, ("never-parked", "tried-together"), 1),
    "trainings": Harness(lambda at, n, bug: trainings.trainings(at, n, SEED, bug), 20, 500, ("forgets-moments",), 5),
    "orders": Harness(lambda at, n, bug: orders.orders(at, n, SEED, bug), 40, 2_000, ("no-dedup",), 3),
    "backdoors": Harness(lambda at, n, bug: poisoning.backdoors(n, SEED, bug), 100, 2_000, ("no-triggers",), 5),
    "accounts": Harness(lambda at, n, bug: poisoning.accounts(at, n, bug), 3, 10, ("no-holding",), 1),
    "shares": Harness(lambda at, n, bug: poisoning.shares(n, bug), 60, 180, ("no-cap",), 60),
    "rates": Harness(lambda at, n, bug: rates.rates(at, n, SEED, bug), 500, 10_000, ("impatient",), 50),
    "refusals": Harness(lambda at, n, bug: publishing.refusals(at, n, SEED, bug), 20, 200, ("no-hashes",), 10),
    "damages": Harness(lambda at, n, bug: publishing.damages(at, n, SEED, bug), 1_000, 20_000, ("no-hashes",), 50),
    "memory": Harness(
        lambda at, n, bug: memory.memory(at, n, SEED, bug), 40, 100,
        ("no-memory-limit", "memory-not-named", "trains-inside"), 8, alone=True,
    ),
    "overload": Harness(
        lambda at, n, bug: overload.overload(at, n, bug), 100, 2_000, ("silent-when-busy",), 60, alone=True
    ),
    "pressing": Harness(
        lambda at, n, bug: pressing.pressing(at, n, SEED, bug), 30, 600, ("never-busy",), 5, alone=True
    ),
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
    os.environ["PYTHONWARNINGS"] = "ignore"  # in the processes that are started here
    _be_quiet()
    chosen = {name: harness for name, harness in HARNESSES.items() if not only or name in only.split(",")}
    if mutant:
        tallies = [_noticing(name, mutant) for name, harness in chosen.items() if mutant in harness.mutants]
    else:
        sizes = {name: max(1, round(share * (each.long if long else each.size))) for name, each in chosen.items()}
        tallies = _measure_all(sizes, plain, json_file)
    if json_file is not None:
        write(tallies, json_file)
    show(tallies)
    sys.exit(0 if tallies and all(each.passed or each.skipped for each in tallies) else 1)


def _be_quiet() -> None:
    warnings.simplefilter("ignore")  # of libraries; the tests make them errors
    transformers_logging.disable_progress_bar()


def _noticing(name: str, mutant: str) -> Tally:
    return Tally(f"{name} with a seeded bug", 1, mutants={mutant: _notices(HARNESSES[name], mutant)})


def _measure_all(sizes: dict[str, int], plain: bool, json_file: Path | None) -> list[Tally]:
    """Side by side, each in a process of its own, then those that want to be alone, but for their seeded bugs."""
    found: dict[str, list[Tally]] = {}

    def keep(name: str, tallies: list[Tally]) -> None:
        found[name] = tallies
        Console(stderr=True).print(f"{name}: {sum(each.seconds for each in tallies):.0f} s", style="dim")
        if json_file is not None:
            write([tally for each in sizes for tally in found.get(each, [])], json_file)

    alone = [name for name in sizes if HARNESSES[name].alone]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(SIDE_BY_SIDE, spawn, initializer=_be_quiet) as pool:
        noticing = {name: pool.submit(_noticed, name) for name in alone if not plain}
        running = {pool.submit(_measure, name, sizes[name], plain): name for name in sizes if name not in alone}
        for done in as_completed(running):
            keep(running[done], done.result())
    for name in alone:
        tallies = _measure(name, sizes[name], plain=True)
        if name in noticing and not tallies[0].skipped:
            tallies[0].mutants = noticing[name].result()
        keep(name, tallies)
    return [tally for name in sizes for tally in found[name]]


def _measure(name: str, size: int, plain: bool) -> list[Tally]:
    began = time.monotonic()
    tallies = _run(HARNESSES[name], size, "")
    if not plain and not tallies[0].skipped:
        tallies[0].mutants = _noticed(name)
    tallies[0].seconds = time.monotonic() - began - sum(each.seconds for each in tallies[1:])
    return tallies


def _noticed(name: str) -> dict[str, bool]:
    return {mutant: _notices(HARNESSES[name], mutant) for mutant in HARNESSES[name].mutants}


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
