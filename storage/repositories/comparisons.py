"""How an adapter on trial and the serving one did on what people settled meanwhile."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, and_, col, select

from bot.feedback import CORRECTING
from bot.ids import AdapterId, first_id
from bot.trial import Outcome, Pair, Settled
from storage.codec import ANSWER, from_text
from storage.repositories.lessons import lesson_of
from storage.repositories.talk import posted_of
from storage.tables import AnswerRow, ComparisonRow, LessonRow


class SqlComparisons:
    def __init__(self, session: Session) -> None:
        self._session = session

    def due(self, trial: AdapterId, since: datetime) -> Sequence[Settled]:
        is_known = and_(col(ComparisonRow.answer) == AnswerRow.id, col(ComparisonRow.trial) == trial)
        query = (
            select(AnswerRow, LessonRow)
            .join(LessonRow, col(LessonRow.about) == AnswerRow.id)
            .outerjoin(ComparisonRow, is_known)
            .where(AnswerRow.trial == trial, col(AnswerRow.retracted).is_(False), AnswerRow.id >= first_id(since))
            .where(col(LessonRow.source).in_(CORRECTING), col(LessonRow.withdrawn_at).is_(None))
            .where(col(ComparisonRow.outcome).is_(None))
            .order_by(col(LessonRow.taught_at), col(LessonRow.id))
        )
        settled: dict[str, Settled] = {}
        for answer, lesson in self._session.exec(query):
            settled.pop(answer.id, None)  # a newer correction of the same answer
            if (posted := posted_of(answer)) is not None:
                settled[answer.id] = Settled(posted, lesson_of(lesson))
        return list(settled.values())

    def attempt(self, trial: AdapterId, settled: Settled) -> int:
        row = self._row(trial, settled)
        row.attempts += 1
        return row.attempts

    def keep(self, trial: AdapterId, settled: Settled, outcome: Outcome) -> bool:
        row = self._row(trial, settled)
        if row.outcome is not None:
            return False
        row.outcome, row.lesson = outcome, settled.lesson.id
        return True

    def pairs(self, trial: AdapterId, since: datetime) -> Sequence[Pair]:
        query = (
            select(ComparisonRow.outcome, AnswerRow.answer)
            .join(AnswerRow, col(AnswerRow.id) == ComparisonRow.answer)
            .join(LessonRow, col(LessonRow.id) == ComparisonRow.lesson)
            .where(ComparisonRow.trial == trial, col(ComparisonRow.outcome).is_not(None))
            .where(AnswerRow.id >= first_id(since), col(AnswerRow.retracted).is_(False))
            .where(col(LessonRow.withdrawn_at).is_(None))
            .order_by(col(AnswerRow.id))
        )
        return [
            Pair(Outcome(str(outcome)), from_text(ANSWER, answer).adapter == trial)
            for outcome, answer in self._session.exec(query)
        ]

    def _row(self, trial: AdapterId, settled: Settled) -> ComparisonRow:
        """The one that is there, or a new one."""
        key = (trial, settled.posted.answer.id)
        row = self._session.get(ComparisonRow, key)
        if row is None:
            row = ComparisonRow(trial=trial, answer=settled.posted.answer.id, lesson=settled.lesson.id)
            self._session.add(row)
            self._session.flush()
        return row
