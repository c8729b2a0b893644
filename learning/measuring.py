"""How long a training would take on this machine: `python -m learning.measuring SPEC.json`, a minute or so.

Does a few steps of the training and a few batches of the judging, and tells the seconds that all of it would take. Run
once for each base model, before there is a finished training to go by.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from peft import PeftModel
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from learning.distillation import recalled
from learning.evaluation import batches_of, judge
from learning.examples import Example, Kind, judging_cost
from learning.exits import end_with_code
from learning.parallel import Group
from learning.precision import load_base
from learning.recipe import Recipe
from learning.trainer import (
    as_served,
    be_modest,
    examples_of,
    outcome_path,
    precision_of,
    read_spec,
    set_up,
    start_of,
)
from learning.training import adapt, backward, plan_steps, tokens_of

T = TypeVar("T")
SAMPLES = 3


def main(spec_path: str) -> None:
    spec = read_spec(spec_path)
    be_modest(spec)
    recipe = Recipe(**spec.recipe)
    tokenizer = AutoTokenizer.from_pretrained(spec.base)
    model = adapt(load_base(spec.base, precision_of(spec)), recipe, start_of(spec))
    examples = examples_of(spec.train)
    imagined = recalled(examples) * recipe.imagined_in_all if spec.encoder is not None else []  # as long
    steps = plan_steps(tokenizer, examples, examples_of(spec.general), recipe, imagined)
    setup = set_up(spec, model, steps, recipe, Group())
    if setup.recompute:  # as training will: without it, memory may run out where training has enough
        model.activation_checkpointing_enable()
    training_s = estimate(
        steps, lambda step: sum(map(tokens_of, step.rows)), lambda step: backward(model, step, recipe, setup, Group())
    )
    judged = as_served(model)
    judging_s = 2 * _judging_s(judged, tokenizer, examples_of(spec.judge))
    judging_s += _judging_s(judged, tokenizer, examples_of(spec.asked))
    measured = {"training_s": training_s, "judging_s": judging_s}
    outcome_path(spec.work).write_text(json.dumps(measured), encoding="utf-8")


def _judging_s(
    model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, items: Sequence[Example]
) -> float:
    """Of one model. Answers are written for a batch together, texts scored one by one."""
    asked = batches_of([item for item in items if item.kind is not Kind.GENERAL])
    general = [[item] for item in items if item.kind is Kind.GENERAL]

    def judge_some(some: Sequence[Example]) -> None:
        judge(model, tokenizer, some, lambda done, total: None)

    return sum(estimate(parts, lambda part: sum(map(judging_cost, part)), judge_some) for parts in (asked, general))


def estimate(parts: Sequence[T], cost: Callable[[T], int], work: Callable[[T], object]) -> float:
    """Seconds of all parts. Ordered by cost they are cut into a few strata, and the middle of each is done for all.

    The dearest of these is done once before: the first time, memory is fetched and kernels are chosen.
    """
    ordered = sorted(parts, key=cost)
    strata = [ordered[i * len(ordered) // SAMPLES : (i + 1) * len(ordered) // SAMPLES] for i in range(SAMPLES)]
    sampled = [(stratum, stratum[len(stratum) // 2]) for stratum in strata if stratum]
    for _, dearest in sampled[-1:]:
        work(dearest)
    return sum(_seconds(work, part) * sum(map(cost, stratum)) / max(1, cost(part)) for stratum, part in sampled)


def _seconds(work: Callable[[T], object], part: T) -> float:
    started = time.monotonic()
    work(part)
    return time.monotonic() - started


if __name__ == "__main__":
    end_with_code(main, sys.argv[1])
