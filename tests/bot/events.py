"""Events as a platform would send them, for the tests of the core."""

from datetime import UTC, datetime

from bot.answers import Answer
from bot.events import CandidateChosen, CommandGiven, CorrectionSubmitted, MessagePosted, MessageRef, Place, Reacted
from bot.ids import AnswerId, EventId, FactId, SectionId, new_id
from bot.people import Person, Platform

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
CUSTOMER = Person(Platform.SLACK, "U-cara", "Cara")
AGENT = Person(Platform.SLACK, "U-ana", "Ana", groups=frozenset({"agents"}))
ADMIN = Person(Platform.SLACK, "U-adam", "Adam", groups=frozenset({"admins"}))
THREAD = Place(Platform.SLACK, "T1", "C1", "100.1")


def message(text: str, person: Person = CUSTOMER, place: Place = THREAD, *, mentions: bool = True) -> MessagePosted:
    number = new_id()
    return MessagePosted(
        id=EventId(f"slack:{number}"), place=place, person=person, at=NOW, text=text, mentions_bot=mentions,
        message=MessageRef(place.platform, place.workspace, place.channel, number), opens_thread=place.thread is None,
    )  # fmt: skip


def reaction(emoji: str, on: MessageRef, person: Person = AGENT, *, added: bool = True) -> Reacted:
    event = EventId(f"slack:{new_id()}")
    return Reacted(id=event, place=THREAD, person=person, at=NOW, message=on, emoji=emoji, added=added)


def correction(answer: AnswerId, question: str, text: str, person: Person = AGENT) -> CorrectionSubmitted:
    event = EventId(f"slack:{new_id()}")
    return CorrectionSubmitted(
        id=event, place=THREAD, person=person, at=NOW, answer=answer, question=question, text=text
    )  # fmt: skip


def command(text: str, person: Person = ADMIN) -> CommandGiven:
    return CommandGiven(id=EventId(f"slack:{new_id()}"), place=THREAD, person=person, at=NOW, text=text)


def chosen(
    asked: Answer, fact: FactId | None, person: Person = CUSTOMER, section: SectionId | None = None
) -> CandidateChosen:
    event = EventId(f"slack:{new_id()}")
    return CandidateChosen(id=event, place=THREAD, person=person, at=NOW, answer=asked.id, fact=fact, section=section)
