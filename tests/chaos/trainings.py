"""Trainings that are killed, or whose files can't be written, end with the same bytes."""

import asyncio
import random
import time
from dataclasses import replace
from pathlib import Path

from learning.trainer import Spec
from tests.chaos import strace
from tests.chaos.strace import FAULTS, KILL, WRITES
from tests.chaos.tally import Tally
from tests.learning.trainings import elsewhere, make_spec, start, weights
from tests.tiny_model import make_tiny_model

KILLS_EACH = 5
STEPS = 23
"""One less than there are: the last one can't be waited for without being through."""
STEP_S = 0.03
MOST_CALLS = 200


def trainings(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """`count`: how many kills."""
    tally = Tally("training killed at random moments, checkpoints included: the same sha256 in the end")
    rng = random.Random(seed)
    spec = make_spec(make_tiny_model(folder / "tiny"), folder / "plain")
    assert start(spec).end() == 0
    rounds = max(1, round(count / KILLS_EACH))
    for number in range(rounds):
        steps = sorted(rng.sample(range(1, STEPS), KILLS_EACH))
        found = _killed_at(elsewhere(spec, folder / str(number)), steps, rng, mutant)
        for step in steps:  # each is a try of its own; which of them did it, nobody can tell
            tally.check(found == weights(spec), f"killed at step {step} among others: {found[:12]}")
    tally.notes.append(f"{rounds} trainings, {KILLS_EACH} kills each")
    return tally


def _killed_at(spec: Spec, steps: list[int], rng: random.Random, mutant: str) -> str:
    """Kill it in or after each of these steps, and start it again each time; the hash of what comes out."""
    for step in steps:
        trainer = start(spec, mutant)
        trainer.wait_for_step(step)
        time.sleep(rng.uniform(0.0, STEP_S))
        trainer.process.kill()
        trainer.end()
    trainer = start(spec, mutant)
    code = trainer.end()
    return weights(spec) if code == 0 else f"code {code}"


# --- files that can't be written ------------------------------------------------------------------------------------


async def faults(folder: Path, every: int, mutant: str = "") -> list[Tally]:
    """Each write, sync and rename of a short training fails once, or is where it is killed; each second one, …"""
    spec = make_spec(make_tiny_model(folder / "tiny"), folder / "plain")
    spec = replace(spec, recipe={**spec.recipe, "epochs": 1})
    assert start(spec).end() == 0
    chosen = ("error=ENOSPC",) if mutant else FAULTS
    return [await _enumerate(spec, folder / fault.partition("=")[2], fault, every, mutant) for fault in chosen]


async def _enumerate(spec: Spec, folder: Path, fault: str, every: int, mutant: str) -> Tally:
    what = "killed" if fault == KILL else fault.partition("=")[2]
    tally = Tally(f"{what} at each write, sync and rename of a training: the same sha256 in the end")
    if reason := strace.missing():
        tally.skipped = reason
        return tally
    through = 0
    for call in WRITES:
        for number in range(1, MOST_CALLS, every):
            here = elsewhere(spec, folder / f"{call}-{number}")
            injected, code = await _once(here, call, fault, number, mutant)
            if not injected:
                break
            through += code == 0
            found = weights(here) if code == 0 else _again(here, mutant)
            tally.check(found == weights(spec), f"{call} {number}: code {code}, then {found[:12]}")
    tally.notes.append(f"{through} went on, {tally.tries - through} ended and were started again")
    return tally


async def _once(spec: Spec, call: str, fault: str, number: int, mutant: str) -> tuple[bool, int | None]:
    """Whether it came to that call, and how the process ended."""
    work = Path(spec.work)
    gate, log = work.parent / "go", work.parent / "strace"
    trainer = start(spec, mutant, gate)
    assert trainer.process.pid is not None
    async with strace.attached(trainer.process.pid, call, fault, str(number), log):
        gate.touch()
        await asyncio.to_thread(trainer.end)
    return strace.was_injected(log, fault), await asyncio.to_thread(trainer.end)


def _again(spec: Spec, mutant: str) -> str:
    code = start(spec, mutant).end()
    return weights(spec) if code == 0 else f"code {code}"
