"""Trainings that are killed at random moments end with the same bytes (D7)."""

import random
import time
from pathlib import Path

from learning.trainer import Spec
from tests.chaos.tally import Tally
from tests.learning.trainings import elsewhere, make_spec, start, weights
from tests.tiny_model import make_tiny_model


def trainings(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """`count`: how many kills."""
    tally = Tally("training killed at random moments, checkpoints included: the same sha256 in the end")
    rng = random.Random(seed)
    spec = make_spec(make_tiny_model(folder / "tiny"), folder / "plain")
    began = time.monotonic()
    assert start(spec).end() == 0
    whole_s, expected = time.monotonic() - began, weights(spec)
    kills = rounds = 0
    while kills < count:
        rounds += 1
        kills += _round(elsewhere(spec, folder / str(rounds)), rng, whole_s, expected, mutant, tally)
    tally.notes.append(f"{kills} kills in {rounds} trainings")
    return tally


def _round(spec: Spec, rng: random.Random, whole_s: float, expected: str, mutant: str, tally: Tally) -> int:
    """Kill until it is through; how often."""
    kills = 0
    while True:
        trainer = start(spec, mutant)
        trainer.process.join(rng.uniform(0.2, 1.0) * whole_s)
        if not trainer.process.is_alive():
            break
        trainer.process.kill()
        trainer.end()
        kills += 1
    found = weights(spec) if trainer.end() == 0 else f"code {trainer.process.exitcode}"
    for _ in range(max(1, kills)):
        tally.check(found == expected, f"{found[:12]} after {kills} kills, {expected[:12]} without")
    return kills
