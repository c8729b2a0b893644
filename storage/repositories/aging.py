"""Removes what is too old. Knows nothing of how old that is."""

from datetime import datetime
from hashlib import sha256

from sqlmodel import Session, col, delete, not_, or_, select

from bot.feedback import Ruling
from bot.ids import first_id
from storage.codec import EVENT, from_text
from storage.repositories.portions import portions
from storage.repositories.revision import advance_revision
from storage.tables import (
    AnswerRow,
    ComparisonRow,
    HandoffRow,
    InboxRow,
    LessonRow,
    OutboxRow,
    PhrasingRow,
    RatingRow,
    TurnRow,
    VectorRow,
)


def purge_messages(session: Session, before: datetime) -> int:
    """Events that are done, messages that are delivered, turns."""
    removed = 0
    for row in session.exec(select(InboxRow).where(InboxRow.state != "pending")).all():
        if from_text(EVENT, row.event).at < before:
            session.delete(row)
            removed += 1
    session.flush()
    sent = delete(OutboxRow).where(col(OutboxRow.state) != "waiting", col(OutboxRow.id) < first_id(before))
    turns = delete(TurnRow).where(col(TurnRow.at) < before)
    return removed + session.exec(sent).rowcount + session.exec(turns).rowcount


def purge_answers(session: Session, before: datetime) -> int:
    """Answers, what people thought of them, and their hand-offs: whom nobody has answered by then is gone."""
    for told in (RatingRow, ComparisonRow, HandoffRow):
        session.exec(delete(told).where(col(told.answer) < first_id(before)))
    return session.exec(delete(AnswerRow).where(col(AnswerRow.id) < first_id(before))).rowcount


def purge_withdrawn(session: Session, before: datetime) -> int:
    """Lessons and phrasings that were taken back, and the vectors of their texts. What waits for review is kept, and
    what was dropped there, so that it can't be taught again."""
    is_decided = (col(LessonRow.held).is_(None), col(LessonRow.ruling).is_distinct_from(Ruling.DROPPED))
    lessons = session.exec(select(LessonRow).where(col(LessonRow.withdrawn_at) < before, *is_decided)).all()
    waiting = select(LessonRow.id).where(or_(*map(not_, is_decided)))
    old = (col(PhrasingRow.withdrawn_at) < before, col(PhrasingRow.origin).not_in(waiting))
    phrasings = session.exec(select(PhrasingRow).where(*old)).all()
    texts = {text for row in lessons for text in (row.question, row.answer)} | {row.text for row in phrasings}
    facts = {row.fact for row in lessons} | {row.fact for row in phrasings}
    for part in portions([row.id for row in lessons]):
        session.exec(delete(ComparisonRow).where(col(ComparisonRow.lesson).in_(part)))
    for row in (*lessons, *phrasings):
        session.delete(row)
    session.flush()
    for part in portions([sha256(text.encode()).hexdigest() for text in texts]):
        session.exec(delete(VectorRow).where(col(VectorRow.text_sha256).in_(part)))
    if facts:
        advance_revision(session, "fact", sorted(facts))
    return len(lessons)
