"""How long a training would take, measured by the real process on a tiny model."""

from dataclasses import asdict
from pathlib import Path

import pytest

from bot.lineage import Progress
from learning import measuring
from learning.dataset import general_examples
from learning.evaluation import OnItem, Score
from learning.examples import Example, Kind, judging_cost
from learning.process import measure
from learning.recipe import Recipe
from learning.trainer import Spec
from tests.learning.trainings import example
from tests.tiny_model import make_tiny_model


async def go_on(_: Progress) -> bool:
    return True


async def test_it_says_something_of_both_and_leaves_no_adapter(tmp_path: Path) -> None:
    judged = [*map(example, range(40, 44)), *general_examples("held_out")[:3]]
    spec = Spec(
        base=str(make_tiny_model(tmp_path / "tiny")), base_name="tiny", champion=None, start=None,
        train=[asdict(example(number)) for number in range(24)], general=[asdict(example(50, Kind.GENERAL))],
        judge=[asdict(item) for item in judged], asked=[asdict(judged[0])],
        recipe=asdict(Recipe(rank=4)), out=str(tmp_path / "out"),
        work=str(tmp_path), precision="auto", memory_mb=8_000, threads=1, judging_s=0.0,
    )  # fmt: skip
    training_s, judging_s = await measure(spec, go_on)
    assert training_s > 0
    assert judging_s > 0
    assert not (tmp_path / "out").exists()


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
