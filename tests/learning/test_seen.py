"""What a training is judged by where an adapter is live: nothing that the adapter was trained on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feedback import Lesson, LessonSource, Phrasing, facts_of
from bot.ids import AdapterId, FactId, LessonId, RunId
from bot.lineage import Adapter
from learning import course as courses
from learning import dataset as datasets
from learning.course import ANEW, Course
from learning.dataset import Dataset
from learning.examples import Kind
from learning.planning import Known, Speed, planned
from learning.recipe import Recipe
from learning.wording import near_duplicate, quotes
from tests.learning.samples import NOW, lesson

RECIPE = Recipe()
Shown = tuple[FactId, str]


@pytest.fixture(scope="module", autouse=True)
def few_are_judged() -> Iterator[None]:
    """Three questions from memory, and little is repeated: so that a dozen facts are many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "MAX_JUDGED", 3)
        patch.setattr(courses, "LEAST_REPLAYED", 4)
        yield


@dataclass
class Team:
    """Teaches, and trains adapters one after the other, each on from the one before where that is possible."""

    lessons: list[Lesson] = field(default_factory=list)
    live: Adapter | None = None
    trained: set[Shown] = field(default_factory=set)
    """All that the live adapter and those before it were shown, variations left aside."""

    def teach(self, number: int, source: LessonSource = LessonSource.CORRECTION) -> None:
        """A new version of the fact, in words of its own from the second on."""
        version = sum(each.fact == lesson(number).fact for each in self.lessons)
        new = replace(lesson(number, source=source), taught_at=NOW + timedelta(minutes=len(self.lessons)))
        question = f"Word{number} or{version}?" if version else new.question
        self.lessons.append(replace(new, id=LessonId(f"{new.id}-{version}"), question=question))

    def doubt(self, number: int, page: str) -> None:
        fact = lesson(number).fact
        self.lessons = [replace(each, doubted_by=page) if each.fact == fact else each for each in self.lessons]

    def train(self) -> Course:
        """As if there were time for a little less than everything."""
        anew, _ = planned(known := self._known(), RECIPE, "tiny")
        course, _ = planned(known, RECIPE, "tiny", int(anew.minutes) - 1 if self.live is not None else 0)
        if course.too_long:
            course = anew
        self.trained = shown(course.dataset, self.lessons) | (self.trained if course.start is not None else set())
        self.live = Adapter(
            id=AdapterId("live"), number=1, run=RunId("r"), base_model="tiny", base_sha256="", weights_sha256="",
            dataset_sha256="", lessons=course.lessons, recipe={"rank": RECIPE.rank, "alpha": RECIPE.alpha},
            created_at=NOW, questions=course.questions,
        )  # fmt: skip
        return course

    def from_nothing(self) -> Course:
        """As if no adapter had been trained."""
        return planned(replace(self._known(), live=None), RECIPE, "tiny")[0]

    def _known(self) -> Known:
        phrasings = [Phrasing(fact=each.fact, text=each.question, origin=each.id) for each in self.lessons]
        facts = facts_of(self.lessons, phrasings)
        return Known(self.lessons, phrasings, facts, facts, (), {}, {}, Speed(0.1, 1e9), self.live, 1, 0, 0, ())


def shown(dataset: Dataset, lessons: Sequence[Lesson]) -> set[Shown]:
    """Questions and answers of the training, by the fact that they are shown for."""
    taught = {each.question for each in lessons}
    asked = {(example.fact, example.messages[-1].content) for example in dataset.train}
    return {each for each in asked if each[1] in taught} | {(each.fact, each.answer) for each in dataset.train}


