"""What goes out as an answer, with everything that made it: `why`, `blame` and erasure stand on this record."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.events import MessageRef, Place
from bot.ids import AdapterId, AnswerId, FactId, LessonId, SectionId, new_id
from bot.people import Person


class AnswerKind(StrEnum):
    KNOWN = "known"
    CLARIFY = "clarify"
    GROUNDED = "grounded"
    HANDOFF = "handoff"


class SourceKind(StrEnum):
    LESSON = "lesson"
    FAQ = "faq"
    SECTION = "section"


@dataclass(frozen=True)
class Source:
    kind: SourceKind
    id: str
    title: str
    link: str | None = None


@dataclass(frozen=True)
class Candidate:
    """One button of "did you mean": a known question, or a help page."""

    fact: FactId | None
    question: str
    """Of a help page, what it is called."""
    section: SectionId | None = None


@dataclass(frozen=True)
class Confirmation:
    """Who stands behind a known answer, since when."""

    lesson: LessonId
    by: str
    at: datetime


@dataclass(frozen=True)
class Read:
    """The help section that a text was written from, with the hash of its words: they may be other ones later."""

    section: SectionId
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    kind: AnswerKind
    question: str
    text: str
    confidence: float
    """Calibrated probability that a known answer is right; for a grounded one, how far its sources support it."""
    latency_ms: float
    fact: FactId | None = None
    confirmation: Confirmation | None = None
    sources: tuple[Source, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    tried: tuple[str, ...] = ()
    """Of a hand-off: what was looked at, and why it was not enough, in words for the agents."""
    quoted: bool = False
    """True for a grounded answer that says a source's own words."""
    language: str = ""
    """The asker's, in which the fixed words around it are said; the text is in its own."""
    adapter: AdapterId | None = None
    """The adapter that generated the text, or one that its sources didn't bear out; None for the base model, and where
    nothing was generated."""
    trial: AdapterId | None = None
    """The adapter that was on trial when something was generated, whichever adapter did it."""
    read: Read | None = None
    """What the text was written from, also one that its source didn't bear out; None where nothing was generated."""
    id: AnswerId = field(default_factory=lambda: AnswerId(new_id()))


@dataclass(frozen=True)
class PostedAnswer:
    """An answer as it stands in a channel."""

    answer: Answer
    place: Place
    asker: Person
    message: MessageRef | None
    """None until it has been delivered."""
    asked_in: str | None = None
    """`MessageRef.key` of the message that asked."""
    retracted: bool = False
    """True once its question, or the answer itself, was deleted: nothing is learnt from it any more."""
