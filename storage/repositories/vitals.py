"""Counts what operators watch. Changes nothing."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, exists, func, or_, select

from bot.answers import AnswerKind
from bot.conversation import Speaker
from bot.ids import first_id, time_of
from bot.lineage import RunState
from bot.people import Platform
from bot.vitals import Vitals
from storage.codec import EVENT, OUTGOING, REPORT, from_text
from storage.tables import (
    AnswerRow,
    DeploymentRow,
    ErasureRow,
    HandoffRow,
    InboxRow,
    LessonRow,
    OutboxRow,
    RunRow,
    TurnRow,
)


def vitals_of(session: Session) -> Vitals:
    inbox, outbox = _by(session, InboxRow.state), _by(session, OutboxRow.state)
    stands = col(LessonRow.withdrawn_at).is_(None)
    return Vitals(
        unanswered=_unanswered(session),
        pending=inbox.get("pending", 0),
        oldest_pending=_oldest_pending(session),
        parked=inbox.get("parked", 0),
        waiting=outbox.get("waiting", 0),
        oldest_waiting=_oldest_waiting(session),
        given_up=outbox.get("parked", 0),
        answers=_by(session, AnswerRow.kind),
        handoffs=_by(session, HandoffRow.state),
        lessons=_by(session, LessonRow.source, stands),
        held=session.exec(select(func.count()).where(col(LessonRow.held).is_not(None))).one(),
        trainings=_trainings(session),
        deployments=_by(session, DeploymentRow.move),
    )


def _by(session: Session, column: Any, *conditions: Any) -> Mapping[str, int]:
    rows = session.exec(select(column, func.count()).where(*conditions).group_by(column))
    return {str(name): count for name, count in rows}


def _oldest_pending(session: Session) -> datetime | None:
    first = select(InboxRow.event).where(InboxRow.state == "pending").order_by(col(InboxRow.position)).limit(1)
    text = session.exec(first).first()
    return from_text(EVENT, text).at if text is not None else None


def _oldest_waiting(session: Session) -> datetime | None:
    """Its id tells when it was put there."""
    oldest = session.exec(select(func.min(OutboxRow.id)).where(OutboxRow.state == "waiting")).one()
    return time_of(oldest) if oldest is not None else None


def _trainings(session: Session) -> Mapping[str, int]:
    counts = Counter({"open": session.exec(select(func.count()).where(RunRow.state != RunState.DONE)).one()})
    for text in session.exec(select(RunRow.report).where(col(RunRow.report).is_not(None))):
        counts[from_text(REPORT, str(text)).decision] += 1
    return counts


# --- what must be 0 -------------------------------------------------------------------------------------------------


def _unanswered(session: Session) -> int:
    """Who was forgotten took answers to others along, so only what came after that can be judged."""
    last = session.exec(select(func.max(ErasureRow.id))).one()
    since = time_of(last) if last is not None else datetime(2000, 1, 1, tzinfo=UTC)
    return _without_reply(session, since) + _without_handoff(session, since) + _given_up(session, since)


def _without_reply(session: Session, since: datetime) -> int:
    """Questions that the bot took for its own, without a turn of the bot that names them."""
    reply = aliased(TurnRow)
    is_answered = exists().where(
        col(reply.message_key) == col(TurnRow.message_key), col(reply.speaker) == Speaker.BOT
    )  # fmt: skip
    asked = (TurnRow.speaker == Speaker.PERSON, col(TurnRow.message_key).is_not(None), col(TurnRow.at) > since)
    return session.exec(select(func.count()).select_from(TurnRow).where(*asked, ~is_answered)).one()


def _without_handoff(session: Session, since: datetime) -> int:
    """Answers that promise a colleague whom nobody has called. One whose question was edited is not the last word."""
    later = aliased(AnswerRow)
    is_replaced = exists().where(col(later.asked_in) == col(AnswerRow.asked_in), col(later.id) > col(AnswerRow.id))
    is_handed_off = exists().where(col(HandoffRow.answer) == col(AnswerRow.id))
    promised = (
        AnswerRow.kind == AnswerKind.HANDOFF, ~col(AnswerRow.retracted), col(AnswerRow.id) >= first_id(since),
        ~col(AnswerRow.place_key).startswith(f"{Platform.CLI}/"),
        or_(col(AnswerRow.asked_in).is_(None), ~is_replaced),
    )  # fmt: skip
    return session.exec(select(func.count()).select_from(AnswerRow).where(*promised, ~is_handed_off)).one()


def _given_up(session: Session, since: datetime) -> int:
    """Answers that their platform never took, of questions that were not handed off for that."""
    parked = select(OutboxRow.outgoing).where(OutboxRow.state == "parked", col(OutboxRow.id) >= first_id(since))
    posts = [from_text(OUTGOING, text) for text in session.exec(parked)]
    answers = [post.answer.id for post in posts if post.kind == "answer"]
    handed = set(session.exec(select(HandoffRow.answer).where(col(HandoffRow.answer).in_(answers))))
    return len(set(answers) - handed)
