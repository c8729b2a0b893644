"""Conversations, the bot's answers, and what people thought of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select

from bot.answers import Answer, PostedAnswer
from bot.conversation import Speaker, Turn
from bot.events import MessageRef, Place
from bot.feedback import Gesture, Rating
from bot.ids import AnswerId
from bot.people import Person
from storage.codec import ANSWER, MESSAGE_REF, PERSON, PLACE, from_text, storable, to_text
from storage.tables import AnswerRow, RatingRow, TurnRow

MAX_TURNS = 50


class SqlConversations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, turn: Turn) -> None:
        self._session.add(
            TurnRow(
                place_key=turn.place.key,
                place=to_text(PLACE, turn.place),
                speaker=turn.speaker,
                person=turn.person,
                text=turn.text,
                at=turn.at,
            )
        )

    def of(self, place: Place) -> Sequence[Turn]:
        if place.thread is None and not place.is_direct:
            return []
        query = select(TurnRow).where(TurnRow.place_key == place.key).order_by(col(TurnRow.id).desc()).limit(MAX_TURNS)
        rows = reversed(self._session.exec(query).all())
        return [Turn(from_text(PLACE, row.place), Speaker(row.speaker), row.person, row.text, row.at) for row in rows]


class SqlAnswers:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, answer: Answer, place: Place, asker: Person) -> None:
        self._session.add(
            AnswerRow(
                id=answer.id,
                kind=answer.kind,
                answer=to_text(ANSWER, answer),
                place=to_text(PLACE, place),
                asker=to_text(PERSON, asker),
                lesson=answer.confirmation.lesson if answer.confirmation is not None else None,
            )
        )
        self._session.flush()

    def get(self, answer: AnswerId) -> PostedAnswer | None:
        return _posted(self._session.get(AnswerRow, answer))

    def at(self, message: MessageRef) -> PostedAnswer | None:
        return self._newest(AnswerRow.message_key == message.key)

    def find(self, id: str) -> PostedAnswer | None:
        wanted = storable(id)  # somebody typed it
        return self._newest(or_(col(AnswerRow.id) == wanted, col(AnswerRow.message_id) == wanted))

    def count_by_kind(self) -> dict[str, int]:
        query = select(AnswerRow.kind, func.count()).group_by(AnswerRow.kind)
        return dict(self._session.exec(query).all())

    def _newest(self, condition: ColumnElement[bool] | bool) -> PostedAnswer | None:
        """Platforms number messages within a channel only: of two with the same id, the newer one is meant."""
        return _posted(
            self._session.exec(select(AnswerRow).where(condition).order_by(col(AnswerRow.id).desc())).first()
        )


class SqlRatings:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, rating: Rating) -> None:
        row = RatingRow(
            answer=rating.answer,
            person=rating.person,
            gesture=rating.gesture,
            trusted=rating.trusted,
            at=rating.at,
        )
        self._session.merge(row)

    def remove(self, rating: Rating) -> None:
        row = self._session.get(RatingRow, (rating.answer, rating.person, rating.gesture.value))
        if row is not None:
            self._session.delete(row)

    def of(self, answer: AnswerId) -> Sequence[Rating]:
        rows = self._session.exec(select(RatingRow).where(RatingRow.answer == answer))
        return [Rating(AnswerId(row.answer), row.person, Gesture(row.gesture), row.trusted, row.at) for row in rows]

    def approvals(self, person: str, since: datetime) -> int:
        query = select(func.count()).select_from(RatingRow).where(RatingRow.person == person)
        return self._session.exec(query.where(RatingRow.gesture == Gesture.APPROVE, RatingRow.at > since)).one()


def _posted(row: AnswerRow | None) -> PostedAnswer | None:
    if row is None:
        return None
    message = from_text(MESSAGE_REF, row.message) if row.message is not None else None
    return PostedAnswer(
        from_text(ANSWER, row.answer), from_text(PLACE, row.place), from_text(PERSON, row.asker), message
    )
