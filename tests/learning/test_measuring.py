"""How long a training would take, measured by the real process on a tiny model."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from peft import PeftModel

from bot.lineage import Progress
from learning import measuring
from learning.dataset import general_examples
from learning.evaluation import OnItem, Score
from learning.examples import Example, Kind, judging_cost
from learning.process import measure
from learning.recipe import Recipe, Setup
from learning.trainer import Spec
from tests.learning.trainings import example
from tests.tiny_model import make_tiny_model


async def go_on(_: Progress) -> bool:
    return True


def spec_in(tmp_path: Path) -> Spec:
    judged = [*map(example, range(40, 44)), *general_examples("held_out")[:3]]
    return Spec(
        base=str(make_tiny_model(tmp_path / "tiny")), base_name="tiny", champion=None, start=None,
        train=[asdict(example(number)) for number in range(24)], general=[asdict(example(50, Kind.GENERAL))],
        judge=[asdict(item) for item in judged], asked=[asdict(judged[0])],
        recipe=asdict(Recipe(rank=4)), out=str(tmp_path / "out"),
        work=str(tmp_path), precision="auto", memory_mb=8_000, threads=1, encoder=None, judging_s=0.0,
    )  # fmt: skip


async def test_it_says_something_of_both_and_leaves_no_adapter(tmp_path: Path) -> None:
    training_s, judging_s = await measure(spec_in(tmp_path), go_on)
    assert training_s > 0
    assert judging_s > 0
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it
def test_where_memory_is_short_it_computes_activations_again_as_training_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, enabled = spec_in(tmp_path), list[bool]()
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(asdict(spec)), encoding="utf-8")

    def noted(model: PeftModel, *_: object) -> float:
        enabled.append(bool(model.get_base_model().is_activation_checkpointing))
        return 0.0

    monkeypatch.setattr(measuring, "be_modest", lambda _: None)
    monkeypatch.setattr(measuring, "set_up", lambda *_: Setup(recompute=True))
    monkeypatch.setattr(measuring, "backward", noted)
    monkeypatch.setattr(measuring, "_judging_s", lambda *_: 0.0)
    measuring.main(str(path))
    assert set(enabled) == {True}


def test_a_part_of_the_judging_stands_for_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind by itself: an answer takes longer than a score."""
    now = 0.0

    def judge(model: object, tokenizer: object, items: list[Example], on_item: OnItem) -> list[Score]:
        nonlocal now
        now += sum(map(judging_cost, items)) / 100
        return []

    monkeypatch.setattr(measuring, "judge", judge)
    monkeypatch.setattr("learning.measuring.time.monotonic", lambda: now)
    items = [*map(example, range(40)), *general_examples("held_out")]
    assert measuring._judging_s(None, None, items) == pytest.approx(sum(map(judging_cost, items)) / 100)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 50])
def test_short_and_long_ones_are_measured_once_what_comes_first_is_done(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Half of a cost is the same for all, so that no single part stands for the others."""
    now, done = 0.0, 0

    def work(cost: int) -> None:
        nonlocal now, done
        now += 30 + cost + (1_000 if not done else 0)
        done += 1

    monkeypatch.setattr("learning.measuring.time.monotonic", lambda: now)
    costs = list(range(10, 10 + number))
    seconds = measuring.estimate(costs, lambda cost: cost, work)
    assert seconds == pytest.approx(sum(30 + cost for cost in costs), rel=0.1)
    assert done <= measuring.SAMPLES + 1
