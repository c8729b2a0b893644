"""Trainings that are killed at random moments end with the same bytes (D7)."""

import random
import time
from pathlib import Path

from learning.trainer import Spec
from tests.chaos.tally import Tally
from tests.learning.trainings import elsewhere, make_spec, start, weights
from tests.tiny_model import make_tiny_model

KILLS_EACH = 5
STEPS = 23
"""One less than there are: the last one can't be waited for without being through."""
STEP_S = 0.03


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
