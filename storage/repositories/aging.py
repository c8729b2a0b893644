"""Removes what is too old. Knows nothing of how old that is."""

from datetime import datetime
from hashlib import sha256

from sqlmodel import Session, col, delete, select

from bot.ids import first_id
from storage.codec import EVENT, from_text
from storage.repositories.revision import advance_revision
from storage.tables import (
    AnswerRow,
    ComparisonRow,
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
    """Answers, and what people thought of them."""
    for told in (RatingRow, ComparisonRow):
        session.exec(delete(told).where(col(told.answer) < first_id(before)))
    return session.exec(delete(AnswerRow).where(col(AnswerRow.id) < first_id(before))).rowcount


def purge_withdrawn(session: Session, before: datetime) -> int:
    """Lessons and phrasings that were taken back, and the vectors of their texts."""
    lessons = session.exec(select(LessonRow).where(col(LessonRow.withdrawn_at) < before)).all()
    phrasings = session.exec(select(PhrasingRow).where(col(PhrasingRow.withdrawn_at) < before)).all()
    texts = {text for row in lessons for text in (row.question, row.answer)} | {row.text for row in phrasings}
    facts = {row.fact for row in lessons} | {row.fact for row in phrasings}
    session.exec(delete(ComparisonRow).where(col(ComparisonRow.lesson).in_([row.id for row in lessons])))
    for row in (*lessons, *phrasings):
        session.delete(row)
    session.flush()
    hashes = [sha256(text.encode()).hexdigest() for text in texts]
    session.exec(delete(VectorRow).where(col(VectorRow.text_sha256).in_(hashes)))
    if facts:
        advance_revision(session, "fact", sorted(facts))
    return len(lessons)
