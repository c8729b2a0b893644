"""One training workload: the loss curves on the same batches, and then the speed, rivals in turns.

Speed is tokens of prompts and answers a second, without padding, over a few steps: each contender makes its batches of
all the examples by its own rule, and takes the first of them.
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from unittest import mock

from peft import PeftModel

from deploy.bench.report import OURS, Bench, Row
from deploy.bench.trl_rival import IN_ORDER, TRL, Trained, TrlTrainer
from learning import forward
from learning.batching import length_grouped
from learning.chat_format import Encoded
from learning.examples import Example
from learning.precision import load_base
from learning.recipe import Precision, Recipe
from learning.training import Step, adapt, tokens_of, train

STEPS = 1
"""On two cores, one takes up to half a minute."""
CURVE_STEPS, CURVE_ROWS = 4, 2
NOTES = {OURS: "grouped by length; shared prefix once; head at answers", TRL: "shuffled and padded; no packing"}
WITHOUT_LEVER = {"sharing": f"{OURS}, nothing shared", "grouping": f"{OURS}, not grouped by length"}

Batches = Sequence[list[Encoded]]


@dataclass(frozen=True)
class Workload:
    name: str
    ratio: str
    """Its name in the report."""
    recipe: Recipe
    examples: Callable[[int], list[Example]]
    sizes: Sequence[int]
    repetitions: int
    """At each size."""
    lever: Literal["sharing", "grouping"]
    """What ours is measured without, too, at the largest size."""
    precision: Precision = "fp32"
    steps: int = STEPS
    """In each turn."""
    warm_ups: int = 0


def measure(bench: Bench, workload: Workload, base: Path) -> None:
    """Raises SettingError when TRL is not installed."""
    model = adapt(load_base(base, workload.precision), workload.recipe)
    compare_curves(bench, workload, base, model)
    turns = []
    for number, size in enumerate(workload.sizes):
        contenders = _contenders(workload, base, model, size, lever_off=size == max(workload.sizes))
        order = list(contenders.items())[:: -1 if number % 2 else 1]  # who begins alternates
        name = f"{workload.name}, {size:,} examples"
        times = workload.repetitions
        turns.append(bench.compare(
            name, "tokens/s", dict(order), repetitions=times, warm_ups=workload.warm_ups, better="more"
        ))  # fmt: skip
    ours, theirs = (bench.add(_over_all_sizes(workload, name, [turn[name] for turn in turns])) for name in (OURS, TRL))
    bench.ratio(workload.ratio, ours, theirs)


def _over_all_sizes(workload: Workload, contender: str, rows: Sequence[Row]) -> Row:
    speeds = tuple(row.median for row in rows)
    return Row(f"{workload.name}, all sizes", contender, "tokens/s", speeds, "more", NOTES[contender])


def compare_curves(bench: Bench, workload: Workload, base: Path, model: PeftModel) -> None:
    """Both take the same small batches, in the same order, from the same weights."""
    recipe = replace(workload.recipe, batch_size=CURVE_ROWS)
    trl = TrlTrainer(
        base, model, workload.examples(CURVE_STEPS * CURVE_ROWS), recipe, CURVE_STEPS, workload.precision, IN_ORDER
    )
    curves = {OURS: train_ours(model, in_order(trl.rows, CURVE_ROWS), recipe).losses, TRL: trl.train().losses}
    for name, losses in curves.items():
        bench.add(Row(f"{workload.name}, loss curve", name, "nats", tuple(losses), note="one value a step"))
    difference = max(abs(ours / theirs - 1) for ours, theirs in zip(*curves.values(), strict=True))
    bench.figure(workload.ratio.replace("_vs_trl", "_loss_difference_ppm"), 1e6 * difference)


def train_ours(model: PeftModel, batches: Batches, recipe: Recipe) -> Trained:
    losses: list[float] = []
    began = time.perf_counter()
    train(model, [Step(batch, []) for batch in batches], recipe, lambda step, steps, loss: losses.append(loss))
    return Trained(losses, sum(tokens_of(row) for batch in batches for row in batch), time.perf_counter() - began)


def in_order(rows: Sequence[Encoded], size: int) -> Batches:
    return [list(rows[start : start + size]) for start in range(0, len(rows), size)]


def _contenders(
    workload: Workload, base: Path, model: PeftModel, size: int, *, lever_off: bool
) -> dict[str, Callable[[], float]]:
    """Each trains a few steps; its tokens a second."""
    recipe, chance = workload.recipe, random.Random(workload.recipe.seed)
    steps = workload.steps
    trl = TrlTrainer(base, model, workload.examples(size), recipe, steps, workload.precision)
    grouped = length_grouped(trl.rows, recipe.batch_size, chance)[:steps]
    made = {OURS: lambda: _speed(train_ours(model, grouped, recipe)), TRL: lambda: _speed(trl.train())}
    if lever_off and workload.lever == "sharing":
        made[WITHOUT_LEVER["sharing"]] = lambda: _speed(train_without_sharing(model, grouped, recipe))
    if lever_off and workload.lever == "grouping":
        shuffled = in_order(chance.sample(trl.rows, steps * recipe.batch_size), recipe.batch_size)
        made[WITHOUT_LEVER["grouping"]] = lambda: _speed(train_ours(model, shuffled, recipe))
    return made


def train_without_sharing(model: PeftModel, batches: Batches, recipe: Recipe) -> Trained:
    with mock.patch.object(forward, "MIN_SHARED", sys.maxsize):
        return train_ours(model, batches, recipe)


def _speed(trained: Trained) -> float:
    """Tokens a second."""
    return trained.tokens / trained.seconds
