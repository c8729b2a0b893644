"""Anew or on from the live adapter: what decides, and what is trained on then."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feedback import facts_of
from bot.ids import AdapterId, FactId, LessonId, RunId
from bot.lineage import Adapter, Deployment, Move
from bot.ports import Unit
from learning.course import ANEW, LEAST_REPLAYED, Course, continued
from learning.dataset import Dataset, build
from learning.planning import plan, planned, read, remember_speed, work_of
from learning.recipe import Recipe
from storage.database import SqlStore
from tests.learning.samples import NOW, fact, keep, lesson

RECIPE = Recipe()
LEARNED, TAUGHT = 80, 84
"""Lessons that there were when the live adapter was trained, and all."""
BEFORE = build([fact(number) for number in range(LEARNED)], [], 0).lessons
"""Of these, those that it was trained on: some are held out."""


@pytest.fixture
def store(store: SqlStore) -> SqlStore:
    """Everything anew takes 100 minutes on this machine."""

    def teach(unit: Unit) -> None:
        keep(unit, *map(lesson, range(TAUGHT)))
        dataset = build(facts_of(unit.lessons.all(), unit.lessons.phrasings()), [], RECIPE.seed)
        remember_speed(unit, RECIPE, "tiny", work_of(dataset, RECIPE), 5_990.0, 10.0)

    store.run_sync(teach)
    return store


def deploy(store: SqlStore, **changed: object) -> Adapter:
    live = Adapter(
        id=AdapterId("a1"), number=1, run=RunId("r1"), base_model="tiny", base_sha256="b", weights_sha256="w",
        dataset_sha256="d", lessons=BEFORE, questions=BEFORE,
        recipe={"rank": RECIPE.rank, "alpha": RECIPE.alpha}, created_at=NOW,
    )  # fmt: skip
    live = replace(live, **changed)  # type: ignore[arg-type]
    store.run_sync(lambda unit: unit.adapters.add(live))
    store.run_sync(lambda unit: unit.adapters.deploy(Deployment(Move.PROMOTE, live.id, "test", NOW)))
    return live


def course(store: SqlStore, allowed: int = 90) -> Course:
    return planned(store.run_sync(lambda unit: read(unit, RECIPE, "tiny")), RECIPE, "tiny", allowed)[0]


@pytest.mark.parametrize("allowed", [0, 101])
def test_anew_while_there_is_time_for_it(store: SqlStore, allowed: int) -> None:
    deploy(store)
    found = course(store, allowed)
    assert (found.start, found.told, found.too_long) == (None, ANEW, "")
    assert found.minutes == pytest.approx(100.0)


def test_else_on_from_the_live_adapter_with_what_is_new_and_some_of_the_rest(store: SqlStore) -> None:
    live = deploy(store)
    everything, found = course(store, 0).dataset, course(store)
    new = {lesson(number).fact for number in range(LEARNED, TAUGHT)}
    asked = Counter(example.fact for example in found.dataset.train)
    assert found.start == live.id
    assert [e for e in found.dataset.train if e.fact in new] == [e for e in everything.train if e.fact in new]
    assert sum(count for each, count in asked.items() if each not in new) == LEAST_REPLAYED
    assert (found.dataset.judge, found.dataset.taught) == (everything.judge, everything.taught)
    assert found.minutes < 90
    told = store.run_sync(lambda unit: plan(unit, RECIPE, "tiny", 90))
    assert (told.course, told.refusals, told.minutes) == (found.told, (), found.minutes)
    assert told.course.startswith("On from v1, on ")
    assert told.course.endswith(
        "since everything anew would take about 100 minutes, and MENTEE_TRAINING_MINUTES allows 90."
    )


def test_what_the_one_before_has_learned_stays_in_the_lineage(store: SqlStore) -> None:
    """So that forgetting reaches every adapter that goes back to it."""
    gone_by = LessonId("superseded")
    store.run_sync(lambda unit: keep(unit, replace(lesson(0), id=gone_by, taught_at=NOW.replace(year=2025))))
    live = deploy(store, lessons=(gone_by, *BEFORE))
    assert set(course(store).lessons) >= {*live.lessons, *(course(store, 0).dataset.lessons)}
    assert course(store, 0).lessons == course(store, 0).dataset.lessons


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lessons": ()}, "nothing was trained yet"),
        ({"base_model": "another"}, "v1 is one for another"),
        ({"recipe": {"rank": 99, "alpha": 16}}, "v1 is of another shape"),
        ({"lessons": (lesson(0).id, LessonId("forgotten"))}, "v1 learned what was withdrawn since"),
        ({"lessons": tuple(lesson(number).id for number in range(TAUGHT))}, "there is nothing new to it"),
        ({"lessons": (lesson(0).id,)}, "it would take about "),
    ],
)
def test_where_it_can_not_go_on_it_is_refused_in_words(store: SqlStore, changed: dict[str, object], said: str) -> None:
    deploy(store, **changed)
    (refusal,) = store.run_sync(lambda unit: plan(unit, RECIPE, "tiny", 90)).refusals
    assert refusal.startswith("It would take about 100 minutes, and MENTEE_TRAINING_MINUTES allows 90. Raise it,")
    assert f"no way out: {said}" in refusal


def test_a_lesson_that_was_taken_back_forces_a_training_anew(store: SqlStore) -> None:
    deploy(store)
    assert course(store).start is not None
    store.run_sync(lambda unit: unit.lessons.withdraw(lesson(5).id, NOW))
    assert course(store).start is None
    assert course(store).too_long


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 5))
def test_the_replay_is_bounded_and_balanced(known: int, fresh: int, seed: int) -> None:
    facts = [fact(number, f"Another word{number} for it?") for number in range(known + fresh)]
    dataset: Dataset = build(facts, [], 0)
    new = {FactId(f"fact-{number:03}") for number in range(known, known + fresh)}
    going_on, replayed = continued(dataset, new, str(seed))
    old = Counter(example.fact for example in going_on.train if example.fact not in new)
    there = Counter(example.fact for example in dataset.train if example.fact not in new)
    asked_new = sum(example.fact in new for example in dataset.train)
    assert old.total() == replayed == min(there.total(), max(LEAST_REPLAYED, asked_new))
    assert all(old[each] >= min(there[each], max(old.values()) - 1) for each in there)
    assert sum(example.fact in new for example in going_on.train) == asked_new
