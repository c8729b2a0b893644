"""The training benchmark on a tiny model: what it trains on, and that ours and TRL's do the same work."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from peft import PeftModel
from transformers import AutoTokenizer

from bot.errors import SettingError
from deploy.bench import training_gpu, training_texts, trl_rival
from deploy.bench.report import OURS, open_bench
from deploy.bench.training import SUPERVISED, workloads
from deploy.bench.training_turns import (
    CURVE_STEPS,
    WITHOUT_LEVER,
    Workload,
    compare_curves,
    in_order,
    measure,
    train_ours,
    train_without_sharing,
)
from deploy.bench.trl_rival import IN_ORDER, TRL, TrlTrainer
from learning.batching import MIN_SHARED, length_grouped, shared_length
from learning.chat_format import Encoded, encode_example
from learning.examples import Example
from learning.precision import load_base
from learning.training import adapt, tokens_of
from tests.tiny_model import make_tiny_model

BATCH = 8
NUMBER = 10 * BATCH
WINDOW = 4_096
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it
beside_trl = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("default"),  # TRL's own, and of what it stands on
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def model(base: Path) -> PeftModel:
    return adapt(load_base(base, "fp32"), SUPERVISED)


def encoded(base: Path, examples: Sequence[Example]) -> list[Encoded]:
    tokenizer = AutoTokenizer.from_pretrained(base)
    return [encode_example(tokenizer, each.messages, each.answer, WINDOW, each.rejected) for each in examples]


# --- what is trained on ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [training_texts.with_shared_prompt, training_texts.without_shared_prompt])
def test_examples_differ_and_are_the_same_each_time(make: Callable[[int], list[Example]]) -> None:
    examples = make(NUMBER)
    assert len({(each.messages, each.answer) for each in examples}) == NUMBER
    assert examples == make(NUMBER)


def test_most_of_a_shared_prompt_is_shared(base: Path) -> None:
    for batch in length_grouped(encoded(base, training_texts.with_shared_prompt(NUMBER)), BATCH, random.Random(0)):
        assert shared_length(batch) > 0.7 * max(row.prompt_length for row in batch)


def test_nothing_is_shared_without_a_shared_prompt(base: Path) -> None:
    for batch in length_grouped(encoded(base, training_texts.without_shared_prompt(NUMBER)), BATCH, random.Random(0)):
        assert shared_length(batch) < MIN_SHARED


def test_a_rejected_answer_is_another_ones() -> None:
    examples = training_texts.pairs(NUMBER)
    answers = {each.answer for each in examples}
    assert all(each.rejected in answers for each in examples)
    assert sum(each.rejected != each.answer for each in examples) >= NUMBER - 1


# --- what is measured -----------------------------------------------------------------------------------------------


def test_ours_counts_tokens_without_padding(base: Path, model: PeftModel) -> None:
    rows = encoded(base, training_texts.without_shared_prompt(2 * BATCH))
    trained = train_ours(model, in_order(rows, BATCH), SUPERVISED)
    assert trained.tokens == sum(len(row.input_ids) for row in rows)
    assert len(trained.losses) == 2
    assert trained.seconds > 0


def test_without_its_lever_ours_computes_the_same_and_shares_nothing(base: Path) -> None:
    batches = in_order(encoded(base, training_texts.with_shared_prompt(BATCH)), BATCH)
    passes: list[int] = []
    curves = []
    for run in (train_ours, train_without_sharing):
        model = adapt(load_base(base, "fp32"), SUPERVISED)
        calls: list[None] = []
        model.get_base_model().register_forward_pre_hook(lambda *_, calls=calls: calls.append(None))
        curves.append(run(model, batches, SUPERVISED).losses)
        passes.append(len(calls))
    assert passes == [2, 1]  # the shared prefix has a pass of its own
    assert curves[0] == pytest.approx(curves[1], rel=1e-5)


def test_without_trl_it_says_what_to_install(base: Path, model: PeftModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trl_rival, "find_spec", lambda _: None)
    with pytest.raises(SettingError, match="pip install"):
        TrlTrainer(base, model, training_texts.without_shared_prompt(2), SUPERVISED, 1)


def test_a_gpu_is_measured_by_the_same_training(model: PeftModel) -> None:
    with open_bench("training", None) as bench:
        training_gpu.long(bench, model, steps=1, side=64)
    assert bench.ratios["gpu_training_tokens_per_s"] > 0
    assert bench.ratios["gpu_training_mfu"] > 0


class TestBesideTrl:
    pytestmark = beside_trl

    @pytest.mark.parametrize("workload", workloads(), ids=lambda workload: workload.name)
    def test_each_workload_is_measured_and_both_curves_are_the_same(self, workload: Workload, base: Path) -> None:
        with open_bench("training", None) as bench:
            measure(bench, replace(workload, sizes=(16, 24)), base)
        without = WITHOUT_LEVER[workload.lever]
        assert {row.contender for row in bench.rows} == {OURS, TRL, without}
        pooled = {row.contender: row for row in bench.rows[-2:]}
        assert [len(row.values) for row in pooled.values()] == [2, 2]
        assert bench.ratios[workload.ratio] == pooled[OURS].ratio_to(pooled[TRL])

    @pytest.mark.parametrize("workload", workloads(), ids=lambda workload: workload.name)
    def test_the_curves_are_the_same_when_the_rate_is_high(self, workload: Workload, base: Path) -> None:
        """So high that another schedule, clipping or optimiser would show."""
        recipe = replace(workload.recipe, learning_rate=1e-2)
        with open_bench("training", None) as bench:
            compare_curves(bench, replace(workload, recipe=recipe), base, adapt(load_base(base, "fp32"), recipe))
        assert [len(row.values) for row in bench.rows] == [CURVE_STEPS, CURVE_STEPS]
        (difference,) = bench.ratios.values()
        assert difference < 200  # ppm

    def test_trl_counts_the_tokens_that_ours_counts(self, base: Path, model: PeftModel) -> None:
        for workload in workloads():
            trl = TrlTrainer(base, model, workload.examples(BATCH), workload.recipe, 1, order=IN_ORDER)
            assert trl.train().tokens == sum(map(tokens_of, trl.rows))
