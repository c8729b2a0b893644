"""No teacher is more than half of what a training sees, where there are others; and whoever comes near is named."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.feedback import Fact, Lesson, LessonSource
from bot.ids import FactId, LessonId
from learning.shares import Teacher, capped, teachers_of, told

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def fact(number: int, author: str) -> Fact:
    lesson = Lesson(
        id=LessonId(f"l{number}"), fact=FactId(f"f{number}"), question=f"Question {number}?",
        answer=f"Answer {number}.",
        author=author, author_name=author.title(), source=LessonSource.CORRECTION,
        taught_at=NOW + timedelta(minutes=number), about=None,
    )  # fmt: skip
    return Fact(lesson, (lesson.question,))


def facts(*authors: str) -> list[Fact]:
    return [fact(number, author) for number, author in enumerate(authors)]


def test_the_latest_of_whoever_taught_most_are_left_out() -> None:
    taught = facts("mel", "ana", "mel", "mel", "ben", "mel", "mel")
    assert [each.id for each in capped(taught)] == ["f0", "f1", "f2", "f4"]
    assert told(taught) == ("Mel taught 71 % of the lessons that it was trained on.",)


def test_a_team_of_two_and_the_operator_are_left_alone() -> None:
    for taught in (facts(*["ana"] * 9, "ben"), facts(*["cli:operator"] * 9, "ana", "ben"), []):
        assert capped(taught) == taught
        assert told(taught) == ()


def test_teachers_are_named_where_three_teach() -> None:
    taught = facts("mel", "ana", "cli:operator", "ben", "mel")
    found = teachers_of(taught)
    assert {fact: str(teacher) for fact, teacher in found.items()} == {
        "f0": "Mel", "f1": "Ana", "f3": "Ben", "f4": "Mel",
    }  # fmt: skip
    assert found[FactId("f0")] == Teacher("mel", "by another name") != Teacher("ana", "Mel")
    assert teachers_of(facts("mel", "ana")) == {}
    faq = replace(taught[3], lesson=replace(taught[3].lesson, source=LessonSource.FAQ))
    assert teachers_of([*taught[:3], faq]) == {}


@given(st.lists(st.sampled_from(["ana", "ben", "cleo", "mel", "cli:operator"])))
def test_nobody_is_more_than_half_where_three_teach(authors: list[str]) -> None:
    taught = facts(*authors)
    kept = capped(taught)
    people = {author for author in authors if not author.startswith("cli:")}
    if len(people) >= 3:
        assert all(2 * sum(each.lesson.author == one for each in kept) <= len(kept) for one in people)
    assert [each for each in taught if each in kept] == kept
    assert {each.lesson.author for each in kept} == set(authors)


def test_an_earlier_lesson_is_earlier_whatever_its_place() -> None:
    late = replace(fact(0, "mel"), lesson=replace(fact(0, "mel").lesson, taught_at=NOW + timedelta(days=1)))
    taught = [late, fact(1, "mel"), fact(2, "mel"), fact(3, "ana"), fact(4, "ben")]
    assert late not in capped(taught)
