"""Conversations, the bot's answers, and what people thought of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, delete, exists, func, or_, select

from bot.answers import Answer, AnswerKind, PostedAnswer
from bot.conversation import Speaker, Turn
from bot.events import MessageRef, Place
from bot.feedback import CORRECTING, Gesture, Rating, Reason
from bot.handoff import Handoff, HandoffState
from bot.ids import AdapterId, AnswerId, LessonId, Tenant, first_id
from bot.people import Person, Platform
from bot.tenants import tenant_of
from bot.trial import Tried
from storage.codec import ANSWER, HANDOFF, MESSAGE_REF, PERSON, PLACE, from_text, storable, to_text
from storage.repositories.prepared import (
    ADD_ANSWER,
    ADD_HANDOFF,
    ADD_TURN,
    CHANGE_HANDOFF,
    NEWEST_TURNS,
    handoffs_by,
    run,
)
from storage.tables import AnswerRow, HandoffRow, LessonRow, RatingRow, TurnRow


class SqlConversations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, turn: Turn) -> None:
        run(
            self._session, ADD_TURN, place_key=turn.place.key, place=to_text(PLACE, turn.place), speaker=turn.speaker,
            person=turn.person, text=turn.text, at=turn.at, message_key=turn.message,
        )  # fmt: skip

    def forget(self, message: MessageRef) -> None:
        self._session.exec(delete(TurnRow).where(col(TurnRow.message_key) == message.key))

    def of(self, place: Place) -> Sequence[Turn]:
        if place.thread is None and not place.is_direct:
            return []
        rows = reversed(run(self._session, NEWEST_TURNS, key=place.key).all())
        return [
            Turn(from_text(PLACE, row.place), Speaker(row.speaker), row.person, row.text, row.at, row.message_key)
            for row in rows
        ]

    def reword(self, place: Place, was: str, now: str) -> None:
        said = (TurnRow.place_key == place.key, TurnRow.speaker == Speaker.BOT, TurnRow.text == was)
        for row in self._session.exec(select(TurnRow).where(*said)):
            row.text = now

    def recent(self, platform: Platform, since: datetime) -> Sequence[Place]:
        query = select(TurnRow.place).where(TurnRow.at >= since, col(TurnRow.place_key).startswith(f"{platform}/"))
        latest_first = query.group_by(TurnRow.place).order_by(func.max(TurnRow.at).desc())
        return [from_text(PLACE, text) for text in self._session.exec(latest_first)]


class SqlAnswers:
    """Within a workspace: the answers that were asked for there, and the cards of its hand-offs elsewhere."""

    def __init__(self, session: Session, within: Tenant | None = None) -> None:
        self._session, self._within = session, within

    def add(self, answer: Answer, place: Place, asker: Person, asked_in: str | None = None) -> None:
        run(
            self._session, ADD_ANSWER, id=answer.id, kind=answer.kind, answer=to_text(ANSWER, answer),
            place=to_text(PLACE, place), asker=to_text(PERSON, asker), place_key=place.key, asked_in=asked_in,
            lesson=answer.confirmation.lesson if answer.confirmation is not None else None, trial=answer.trial,
            tenant=tenant_of(place),
        )  # fmt: skip

    def amend(self, was: AnswerId, answer: Answer) -> None:
        old = self._session.get_one(AnswerRow, was)
        self.add(answer, from_text(PLACE, old.place), from_text(PERSON, old.asker), old.asked_in)
        self._session.get_one(AnswerRow, answer.id).amends = was

    def recent(self, since: datetime, limit: int) -> Sequence[PostedAnswer]:
        is_answer = col(AnswerRow.kind).in_((AnswerKind.KNOWN, AnswerKind.GROUNDED))
        return self._standing(is_answer, col(AnswerRow.id) >= first_id(since), limit=limit)

    def amended_by(self, lesson: LessonId) -> Sequence[PostedAnswer]:
        return self._standing(AnswerRow.lesson == lesson, col(AnswerRow.amends).is_not(None))

    def _standing(self, *conditions: ColumnElement[bool] | bool, limit: int | None = None) -> Sequence[PostedAnswer]:
        """The newest answer of each message, if it was not retracted; newest first."""
        later = aliased(AnswerRow)
        is_replaced = exists().where(col(later.message_key) == AnswerRow.message_key, col(later.id) > AnswerRow.id)
        stands = (col(AnswerRow.message_key).is_not(None), col(AnswerRow.retracted).is_(False), ~is_replaced)
        query = select(AnswerRow).where(*conditions, *stands, *self._own)
        query = query.order_by(col(AnswerRow.id).desc()).limit(limit)
        return [posted for row in self._session.exec(query) if (posted := posted_of(row)) is not None]

    def get(self, answer: AnswerId) -> PostedAnswer | None:
        return self._newest(AnswerRow.id == answer)

    def at(self, message: MessageRef) -> PostedAnswer | None:
        return self._newest(AnswerRow.message_key == message.key)

    def to(self, question: MessageRef) -> PostedAnswer | None:
        return self._newest(AnswerRow.asked_in == question.key)

    def all_of(self, message: MessageRef) -> Sequence[PostedAnswer]:
        theirs = or_(col(AnswerRow.asked_in) == message.key, col(AnswerRow.message_key) == message.key)
        return self._all(theirs, *self._own)

    def last_in(self, place: Place) -> PostedAnswer | None:
        return self._newest(AnswerRow.place_key == place.key)

    def retract(self, answer: AnswerId) -> None:
        self._session.get_one(AnswerRow, answer).retracted = True

    def find(self, id: str) -> PostedAnswer | None:
        wanted = storable(id)  # somebody typed it
        return self._newest(or_(col(AnswerRow.id) == wanted, col(AnswerRow.message_id) == wanted))

    def in_workspace(self, platform: Platform, workspace: str) -> Sequence[PostedAnswer]:
        return self._all(AnswerRow.tenant == tenant_of(Place(platform, workspace, "")))

    def count_by_kind(self) -> dict[str, int]:
        asked = (_is_no_card(), *of_tenant(self._within))
        query = select(AnswerRow.kind, func.count()).where(*asked).group_by(AnswerRow.kind)
        return dict(self._session.exec(query).all())

    def written(self, since: datetime, limit: int) -> Sequence[PostedAnswer]:
        was_written = (AnswerRow.kind == AnswerKind.GROUNDED, AnswerRow.id >= first_id(since))
        query = select(AnswerRow).where(*was_written, col(AnswerRow.retracted).is_(False), *self._own)
        rows = self._session.exec(query.order_by(col(AnswerRow.id).desc()).limit(limit))
        return [posted for row in rows if (posted := posted_of(row)) is not None]

    def written_since(self, at: datetime) -> int:
        query = select(func.count()).select_from(AnswerRow).where(AnswerRow.kind == AnswerKind.GROUNDED)
        return self._session.exec(query.where(AnswerRow.id >= first_id(at))).one()

    def tried(self, trial: AdapterId, since: datetime) -> Sequence[Tried]:
        rejected = exists().where(col(RatingRow.answer) == AnswerRow.id, col(RatingRow.gesture) == Gesture.REJECT)
        corrected = exists().where(col(LessonRow.about) == AnswerRow.id, col(LessonRow.source).in_(CORRECTING))
        then = func.lead(AnswerRow.kind).over(partition_by=AnswerRow.place_key, order_by=AnswerRow.id)
        following = select(AnswerRow.id, then.label("kind")).where(AnswerRow.id >= first_id(since)).subquery()
        query = (
            select(AnswerRow, rejected, corrected, following.c.kind)
            .join(following, following.c.id == AnswerRow.id)
            .where(AnswerRow.trial == trial, col(AnswerRow.retracted).is_(False), _is_no_card())
            .order_by(col(AnswerRow.id))
        )
        return [
            Tried(
                question=row.asked_in or row.id, kind=AnswerKind(row.kind),
                writer=from_text(ANSWER, row.answer).adapter, rejected=is_rejected, corrected=is_corrected,
                left=then_kind == AnswerKind.HANDOFF,
            )
            for row, is_rejected, is_corrected, then_kind in self._session.exec(query)
        ]  # fmt: skip

    def _newest(self, condition: ColumnElement[bool] | bool) -> PostedAnswer | None:
        """Platforms number messages within a channel only: of two with the same id, the newer one is meant."""
        query = select(AnswerRow).where(condition, *self._own).order_by(col(AnswerRow.id).desc())
        return posted_of(self._session.exec(query.limit(1)).first())

    def _all(self, *conditions: ColumnElement[bool] | bool) -> Sequence[PostedAnswer]:
        query = select(AnswerRow).where(*conditions).order_by(col(AnswerRow.id))
        return [posted for row in self._session.exec(query) if (posted := posted_of(row)) is not None]

    @property
    def _own(self) -> Sequence[ColumnElement[bool]]:
        if self._within is None:
            return []
        asked = aliased(AnswerRow)
        is_their_card = exists().where(
            col(HandoffRow.card) == AnswerRow.id, col(HandoffRow.answer) == asked.id, col(asked.tenant) == self._within
        )
        return [or_(AnswerRow.tenant == self._within, is_their_card)]


class SqlRatings:
    def __init__(self, session: Session, within: Tenant | None = None) -> None:
        self._session, self._within = session, within

    def put(self, rating: Rating) -> None:
        row = RatingRow(
            answer=rating.answer,
            person=rating.person,
            gesture=rating.gesture,
            trusted=rating.trusted,
            at=rating.at,
            reason=rating.reason,
        )
        self._session.merge(row)

    def remove(self, rating: Rating) -> None:
        row = self._session.get(RatingRow, (rating.answer, rating.person, rating.gesture.value))
        if row is not None:
            self._session.delete(row)

    def of(self, answer: AnswerId) -> Sequence[Rating]:
        rows = self._session.exec(select(RatingRow).where(RatingRow.answer == answer))
        return [
            Rating(
                AnswerId(row.answer), row.person, Gesture(row.gesture), row.trusted, row.at,
                Reason(row.reason) if row.reason is not None else None,
            )
            for row in rows
        ]  # fmt: skip

    def approvals(self, person: str, since: datetime) -> int:
        query = select(func.count()).select_from(RatingRow).where(RatingRow.person == person)
        return self._session.exec(query.where(RatingRow.gesture == Gesture.APPROVE, RatingRow.at > since)).one()

    def count_by_reason(self) -> dict[str, int]:
        query = select(RatingRow.reason, func.count()).where(col(RatingRow.reason).is_not(None))
        if self._within is not None:
            query = query.where(col(RatingRow.answer).in_(select(AnswerRow.id).where(*of_tenant(self._within))))
        return {str(reason): count for reason, count in self._session.exec(query.group_by(col(RatingRow.reason)))}


class SqlHandoffs:
    """Within a workspace: those of questions that were asked there, and those whose card stands there."""

    def __init__(self, session: Session, within: Tenant | None = None) -> None:
        self._session, self._within = session, within

    def put(self, handoff: Handoff) -> None:
        row = {
            "place_key": handoff.place.key, "state": handoff.state, "handoff": to_text(HANDOFF, handoff),
            "card": handoff.card, "asked_key": handoff.asked_at.key if handoff.asked_at is not None else None,
        }  # fmt: skip
        if run(self._session, CHANGE_HANDOFF, answer_id=handoff.answer, **row).rowcount == 0:
            run(self._session, ADD_HANDOFF, answer=handoff.answer, **row)

    def get(self, answer: AnswerId) -> Handoff | None:
        return next(iter(self._by("answer", answer)), None)

    def remove(self, answer: AnswerId) -> None:
        self._session.exec(delete(HandoffRow).where(col(HandoffRow.answer) == answer))

    def unsolved(self, place: Place | None = None) -> Sequence[Handoff]:
        is_unsolved = col(HandoffRow.state).in_((HandoffState.OPEN, HandoffState.CLAIMED))
        return self._those(is_unsolved, *([HandoffRow.place_key == place.key] if place is not None else []))

    def of(self, place: Place) -> Sequence[Handoff]:
        return self._by("place_key", place.key)

    def asked_at(self, place: Place) -> Sequence[Handoff]:
        return self._by("asked_key", place.key)

    def is_known(self, answer: AnswerId) -> bool:
        return bool(self._those(or_(col(HandoffRow.answer) == answer, col(HandoffRow.card) == answer)))

    def _by(self, column: str, key: str) -> Sequence[Handoff]:
        of = {} if self._within is None else {"tenant": self._within}
        found = run(self._session, handoffs_by(column, within=bool(of)), key=key, **of)
        return [from_text(HANDOFF, text) for text in found.scalars()]

    def _those(self, *conditions: ColumnElement[bool] | bool) -> Sequence[Handoff]:
        query = select(HandoffRow.handoff).where(*conditions, *self._own).order_by(col(HandoffRow.answer))
        return [from_text(HANDOFF, text) for text in self._session.exec(query)]

    def count_by_state(self) -> dict[str, int]:
        query = select(HandoffRow.state, func.count()).where(*self._own).group_by(HandoffRow.state)
        return dict(self._session.exec(query).all())

    @property
    def _own(self) -> Sequence[ColumnElement[bool]]:
        if self._within is None:
            return []
        is_theirs = or_(AnswerRow.id == HandoffRow.answer, AnswerRow.id == HandoffRow.card)
        return [exists().where(is_theirs, *of_tenant(self._within))]


def of_tenant(within: Tenant | None) -> Sequence[ColumnElement[bool]]:
    """The condition that an answer was asked for in a workspace; none for who sees everything."""
    return [col(AnswerRow.tenant) == within] if within is not None else []


def _is_no_card() -> ColumnElement[bool]:
    """False for what tells the agents of a question that was asked elsewhere: it was answered there."""
    cards = select(HandoffRow.card).where(col(HandoffRow.card).is_not(None))
    return col(AnswerRow.id).not_in(cards)


def posted_of(row: AnswerRow | None) -> PostedAnswer | None:
    if row is None:
        return None
    message = from_text(MESSAGE_REF, row.message) if row.message is not None else None
    return PostedAnswer(
        from_text(ANSWER, row.answer), from_text(PLACE, row.place), from_text(PERSON, row.asker), message,
        asked_in=row.asked_in, retracted=row.retracted,
    )  # fmt: skip
