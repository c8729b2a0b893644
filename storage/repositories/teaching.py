"""What is kept that tells of a teacher's record, read so that ten thousand lessons take some hundredths of a second."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, col, func, or_, select

from bot.feedback import CORRECTING, Gesture, Lesson, LessonSource, Ruling
from bot.ids import LessonId, Tenant
from bot.trust import Opinion
from storage.repositories.lessons import lesson_of
from storage.repositories.portions import portions
from storage.repositories.tenants import seen
from storage.tables import AnswerRow, LessonRow, RatingRow


class SqlTeaching:
    def __init__(self, session: Session, within: Tenant | None = None) -> None:
        self._session, self._within = session, within

    def shared(self) -> Sequence[Lesson]:
        by_fact = select(LessonRow.fact).where(self._counts(LessonRow)).group_by(LessonRow.fact)
        shared = by_fact.having(func.count(func.distinct(LessonRow.author)) > 1)
        query = select(LessonRow).where(self._counts(LessonRow), col(LessonRow.fact).in_(shared))
        return [lesson_of(row) for row in self._session.exec(query.order_by(col(LessonRow.taught_at), LessonRow.id))]

    def opinions(self) -> Sequence[Opinion]:
        return [*self._reactions(), *self._corrected_away(), *self._rulings()]

    def served(self, lessons: Sequence[LessonId]) -> Mapping[LessonId, int]:
        found: dict[LessonId, int] = {}
        for part in portions(lessons):
            said = (col(AnswerRow.lesson).in_(part), _was_asked(), *seen(AnswerRow.tenant, self._within))
            query = select(AnswerRow.lesson, func.count()).where(*said)
            for lesson, count in self._session.exec(query.group_by(AnswerRow.lesson)):
                found[LessonId(lesson or "")] = count
        return found

    def teachers(self) -> Collection[str]:
        return self._session.exec(select(LessonRow.author).where(self._counts(LessonRow)).distinct()).all()

    def proven(self, least: int) -> Mapping[str, int]:
        said = select(AnswerRow.id).where(AnswerRow.lesson == LessonRow.id, _was_asked()).limit(1).offset(least - 1)
        query = select(LessonRow.author, func.count()).where(
            col(LessonRow.withdrawn_at).is_(None), LessonRow.source != LessonSource.FAQ, said.exists(),
            *seen(LessonRow.tenant, self._within),
        )  # fmt: skip
        return dict(self._session.exec(query.group_by(LessonRow.author)).all())

    def _reactions(self) -> Iterable[Opinion]:
        query = (
            select(LessonRow.id, LessonRow.author, RatingRow.person, RatingRow.gesture)
            .join(AnswerRow, col(AnswerRow.lesson) == LessonRow.id)
            .join(RatingRow, col(RatingRow.answer) == AnswerRow.id)
            .where(self._counts(LessonRow), col(RatingRow.trusted), RatingRow.person != LessonRow.author)
            .where(*seen(AnswerRow.tenant, self._within))
            .where(col(RatingRow.gesture).in_((Gesture.APPROVE, Gesture.REJECT)))
        )
        for lesson, teacher, person, gesture in self._session.exec(query):
            yield Opinion(LessonId(lesson), teacher, person, agrees=gesture == Gesture.APPROVE)

    def _corrected_away(self) -> Iterable[Opinion]:
        """Somebody answered with the lesson, and an agent said that this was not the answer."""
        said, other = aliased(LessonRow), aliased(LessonRow)
        query = (
            select(said.id, said.author, other.author)
            .join(AnswerRow, col(AnswerRow.lesson) == said.id)
            .join(other, col(other.about) == AnswerRow.id)
            .where(self._counts(said), col(other.source).in_(CORRECTING), col(other.withdrawn_at).is_(None))
            .where(*seen(other.tenant, self._within))
            .where(other.author != said.author, other.answer != said.answer)
        )
        for lesson, teacher, person in self._session.exec(query):
            yield Opinion(LessonId(lesson), teacher, person, agrees=False)

    def _rulings(self) -> Iterable[Opinion]:
        query = select(LessonRow.id, LessonRow.author, LessonRow.ruled_by, LessonRow.ruling)
        ruled = (col(LessonRow.ruling).is_not(None), *seen(LessonRow.tenant, self._within))
        for lesson, teacher, person, ruling in self._session.exec(query.where(*ruled)):
            yield Opinion(LessonId(lesson), teacher, person, agrees=ruling == Ruling.ACCEPTED, is_ruling=True)

    def _counts(self, row: Any) -> ColumnElement[bool]:
        """True for a teacher's lesson that was not taken back."""
        is_kept = or_(col(row.withdrawn_at).is_(None), col(row.held).is_not(None))
        return and_(is_kept, col(row.source) != LessonSource.FAQ, *seen(row.tenant, self._within))


def _was_asked() -> ColumnElement[bool]:
    """True for an answer that somebody asked for, and not one that a correction has put in another one's place."""
    return col(AnswerRow.amends).is_(None)
