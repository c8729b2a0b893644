"""The dry run: what a retraining would do, in numbers, and why it would be refused."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.feedback import LessonSource
from bot.ids import AdapterId, LessonId, RunId
from bot.lineage import Adapter, Deployment, Move, RetrainPlan, Run
from bot.ports import Unit
from learning.dataset import MIN_LESSONS
from learning.planning import plan, remember_rate
from learning.recipe import Recipe
from storage.database import SqlStore
from tests.learning.samples import NOW, keep, lesson


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = SqlStore(f"sqlite:///{tmp_path / 'mentee.db'}")
    opened.migrate()
    yield opened
    opened.close()


def planned(store: SqlStore, recipe: Recipe | None = None) -> RetrainPlan:
    return store.run_sync(lambda unit: plan(unit, recipe or Recipe()))


def adapter(*learned: LessonId) -> Adapter:
    return Adapter(
        id=AdapterId("a1"), number=1, run=RunId("r1"), base_model="tiny", base_sha256="b", weights_sha256="w",
        dataset_sha256="d", lessons=learned, recipe={}, created_at=NOW,
    )  # fmt: skip


def test_nothing_known_is_refused_in_words(store: SqlStore) -> None:
    nothing = planned(store)
    assert nothing.refusals == (f"There are 0 lessons, and {MIN_LESSONS} are needed before training makes sense.",)
    assert (nothing.usable, nothing.new, nothing.examples) == (0, 0, 0)


def test_one_lesson_decides_whether_it_may_start(store: SqlStore) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(MIN_LESSONS - 1))))
    assert planned(store).refusals
    store.run_sync(lambda unit: keep(unit, lesson(MIN_LESSONS)))
    assert planned(store).refusals == ()


@pytest.mark.parametrize("source", [LessonSource.FAQ, LessonSource.APPROVAL])
def test_what_nobody_submitted_as_a_lesson_does_not_count_as_one(store: SqlStore, source: LessonSource) -> None:
    store.run_sync(lambda unit: keep(unit, *(lesson(number, source=source) for number in range(40))))
    told = planned(store)
    assert told.refusals[0].startswith("There are 0 lessons")
    assert told.new == 0


def test_withdrawn_lessons_do_not_count(store: SqlStore) -> None:
    def teach_and_withdraw(unit: Unit) -> None:
        keep(unit, *map(lesson, range(MIN_LESSONS)))
        unit.lessons.withdraw(lesson(3).id, NOW)

    store.run_sync(teach_and_withdraw)
    assert planned(store).refusals


def test_it_counts_what_the_run_will_do(store: SqlStore) -> None:
    double = replace(lesson(50), question=lesson(0).question)
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(40)), double))
    told = planned(store)
    assert told.new == 41
    assert told.duplicates == 1
    assert told.held_out > 0
    assert told.usable + told.held_out + told.duplicates == 41
    assert told.examples == 2 * told.usable  # one from memory, one from the text
    assert told.minutes > 0


def test_what_came_before_the_live_adapters_training_is_not_new(store: SqlStore) -> None:
    def teach_and_deploy(unit: Unit) -> None:
        keep(unit, *map(lesson, range(12)))  # one a minute
        when = NOW + timedelta(minutes=9)
        unit.runs.request(Run(id=RunId("r1"), slot="x", requested_by="test", requested_at=when))
        unit.adapters.add(adapter(*(lesson(number).id for number in range(10))))
        unit.adapters.deploy(Deployment(Move.PROMOTE, AdapterId("a1"), "test", NOW))

    store.run_sync(teach_and_deploy)
    assert planned(store).new == 2
    store.run_sync(lambda unit: unit.adapters.deploy(Deployment(Move.ROLLBACK, None, "test", NOW)))
    assert planned(store).new == 12


def test_more_epochs_take_longer(store: SqlStore) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(12))))
    assert planned(store, Recipe(epochs=4)).minutes > planned(store, Recipe(epochs=2)).minutes


def test_the_next_estimate_is_what_this_machine_took(store: SqlStore) -> None:
    store.run_sync(lambda unit: keep(unit, *map(lesson, range(12))))
    first = planned(store)
    store.run_sync(lambda unit: remember_rate(unit, first, seconds=1234.0))
    assert planned(store).minutes * 60 == pytest.approx(1234.0, rel=0.01)
    store.run_sync(lambda unit: remember_rate(unit, planned_in(unit), seconds=300.0))
    assert planned(store).minutes * 60 == pytest.approx(300.0, rel=0.01)


def planned_in(unit: Unit) -> RetrainPlan:
    return plan(unit, Recipe())
