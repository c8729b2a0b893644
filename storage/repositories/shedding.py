"""Removes what a person wrote some time ago and nobody needs any more. What others made of it stays: lessons are
agents' words. Forgetting (`erasing.py`) goes further.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, delete, select

from bot.erasure import Acquaintance
from bot.events import quoted
from bot.handoff import HandoffState
from bot.ids import first_id
from storage.codec import EVENT, PERSON, from_text
from storage.repositories.portions import portions
from storage.repositories.revision import advance_revision
from storage.tables import AnswerRow, ComparisonRow, HandoffRow, InboxRow, OutboxRow, PhrasingRow, RatingRow, TurnRow

UNSETTLED = (HandoffState.OPEN, HandoffState.CLAIMED)


@dataclass(frozen=True)
class Shedding:
    session: Session
    before: datetime

    def shed(self, person: Acquaintance) -> int:
        """How many rows went."""
        answers = self._answers(person)
        removed = self._inbox(person, answers) + self._outbox(person, answers) + self._phrasings(answers)
        for part in portions(sorted(answers)):
            for table, column in (
                (RatingRow, RatingRow.answer),
                (HandoffRow, HandoffRow.answer),
                (ComparisonRow, ComparisonRow.answer),
                (AnswerRow, AnswerRow.id),
            ):
                removed += self.session.exec(delete(table).where(col(column).in_(part))).rowcount
        waiting = select(HandoffRow.place_key).where(col(HandoffRow.state).in_(UNSETTLED))
        turns = delete(TurnRow).where(col(TurnRow.person) == person.key, col(TurnRow.at) < self.before)
        return removed + self.session.exec(turns.where(col(TurnRow.place_key).not_in(waiting))).rowcount

    def _answers(self, person: Acquaintance) -> set[str]:
        """Ids of those to the person whose question is settled."""
        waiting = select(HandoffRow.answer).where(col(HandoffRow.state).in_(UNSETTLED))
        query = select(AnswerRow.id, AnswerRow.asker).where(col(AnswerRow.id) < first_id(self.before))
        rows = self.session.exec(query.where(col(AnswerRow.id).not_in(waiting)))
        return {answer for answer, asker in rows if from_text(PERSON, asker).key == person.key}

    def _inbox(self, person: Acquaintance, answers: set[str]) -> int:
        removed = 0
        for row in self.session.exec(select(InboxRow).where(InboxRow.state != "pending")).all():
            event = from_text(EVENT, row.event)
            is_theirs = person.key in (event.person.key, quoted(event)) or getattr(event, "answer", None) in answers
            if is_theirs and event.at < self.before:
                self.session.delete(row)
                removed += 1
        self.session.flush()
        return removed

    def _outbox(self, person: Acquaintance, answers: set[str]) -> int:
        """What was delivered, and names the person or one of the answers."""
        signs = [json.dumps(each) for each in (person.key.partition(":")[2], *answers)]
        sent = select(OutboxRow).where(OutboxRow.state != "waiting", col(OutboxRow.id) < first_id(self.before))
        rows = [row for row in self.session.exec(sent) if any(sign in row.outgoing for sign in signs)]
        for row in rows:
            self.session.delete(row)
        self.session.flush()
        return len(rows)

    def _phrasings(self, answers: set[str]) -> int:
        """The person's questions, where a ✅ or a click made them another way of asking for something."""
        rows = [row for row in self.session.exec(select(PhrasingRow)) if _answer_behind(row) in answers]
        for row in rows:
            self.session.delete(row)
        self.session.flush()
        if rows:
            advance_revision(self.session, "fact", sorted({row.fact for row in rows}))
        return len(rows)


def _answer_behind(row: PhrasingRow) -> str | None:
    kind, _, rest = row.origin.partition(":")
    return rest.partition(":")[0] if kind in ("rating", "choice") else None
