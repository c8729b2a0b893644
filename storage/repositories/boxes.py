"""Inbox and outbox: what came in and what goes out, each exactly once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, or_, select

from bot.events import Event, MessageDeleted, MessageEdited, MessageRef, Reacted
from bot.ids import EventId, LessonId, OutgoingId, RunId, first_id
from bot.outgoing import AnswerEdit, AnswerPost, Notice, Outgoing, ProgressPost
from storage.codec import EVENT, HANDOFF, MESSAGE_REF, OUTGOING, PLACE, from_text, to_text
from storage.repositories.portions import portions
from storage.tables import AnswerRow, HandoffRow, InboxRow, OutboxRow


class SqlInbox:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, event: Event) -> bool:
        if self._session.get(InboxRow, event.id) is not None:
            return False
        is_news = not self._is_no_change(event)  # what is none is kept as done: it might come again when it would be
        about = event.message.key if isinstance(event, Reacted | MessageEdited | MessageDeleted) and is_news else None
        position = next_position(self._session, InboxRow.position)
        text = to_text(EVENT, event)
        row = InboxRow(event_id=event.id, position=position, event=text, attempts=1, message_key=about)
        row.state = "pending" if is_news else "done"
        self._session.add(row)
        self._session.flush()
        return is_news

    def known(self, events: Sequence[EventId]) -> Collection[EventId]:
        found: set[EventId] = set()
        for part in portions(list(events)):
            query = select(InboxRow.event_id).where(col(InboxRow.event_id).in_(part))
            found.update(map(EventId, self._session.exec(query)))
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
            query = select(InboxRow.event).where(col(InboxRow.message_key).in_(part)).order_by(col(InboxRow.position))
            yield from (from_text(EVENT, text) for text in self._session.exec(query))

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
        row = self._session.get(InboxRow, event)
        if row is not None:  # who asked to be forgotten took the asking along
            row.state = "parked" if parked else "done"


class SqlOutbox:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, outgoing: Outgoing) -> None:
        run = outgoing.run if isinstance(outgoing, ProgressPost) else None
        lesson = outgoing.lesson if isinstance(outgoing, Notice) else None
        position = next_position(self._session, OutboxRow.position)
        text = to_text(OUTGOING, outgoing)
        self._session.add(OutboxRow(id=outgoing.id, position=position, outgoing=text, run=run, lesson=lesson))
        self._session.flush()

    def undelivered(self) -> Sequence[Outgoing]:
        query = select(OutboxRow.outgoing).where(OutboxRow.state == "waiting").order_by(col(OutboxRow.position))
        return [from_text(OUTGOING, text) for text in self._session.exec(query)]

    def delivered(self, outgoing: OutgoingId, message: MessageRef | None) -> None:
        row = self._session.get(OutboxRow, outgoing)
        if row is None:  # it went with somebody who was forgotten while it was on its way
            return
        row.state = "delivered"
        if message is None:
            return
        row.message, row.message_key = to_text(MESSAGE_REF, message), message.key
        posted = from_text(OUTGOING, row.outgoing)
        if isinstance(posted, AnswerPost | AnswerEdit):
            answer = self._session.get(AnswerRow, posted.answer.id)
            if answer is None:  # nobody needed it any more: whoever asked wants nothing kept
                return
            answer.message, answer.message_key, answer.message_id = row.message, message.key, message.id
            if posted.place.thread is None and not posted.place.is_direct:
                self._opens_thread(answer, message)

    def _opens_thread(self, answer: AnswerRow, message: MessageRef) -> None:
        answer.place, answer.place_key = to_text(PLACE, message.thread), message.thread.key
        on = or_(col(HandoffRow.answer) == answer.id, col(HandoffRow.card) == answer.id)
        for row in self._session.exec(select(HandoffRow).where(on)):
            handoff = replace(from_text(HANDOFF, row.handoff), place=message.thread)
            row.handoff, row.place_key = to_text(HANDOFF, handoff), message.thread.key

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
