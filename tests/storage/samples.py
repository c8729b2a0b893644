"""Values of the core, as small as they can be, for the tests of what is kept."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from bot.answers import Answer, AnswerKind, Confirmation, Source, SourceKind
from bot.conversation import Speaker, Turn
from bot.events import MessagePosted, MessageRef, Place
from bot.feedback import Lesson, LessonSource
from bot.ids import AdapterId, EventId, FactId, LessonId, RunId, SectionId
from bot.lineage import Adapter, Decision, Evaluation, Measure, Report, Run
from bot.people import Person, Platform
from bot.ports import Unit
from bot.retrieval import Section
from storage.database import SqlStore

T = TypeVar("T")

NOW = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
PERSON = Person(Platform.SLACK, "U1", "Cara", groups=frozenset({"a", "b"}))
PLACE = Place(Platform.SLACK, "T1", "C1", "100.1")


def in_turn(store: SqlStore, work: Callable[[T, Unit], object], values: Iterable[T]) -> None:
    """One unit of work for each value."""
    for value in values:
        store.run_sync(partial(work, value))


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def event(id: str, text: str = "How do I reset it?") -> MessagePosted:
    return MessagePosted(
        id=EventId(id), place=PLACE, person=PERSON, at=NOW, text=text, message=ref(id), mentions_bot=True,
        opens_thread=False,
    )  # fmt: skip


def ref(id: str) -> MessageRef:
    return MessageRef(Platform.SLACK, "T1", "C1", id)


def answer() -> Answer:
    """One that has everything that an answer can have."""
    return Answer(
        kind=AnswerKind.KNOWN,
        question="How do I reset it?",
        text="Hold the button for 5 s.",
        confidence=0.97,
        latency_ms=12.5,
        fact=FactId("f1"),
        confirmation=Confirmation(LessonId("l1"), "Ana", NOW),
        sources=(Source(SourceKind.LESSON, "l1", "Reset", "https://help.example/reset"),),
        adapter=AdapterId("a1"),
        trial=AdapterId("a2"),
    )


def turn(text: str, place: Place = PLACE) -> Turn:
    return Turn(place, Speaker.PERSON, PERSON.key, text, NOW)


def lesson(id: str, *, fact: str = "f1", taught_at: datetime = NOW) -> Lesson:
    return Lesson(
        id=LessonId(id), fact=FactId(fact), question=f"Question {id}?", answer=f"Answer {id}.", author=PERSON.key,
        author_name="Ana", source=LessonSource.CORRECTION, taught_at=taught_at,
    )  # fmt: skip


def section(id: str, source: str = "help.md") -> Section:
    return Section(SectionId(id), source, "Help", f"Heading {id}", f"Text {id}.", f"https://help.example/{id}")


def adapter(id: str, number: int) -> Adapter:
    return Adapter(
        id=AdapterId(id), number=number, run=RunId("r1"), base_model="tiny", base_sha256="b", weights_sha256="w",
        dataset_sha256="d", lessons=(LessonId("l1"),), recipe={"rank": 8, "rate": 1e-4, "kind": "lora", "one": 1.0},
        created_at=NOW,
    )  # fmt: skip


def run(id: str, *, slot: str | None = None, requested_at: datetime = NOW) -> Run:
    return Run(id=RunId(id), slot=slot or f"slot {id}", requested_by=PERSON.key, requested_at=requested_at, place=PLACE)


def report(*, judged: bool = True) -> Report:
    measure = Measure("facts", "share", 40, 0.5, 0.7, 0.05, float("inf"), "> 0", True)
    rejected = Report(
        decision=Decision.REJECTED, reasons=("It forgot.",), adapter="v1", lessons=30,
        evaluation=Evaluation((measure,), 0.95), seconds=61.5,
    )  # fmt: skip
    return rejected if judged else replace(rejected, evaluation=None)
