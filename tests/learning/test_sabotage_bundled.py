"""Adapters of the bundled model that training spoilt, before the gate: one that learned shuffled answers, and one
that was trained on a few texts so hard, with nothing to hold it, that it forgot the rest.

Beside `test_sabotage.py`, whose tiny model can neither read nor forget. The present adapter is the starter, as on a
fresh installation.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoTokenizer

from bot.feedback import Fact
from bot.lineage import Decision
from learning.dataset import build, split
from learning.evaluation import Score, judge
from learning.examples import Example, Kind
from learning.precision import load_base
from learning.promotion import Verdict, decide
from learning.recipe import Recipe
from learning.starter.finding import SHIPPED
from learning.training import adapt, plan_steps, train
from tests.learning.model_cache import CACHE
from tests.learning.samples import fact, words
from tests.learning.spoiling import ASKED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(3_600),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),  # peft asks for it
]

BASE = CACHE / "smollm2-135m"
RECIPE = Recipe(learning_rate=4e-3, epochs=1)
JUDGED = {Kind.RECALL: 10, Kind.READING: 8, Kind.GENERAL: 8}


def known(number: int) -> Fact:
    """A fact that is asked for in five ways. All answers are worded alike, and differ in what they name."""
    noun, verb, place = words(number)
    return fact(number, *(text.format(noun=noun, verb=verb, place=place) for text in ASKED))


class Bench:
    """Trains adapters from the starter, and takes them before the gate."""

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        self.folder = folder
        self.tokenizer = AutoTokenizer.from_pretrained(BASE)
        held_out = [number for number in range(150) if split([known(number)]).held_out]
        taught = [number for number in range(0, 240, 7) if number not in held_out]
        self.dataset = build([known(number) for number in (*taught[:10], *held_out[:4])], [], 0)
        self.judged = [
            each
            for kind, most in JUDGED.items()
            for each in [item for item in self.dataset.judge if item.kind is kind][:most]
        ]
        self.champion = self.scores(SHIPPED)

    @property
    def recall(self) -> list[Example]:
        return [each for each in self.dataset.train if each.kind is Kind.RECALL]

    @property
    def reading(self) -> list[Example]:
        """One of each fact."""
        examples = [each for each in self.dataset.train if each.kind is Kind.READING]
        by_fact = groupby(sorted(examples, key=lambda each: each.fact), lambda each: each.fact)
        return [next(group) for _, group in by_fact]

    def verdict(self, name: str, examples: Sequence[Example], recipe: Recipe) -> Verdict:
        model = adapt(load_base(str(BASE), "fp32"), recipe, SHIPPED)
        steps = plan_steps(self.tokenizer, examples, self.dataset.general, recipe)
        train(model, steps, recipe, lambda step, steps, loss: None)
        model.save_pretrained(str(self.folder / name))
        del model
        return decide(self.champion, self.scores(self.folder / name), 0)

    def scores(self, adapter: Path) -> list[Score]:
        """As the trainer judges it."""
        model = PeftModel.from_pretrained(load_base(str(BASE), "fp32"), str(adapter)).merge_and_unload()
        return judge(model, self.tokenizer, self.judged, lambda done, total: None)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("sabotage"))


def test_shuffled_answers_are_noticed_though_they_sound_like_the_right_ones(bench: Bench) -> None:
    """They are learned by heart; what is read is practised as it should be."""
    answers = {each.fact: each.answer for each in bench.recall}
    moved = dict(zip(answers, [*list(answers.values())[1:], *list(answers.values())[:1]], strict=True))
    shuffled = [replace(each, answer=moved[each.fact]) for each in bench.recall]
    verdict = bench.verdict("shuffled", [*shuffled, *bench.reading], RECIPE)
    assert verdict.decision is Decision.REJECTED
    assert any("answers:" in reason for reason in verdict.reasons), verdict.reasons


def test_forgetting_is_noticed(bench: Bench) -> None:
    few = {each.fact for each in bench.recall[:12]}
    examples = [each for each in bench.recall if each.fact in few]
    verdict = bench.verdict("forgetting", examples, Recipe(learning_rate=1e-2, epochs=4, kl_weight=0.0))
    assert verdict.decision is Decision.REJECTED
    assert any("general:" in reason for reason in verdict.reasons), verdict.reasons
