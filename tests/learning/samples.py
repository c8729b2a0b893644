"""Lessons and facts for the tests of the slow loop, as small as they can be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.feedback import Fact, Lesson, LessonSource, Phrasing
from bot.ids import FactId, LessonId
from bot.ports import Unit

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
NOUNS = "invoice refund voucher booking waitlist calendar instructor payout room member".split()
VERBS = "cancel export rename archive transfer restore approve".split()
PLACES = "billing planning reports studio".split()
COMBINATIONS = len(NOUNS) * len(VERBS) * len(PLACES)


def words(number: int) -> tuple[str, str, str]:
    """Three words that no other number below COMBINATIONS has together."""
    rest, noun = divmod(number, len(NOUNS))
    return NOUNS[noun], VERBS[rest % len(VERBS)], PLACES[rest // len(VERBS)]


def lesson(number: int, *, source: LessonSource = LessonSource.CORRECTION, minutes: float | None = None) -> Lesson:
    """Lessons of different numbers are about different things."""
    noun, verb, place = words(number)
    return Lesson(
        id=LessonId(f"lesson-{number:03}"), fact=FactId(f"fact-{number:03}"),
        question=f"How can I {verb} a {noun} under {place}?",
        answer=f"Choose {place}, open item{number}, press {verb}{number} and confirm the {noun}{number}.",
        author="slack:U1", author_name="Ana", source=source,
        taught_at=NOW + timedelta(minutes=number if minutes is None else minutes),
    )  # fmt: skip


def fact(number: int, *others: str, source: LessonSource = LessonSource.CORRECTION) -> Fact:
    taught = lesson(number, source=source)
    return Fact(taught, (taught.question, *others))


def answered(known: Fact, answer: str) -> Fact:
    return replace(known, lesson=replace(known.lesson, answer=answer))


def keep(unit: Unit, *taught: Lesson) -> None:
    """Keep lessons as the bot does, each with its question as a phrasing."""
    for each in taught:
        unit.lessons.add(each)
        unit.lessons.add_phrasing(Phrasing(fact=each.fact, text=each.question, origin=each.id))


def again(taught: Lesson, question: str) -> Lesson:
    """An earlier lesson of the same fact: that is how a fact comes to have a second phrasing that may be trained on."""
    earlier = taught.taught_at - timedelta(seconds=30)
    return replace(taught, id=LessonId(f"{taught.id}-earlier"), question=question, taught_at=earlier)
