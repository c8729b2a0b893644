"""What always holds when lessons fold into facts."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.feedback import Lesson, LessonSource, Phrasing, facts_of
from bot.ids import FactId, LessonId

START = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Lesson], list[Phrasing]]:
    lessons = [
        Lesson(
            id=LessonId(f"lesson{i}"), fact=FactId(draw(st.sampled_from("ab"))), question=f"question {i}",
            answer=f"answer {i}", author="x", author_name="x", source=LessonSource.CORRECTION,
            taught_at=START + timedelta(minutes=draw(st.integers(0, 5))),
            withdrawn_at=draw(st.sampled_from((None, START))),
        )
        for i in range(draw(st.integers(0, 8)))
    ]  # fmt: skip
    phrasings = [
        Phrasing(fact=lesson.fact, text=lesson.question, origin=lesson.id, withdrawn_at=lesson.withdrawn_at)
        for lesson in lessons
    ]
    return lessons, phrasings


@given(histories())
def test_the_newest_lesson_that_was_not_withdrawn_holds(history: tuple[list[Lesson], list[Phrasing]]) -> None:
    lessons, phrasings = history
    facts = {fact.id: fact.lesson for fact in facts_of(lessons, phrasings)}
    active = [lesson for lesson in lessons if lesson.withdrawn_at is None]
    assert facts.keys() == {lesson.fact for lesson in active}
    for fact, held in facts.items():
        assert held.withdrawn_at is None
        assert all(held.taught_at >= other.taught_at for other in active if other.fact == fact)


@given(histories())
def test_what_was_withdrawn_is_gone_from_the_phrasings(history: tuple[list[Lesson], list[Phrasing]]) -> None:
    lessons, phrasings = history
    active = {phrasing.text for phrasing in phrasings if phrasing.withdrawn_at is None}
    for fact in facts_of(lessons, phrasings):
        assert set(fact.phrasings) <= active
        assert fact.lesson.question in fact.phrasings
        assert len(fact.phrasings) == len(set(fact.phrasings))


@given(histories())
def test_phrasings_stay_in_the_order_in_which_they_came(history: tuple[list[Lesson], list[Phrasing]]) -> None:
    """Whichever lesson holds: what training has shown once never becomes the newest one again."""
    lessons, phrasings = history
    for fact in facts_of(lessons, phrasings):
        mine = [each.text for each in phrasings if each.fact == fact.id and each.withdrawn_at is None]
        assert fact.phrasings == tuple(mine)


@given(histories(), st.randoms())
def test_the_order_in_which_lessons_are_read_does_not_matter(
    history: tuple[list[Lesson], list[Phrasing]], random: object
) -> None:
    lessons, phrasings = history
    expected = {fact.id: fact.lesson.id for fact in facts_of(lessons, phrasings)}
    assert {fact.id: fact.lesson.id for fact in facts_of(lessons[::-1], phrasings)} == expected


def test_words_that_were_only_heard_are_told_apart_from_those_that_were_submitted() -> None:
    lesson = Lesson(
        id=LessonId("1"), fact=FactId("a"), question="Can I freeze?", answer="Yes.", author="x", author_name="x",
        source=LessonSource.CORRECTION, taught_at=START,
    )  # fmt: skip
    asked = Phrasing(fact=FactId("a"), text="hey is there a way to stop for a month", origin="1")
    rated = Phrasing(fact=FactId("a"), text="pause??", origin="rating:x:y")
    (fact,) = facts_of([lesson], [asked, rated])
    assert fact.submitted == ("Can I freeze?",)
    assert fact.heard == {asked.text, rated.text}


def test_a_question_that_was_only_approved_was_not_submitted() -> None:
    lesson = Lesson(
        id=LessonId("1"), fact=FactId("a"), question="hey can i freeze", answer="Yes.", author="x", author_name="x",
        source=LessonSource.APPROVAL, taught_at=START,
    )  # fmt: skip
    (fact,) = facts_of([lesson], [])
    assert fact.phrasings == ("hey can i freeze",)
    assert fact.submitted == ()
