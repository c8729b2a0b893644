"""Inbox and outbox: what came in and what goes out, each exactly once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, or_, select

from bot.events import Event, MessageDeleted, MessageEdited, MessageRef, Place, Reacted
from bot.ids import AnswerId, EventId, LessonId, OutgoingId, RunId, first_id
from bot.outgoing import AnswerEdit, AnswerPost, Notice, Outgoing, ProgressPost
from storage.codec import EVENT, HANDOFF, MESSAGE_REF, OUTGOING, PLACE, from_text, to_text
from storage.repositories.portions import portions
from storage.repositories.prepared import (
    ADD_EVENT,
    ADD_OUTGOING,
    CHANGE_ANSWER,
    CHANGE_OUTGOING,
    CLOSE_EVENT,
    EVENTS_ABOUT,
    FIND_EVENTS,
    FIND_OUTGOING,
    UNDELIVERED,
    run,
)
from storage.tables import AnswerRow, HandoffRow, InboxRow, OutboxRow


class SqlInbox:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, event: Event) -> bool:
        if self.known([event.id]):
            return False
        is_news = not self._is_no_change(event)  # what is none is kept as done: it might come again when it would be
        about = event.message.key if isinstance(event, Reacted | MessageEdited | MessageDeleted) and is_news else None
        run(
            self._session, ADD_EVENT, event_id=event.id, event=to_text(EVENT, event), attempts=1, message_key=about,
            state="pending" if is_news else "done",
        )  # fmt: skip
        return is_news

    def known(self, events: Sequence[EventId]) -> Collection[EventId]:
        found: set[EventId] = set()
        for part in portions(list(events)):
            found.update(map(EventId, run(self._session, FIND_EVENTS, ids=part).scalars()))
        return found

    def reactions(self, messages: Sequence[MessageRef]) -> Mapping[str, Sequence[Reacted]]:
        found: dict[str, list[Reacted]] = {}
        for event in self._about(messages):
            if isinstance(event, Reacted):
                found.setdefault(event.message.key, []).append(event)
        return found

    def changes(self, message: MessageRef) -> Sequence[MessageEdited | MessageDeleted]:
        return [each for each in self._about([message]) if isinstance(each, MessageEdited | MessageDeleted)]

    def _about(self, messages: Sequence[MessageRef]) -> Iterator[Event]:
        for part in portions([message.key for message in messages]):
            yield from (from_text(EVENT, text) for text in run(self._session, EVENTS_ABOUT, messages=part).scalars())

    def _is_no_change(self, event: Event) -> bool:
        """A reaction that was last heard of in the same state, unless it was given to another text since."""
        if not isinstance(event, Reacted):
            return False
        heard = self.reactions([event.message]).get(event.message.key, [])
        same = [each for each in heard if (each.person.key, each.emoji) == (event.person.key, event.emoji)]
        if not same or same[-1].added is not event.added:
            return False
        return not (event.added and self._was_rewritten(event.message, same[-1].at, event.at))

    def _was_rewritten(self, message: MessageRef, after: datetime, until: datetime) -> bool:
        """Another answer was put where the message stands. Ids of answers tell when they were made."""
        between = (col(AnswerRow.id) >= first_id(after), col(AnswerRow.id) < first_id(until))
        made = select(AnswerRow.id).where(AnswerRow.message_key == message.key, *between)
        return self._session.exec(made).first() is not None

    def pending(self) -> Sequence[Event]:
        query = select(InboxRow.event).where(InboxRow.state == "pending").order_by(col(InboxRow.position))
        return [from_text(EVENT, text) for text in self._session.exec(query)]

    def pending_after(self, attempts: int) -> Collection[EventId]:
        query = select(InboxRow.event_id).where(InboxRow.state == "pending", col(InboxRow.attempts) >= attempts)
        return set(map(EventId, self._session.exec(query)))

    def parked(self) -> Sequence[Event]:
        query = select(InboxRow.event).where(InboxRow.state == "parked").order_by(col(InboxRow.position))
        return [from_text(EVENT, text) for text in self._session.exec(query)]

    def attempt(self, event: EventId) -> int:
        row = self._session.get_one(InboxRow, event)
        row.attempts += 1
        return row.attempts

    def done(self, event: EventId, *, parked: bool = False) -> None:
        # nothing, where who asked to be forgotten took the asking along
        run(self._session, CLOSE_EVENT, id=event, state="parked" if parked else "done")


class SqlOutbox:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, outgoing: Outgoing) -> None:
        of = outgoing.run if isinstance(outgoing, ProgressPost) else None
        lesson = outgoing.lesson if isinstance(outgoing, Notice) else None
        text = to_text(OUTGOING, outgoing)
        run(self._session, ADD_OUTGOING, id=outgoing.id, outgoing=text, run=of, lesson=lesson)

    def undelivered(self) -> Sequence[Outgoing]:
        return [from_text(OUTGOING, text) for text in run(self._session, UNDELIVERED).scalars()]

    def delivered(self, outgoing: OutgoingId, message: MessageRef | None) -> None:
        text = run(self._session, FIND_OUTGOING, outgoing_id=outgoing).scalar()
        if text is None:  # it went with somebody who was forgotten while it was on its way
            return
        if message is None:
            run(self._session, CHANGE_OUTGOING, outgoing_id=outgoing, state="delivered")
            return
        stands = {"message": to_text(MESSAGE_REF, message), "message_key": message.key}
        run(self._session, CHANGE_OUTGOING, outgoing_id=outgoing, state="delivered", **stands)
        posted = from_text(OUTGOING, text)
        if not isinstance(posted, AnswerPost | AnswerEdit):
            return
        run(self._session, CHANGE_ANSWER, answer_id=posted.answer.id, message_id=message.id, **stands)
        if posted.place.thread is None and not posted.place.is_direct:
            self._opens_thread(posted.answer.id, message.thread)

    def _opens_thread(self, answer: AnswerId, thread: Place) -> None:
        run(self._session, CHANGE_ANSWER, answer_id=answer, place=to_text(PLACE, thread), place_key=thread.key)
        on = or_(col(HandoffRow.answer) == answer, col(HandoffRow.card) == answer)
        for row in self._session.exec(select(HandoffRow).where(on)):
            handoff = replace(from_text(HANDOFF, row.handoff), place=thread)
            row.handoff, row.place_key = to_text(HANDOFF, handoff), thread.key

    def failed(self, outgoing: OutgoingId, reason: str) -> int:
        row = self._session.get(OutboxRow, outgoing)
        if row is None:
            return 0
        row.attempts += 1
        row.reason = reason
        return row.attempts

    def park(self, outgoing: OutgoingId, reason: str) -> None:
        row = self._session.get_one(OutboxRow, outgoing)
        row.state, row.reason = "parked", reason

    def given_up(self) -> int:
        return self._session.exec(select(func.count()).where(OutboxRow.state == "parked")).one()

    def message_of(self, run: RunId) -> MessageRef | None:
        text = self._session.exec(select(OutboxRow.message).where(OutboxRow.run == run).limit(1)).first()
        return from_text(MESSAGE_REF, text) if text is not None else None

    def lesson_at(self, message: MessageRef) -> LessonId | None:
        query = select(OutboxRow.lesson).where(OutboxRow.message_key == message.key)
        lesson = self._session.exec(query.order_by(col(OutboxRow.position).desc()).limit(1)).first()
        return LessonId(lesson) if lesson is not None else None


def next_position(session: Session, column: Any) -> int:
    """One more than the largest: the order in which things came."""
    return (session.exec(select(func.max(column))).one() or 0) + 1