def leaks(course: Course, before: set[Shown], lessons: Sequence[Lesson]) -> list[Shown]:
    """Of what is judged, that which says the same as something shown before."""
    texts, facts = {text for _, text in before}, {fact for fact, _ in before}
    told = {each.fact: each.answer for each in lessons}
    found = []
    for item in course.dataset.judge:
        asked = item.messages[-1].content
        secrets = [asked] if item.kind is Kind.RECALL else [asked, told.get(item.fact, "")]
        was_taught = item.kind is Kind.READING and item.fact in facts
        if was_taught or any(near_duplicate(a, b) or quotes(a, b) for a in secrets for b in texts):
            found.append((item.fact, asked))
    return found


def judged(course: Course) -> set[FactId]:
    return {item.fact for item in course.dataset.judge if item.kind is Kind.RECALL}


def a_team(numbers: range) -> Team:
    team = Team()
    for number in numbers:
        team.teach(number)
        team.teach(number)
    return team


def test_a_fact_that_fell_out_of_the_judged_and_came_back_is_not_judged() -> None:
    team = a_team(range(12))
    first = team.train()
    out, *others = sorted(judged(first))
    assert (len(others), first.start) == (2, None)
    team.doubt(int(out[-3:]), "changed.md")
    team.teach(20)
    (instead,) = judged(team.from_nothing()) - judged(first)
    anew, _ = planned(team._known(), RECIPE, "tiny")
    assert (anew.start, judged(anew)) == (None, set(others))  # it would flatter the first one, which was trained on it
    assert anew.told.startswith(ANEW + " It is not judged by 1 of the ")
    second = team.train()
    assert second.start is not None
    assert judged(second) == set(others)  # the first one was trained on the newest question of the fact instead
    assert " It is not judged by 1 of the " in second.told
    team.doubt(int(out[-3:]), "")
    team.teach(21)
    third = team.train()
    assert judged(third) == {out, *others}  # whose newest questions nobody was trained on
    team.doubt(int(others[0][-3:]), "changed.md")
    team.teach(22)
    fourth = team.train()
    assert None not in (third.start, fourth.start)
    assert judged(fourth) == {out, others[1]}
    assert instead in judged(team.from_nothing())


def test_where_too_little_is_left_to_judge_it_everything_is_trained_anew_or_nothing() -> None:
    team = a_team(range(12))
    for fact in judged(team.train()):
        team.doubt(int(fact[-3:]), "changed.md")
    team.teach(20)
    anew, _ = planned(team._known(), RECIPE, "tiny")
    refused, plan = planned(team._known(), RECIPE, "tiny", int(anew.minutes) - 1)
    assert (anew.start, anew.too_long) == (None, "")
    assert judged(anew)
    assert "it may have been trained on 3 of the 3 questions that would judge what goes on from it" in refused.too_long
    assert plan.refusals == (refused.too_long,)


def test_an_adapter_that_kept_no_list_may_have_seen_all_questions_of_its_facts() -> None:
    team = a_team(range(12))
    team.train()
    assert team.live is not None
    team.live = replace(team.live, questions=None)
    team.teach(20)
    anew, _ = planned(team._known(), RECIPE, "tiny")
    assert (
        "trained on 3 of the 3 questions" in planned(team._known(), RECIPE, "tiny", int(anew.minutes) - 1)[0].too_long
    )
    team.train()
    team.teach(21)
    assert team.train().start is not None


STEPS = st.tuples(st.sampled_from(("teach", "list", "doubt", "believe", "train")), st.integers(0, 24))


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_nothing_that_judges_was_trained_on_before(steps: list[tuple[str, int]]) -> None:
    """Whatever is taught, loaded again, doubted and believed again in between."""
    team = a_team(range(14))
    team.train()
    for step, number in (*steps, ("teach", 25), ("train", 0)):
        match step:
            case "teach":
                team.teach(number)
            case "list":
                team.teach(number, LessonSource.FAQ)
            case "doubt":
                team.doubt(number, "changed.md")
            case "believe":
                team.doubt(number, "")
            case _:
                before = set(team.trained)
                course = team.train()
                assert course.told == ANEW or not leaks(course, before, team.lessons)
