"""The statements that every message takes, built once and run past the ORM.

To build a query each time, or a row's object for what is only put down, costs three to nine times what the statement
itself does; under a flood of questions there was time for little else. What a session has not written yet is written
before; a row that it holds as an object does not see what is changed here.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    CursorResult,
    Insert,
    Select,
    Update,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlmodel import Session

from storage.tables import metadata

INBOX, OUTBOX, TURNS, ANSWERS, HANDOFFS, FLAGS = (
    metadata.tables[name] for name in ("inbox", "outbox", "turns", "answers", "handoffs", "flags")
)
MAX_TURNS = 50
"""Of a conversation, that are looked at."""


def run(session: Session, statement: Select[Any] | Insert | Update, **values: Any) -> CursorResult[Any]:
    """After what the session has not written yet."""
    session.flush()
    return session.connection().execute(statement, values)


def _next(column: Column[Any]) -> Any:
    """One more than the largest: the order in which things came."""
    return select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()


FIND_EVENTS = select(INBOX.c.event_id).where(INBOX.c.event_id.in_(bindparam("ids", expanding=True)))
ADD_EVENT = insert(INBOX).values(position=_next(INBOX.c.position))
CLOSE_EVENT = update(INBOX).where(INBOX.c.event_id == bindparam("id"))
EVENTS_ABOUT = (
    select(INBOX.c.event)
    .where(INBOX.c.message_key.in_(bindparam("messages", expanding=True)))
    .order_by(INBOX.c.position)
)

UNDELIVERED = select(OUTBOX.c.outgoing).where(OUTBOX.c.state == "waiting").order_by(OUTBOX.c.position)
ADD_OUTGOING = insert(OUTBOX).values(position=_next(OUTBOX.c.position))
FIND_OUTGOING = select(OUTBOX.c.outgoing).where(OUTBOX.c.id == bindparam("outgoing_id"))
CHANGE_OUTGOING = update(OUTBOX).where(OUTBOX.c.id == bindparam("outgoing_id"))

ADD_TURN = insert(TURNS)
NEWEST_TURNS = select(TURNS).where(TURNS.c.place_key == bindparam("key")).order_by(TURNS.c.id.desc()).limit(MAX_TURNS)

ADD_ANSWER = insert(ANSWERS)
CHANGE_ANSWER = update(ANSWERS).where(ANSWERS.c.id == bindparam("answer_id"))

ADD_HANDOFF = insert(HANDOFFS)
CHANGE_HANDOFF = update(HANDOFFS).where(HANDOFFS.c.answer == bindparam("answer_id"))

FLAG = select(FLAGS.c.value).where(FLAGS.c.name == bindparam("name"))


@cache
def handoffs_by(column: str, *, within: bool) -> Select[Any]:
    """Those whose column is `key`; `within`: of a workspace, `tenant`."""
    query = select(HANDOFFS.c.handoff).where(HANDOFFS.c[column] == bindparam("key"))
    if within:
        is_theirs = or_(ANSWERS.c.id == HANDOFFS.c.answer, ANSWERS.c.id == HANDOFFS.c.card)
        query = query.where(exists().where(is_theirs, ANSWERS.c.tenant == bindparam("tenant")))
    return query.order_by(HANDOFFS.c.answer)
