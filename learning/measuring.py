"""How long a training would take on this machine: `python -m learning.measuring SPEC.json`, half a minute or so.

Does a middling step of the training and a part of the judging, and tells the seconds that all of it would take. Run
once for each base model, before there is a finished training to go by.
"""

import json
import sys
import time
from collections.abc import Sequence

from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from learning.evaluation import BATCH_SIZE, judge
from learning.examples import Example, Kind, judging_cost, length
from learning.parallel import Group
from learning.precision import load_base
from learning.recipe import Recipe
from learning.trainer import be_modest, examples_of, outcome_path, precision_of, read_spec, run, set_up
from learning.training import Step, adapt, backward, plan_steps, tokens_of


def main(spec_path: str) -> None:
    spec = read_spec(spec_path)
    be_modest(spec)
    recipe = Recipe(**spec.recipe)
    tokenizer = AutoTokenizer.from_pretrained(spec.base)
    model = adapt(load_base(spec.base, precision_of(spec)), recipe)
    steps = plan_steps(tokenizer, examples_of(spec.train), examples_of(spec.general), recipe)
    setup = set_up(spec, model, steps, recipe, Group())
    middling = sorted(steps, key=_tokens)[len(steps) // 2]
    started = time.monotonic()
    backward(model, middling, recipe, setup, Group())
    training_s = (time.monotonic() - started) * sum(map(_tokens, steps)) / _tokens(middling)
    judging_s = 2 * _judging_s(model.merge_and_unload(), tokenizer, examples_of(spec.judge))
    measured = {"training_s": training_s, "judging_s": judging_s}
    outcome_path(spec.work).write_text(json.dumps(measured), encoding="utf-8")


def _judging_s(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, items: Sequence[Example]) -> float:
    """Of one model: what a batch of middling length takes, and as many general texts, scaled to all."""
    asked = sorted((item for item in items if item.kind is not Kind.GENERAL), key=length)
    general = sorted((item for item in items if item.kind is Kind.GENERAL), key=length)
    seconds = 0.0
    for kind in asked, general:
        start = max(0, (len(kind) - BATCH_SIZE) // 2)
        some = kind[start : start + BATCH_SIZE]
        started = time.monotonic()
        judge(model, tokenizer, some, lambda done, total: None)
        seconds += (time.monotonic() - started) * sum(map(judging_cost, kind)) / max(1, sum(map(judging_cost, some)))
    return seconds


def _tokens(step: Step) -> int:
    return sum(map(tokens_of, step.rows))


if __name__ == "__main__":
    run(main, sys.argv[1])
