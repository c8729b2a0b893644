"""What people say of answers, and what becomes of it: gestures, ratings, lessons, facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.ids import SHARED, AnswerId, FactId, LessonId, SectionId, Tenant


class Reason(StrEnum):
    """What was the matter with an answer that got a ❌."""

    WRONG = "wrong"
    OUTDATED = "outdated"
    INCOMPLETE = "incomplete"
    TONE = "tone"
    OTHER = "other"


class Gesture(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    CORRECT = "correct"
    MARK = "mark"
    """On a person's reply: it is the right answer to the thread's question."""


# Slack names its emoji, Discord sends the character. None marks a reply unless the operator names one.
DEFAULT_EMOJI: Mapping[str, Gesture] = {
    **dict.fromkeys(("white_check_mark", "heavy_check_mark", "+1", "thumbsup", "✅", "✔", "👍"), Gesture.APPROVE),
    **dict.fromkeys(("x", "-1", "thumbsdown", "❌", "✖", "👎"), Gesture.REJECT),
    **dict.fromkeys(("pencil2", "pencil", "✏", "📝"), Gesture.CORRECT),
}


@dataclass(frozen=True)
class Rating:
    """The latest state of one person's gesture on one answer. Taking the reaction away removes it."""

    answer: AnswerId
    person: str
    gesture: Gesture
    trusted: bool
    """True when an agent gave it; everyone else's is satisfaction, and never trains."""
    at: datetime
    reason: Reason | None = None
    """Of a rejection, if the person said why."""


class LessonSource(StrEnum):
    CORRECTION = "correction"  # an agent sent the form
    APPROVAL = "approval"  # an agent's ✅ on a generated answer
    TAUGHT = "taught"  # the operator's `mentee teach`
    REPLY = "reply"  # a person's reply in a thread, which an agent marked as the right answer
    FAQ = "faq"  # an ingested FAQ entry


CORRECTING = frozenset({LessonSource.CORRECTION, LessonSource.REPLY})
"""Where an agent says that something else than the bot's answer is right."""
OVERHEARD = frozenset({LessonSource.APPROVAL, LessonSource.REPLY})
"""Where the question, or the answer too, was said in a channel: memory serves it, training leaves it out."""


class Hold(StrEnum):
    """Why a lesson is kept and not used until somebody has looked at it."""

    BURST = "burst"  # more in an hour than one person may teach
    DROPPED = "dropped"  # an admin dropped this answer before
    UNTRUSTED = "untrusted"  # the teacher's record
    NEWCOMER = "newcomer"  # the teacher has none yet, and the operator wants one
    SAME_AS_HELD = "same_as_held"  # this answer is held already
    OVERRULES = "overrules"  # a teacher with a good record says otherwise
    CONFIRMED = "confirmed"  # colleagues agree on another answer, and the teacher has changed many such today
    DISPUTED = "disputed"  # it was answered so before, and a colleague corrected it
    UNRELATED = "unrelated"  # one answer for another question altogether
    CORRECTED = "corrected"  # a colleague answered otherwise where it was said, and nobody stands behind it


class Ruling(StrEnum):
    """What somebody else decided of a lesson that was held or contradicts a help document. An admin's is final."""

    ACCEPTED = "accepted"
    DROPPED = "dropped"


class Amended(StrEnum):
    """How far a lesson is with mending what the bot had said before it."""

    DUE = ""
    DONE = "done"
    TAKEN_BACK = "taken_back"  # it was withdrawn later, and the askers were told


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One version of the right answer to a question. Lessons of one fact supersede each other, the newest wins."""

    id: LessonId
    fact: FactId
    question: str
    answer: str
    author: str
    """`Person.key`, or the FAQ file."""
    author_name: str
    source: LessonSource
    taught_at: datetime
    about: AnswerId | None = None
    """The bot's answer that the lesson corrects or approves."""
    topic: str = ""
    withdrawn_at: datetime | None = None
    """Set as well while it is held: whatever skips withdrawn lessons serves, trains and indexes no held one."""
    said_in: str | None = None
    """`MessageRef.key` of the message whose words the answer is; an edit of it is a new version."""
    held: Hold | None = None
    ruling: Ruling | None = None
    ruled_by: str = ""
    """`Person.key`."""
    contradicts: SectionId | None = None
    """The help section that said otherwise when it was taught."""
    trainable: bool = True
    """False for what may be said and not trained on: its licence or consent says so (`bot/consent.py`)."""
    doubted_by: str = ""
    """The help page that bore the answer out until it changed: it is said, but not trained on, until somebody has
    looked."""
    tenant: Tenant = SHARED
    """The workspace that it was taught in."""


@dataclass(frozen=True, kw_only=True)
class Phrasing:
    """One way of asking for a fact. It is active while what brought it has not been withdrawn."""

    fact: FactId
    text: str
    origin: str
    """Id of the lesson that brought it, or `rating:<answer>:<person>`, `choice:<answer>:<person>`."""
    withdrawn_at: datetime | None = None
    tenant: Tenant = SHARED


@dataclass(frozen=True)
class Fact:
    """What memory serves and training teaches: the newest active lesson, under all its active phrasings."""

    lesson: Lesson
    phrasings: tuple[str, ...]
    heard: frozenset[str] = frozenset()
    """Those that were only heard in a channel, or may not be trained on. They find the answer, and are kept from
    training."""

    @property
    def id(self) -> FactId:
        return self.lesson.fact

    @property
    def submitted(self) -> tuple[str, ...]:
        """The phrasings that somebody gave the bot on purpose, oldest first."""
        return tuple(text for text in self.phrasings if text not in self.heard)


def facts_of(lessons: Sequence[Lesson], phrasings: Sequence[Phrasing]) -> list[Fact]:
    """Fold lessons and phrasings into the facts that hold now, oldest fact first. `phrasings`: oldest first."""
    newest: dict[FactId, Lesson] = {}
    for lesson in sorted(lessons, key=lambda lesson: (lesson.taught_at, lesson.id)):
        if lesson.withdrawn_at is None:
            newest[lesson.fact] = lesson
    texts = _texts_of(newest, phrasings)
    given: dict[FactId, set[str]] = {fact: set() for fact in newest}
    listed = {lesson.id for lesson in lessons if lesson.source is LessonSource.FAQ and lesson.trainable}
    for lesson in lessons:
        if lesson.withdrawn_at is None and lesson.source not in OVERHEARD and lesson.trainable:
            given[lesson.fact].add(lesson.question)
    for phrasing in phrasings:
        if phrasing.origin in listed and phrasing.fact in given:
            given[phrasing.fact].add(phrasing.text)
    return [
        Fact(lesson, tuple(dict.fromkeys(texts[fact])), frozenset(texts[fact]) - given[fact])
        for fact, lesson in newest.items()
    ]


def _texts_of(newest: Mapping[FactId, Lesson], phrasings: Sequence[Phrasing]) -> Mapping[FactId, list[str]]:
    """All that each fact is asked by, in the order in which it came, whichever lesson holds: what a training was shown
    must not become the newest question again, by which the next one is judged."""
    texts: dict[FactId, list[str]] = {fact: [] for fact in newest}
    for phrasing in phrasings:
        if phrasing.withdrawn_at is None and phrasing.fact in texts:
            texts[phrasing.fact].append(phrasing.text)
    for fact, lesson in newest.items():
        if lesson.question not in texts[fact]:
            texts[fact].insert(0, lesson.question)
    return texts
