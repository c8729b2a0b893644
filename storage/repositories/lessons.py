"""Lessons and the phrasings that ask for them. Every change is told to memory by the revision."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from bot.events import MessageRef
from bot.feedback import CORRECTING, Amended, Hold, Lesson, LessonSource, Phrasing, Ruling
from bot.ids import AnswerId, FactId, LessonId, SectionId, Tenant
from storage.repositories.revision import advance_revision
from storage.repositories.tenants import is_seen, seen
from storage.tables import LessonRow, PhrasingRow


class SqlLessons:
    def __init__(self, session: Session, within: Tenant | None = None) -> None:
        self._session, self._within = session, within

    def add(self, lesson: Lesson) -> None:
        self.add_all([lesson], [])

    def add_all(self, lessons: Sequence[Lesson], phrasings: Sequence[Phrasing]) -> None:
        self._session.add_all(_lesson_row(lesson) for lesson in lessons)
        self._session.add_all(map(_phrasing_row, phrasings))
        facts = [lesson.fact for lesson in lessons] + [phrasing.fact for phrasing in phrasings]
        if facts:
            self._changed(*facts)

    def get(self, lesson: LessonId) -> Lesson | None:
        row = self._session.get(LessonRow, lesson)
        return lesson_of(row) if row is not None and is_seen(row.tenant, self._within) else None

    def withdraw(self, lesson: LessonId, at: datetime) -> None:
        row = self._session.get_one(LessonRow, lesson)
        row.withdrawn_at, row.held = row.withdrawn_at or at, None
        self._changed(row.fact)
        self.withdraw_phrasings(lesson, at)

    def restore(self, lesson: LessonId) -> None:
        row = self._session.get_one(LessonRow, lesson)
        row.withdrawn_at = None
        phrasings = self._phrasings_from(lesson)
        for phrasing in phrasings:
            phrasing.withdrawn_at = None
        self._changed(row.fact, *(phrasing.fact for phrasing in phrasings))

    def hold(self, lesson: LessonId, reason: Hold, at: datetime) -> None:
        self.withdraw(lesson, at)
        self._session.get_one(LessonRow, lesson).held = reason

    def release(self, lesson: LessonId, at: datetime) -> None:
        row = self._session.get_one(LessonRow, lesson)
        row.held, row.taught_at, row.amending = None, at, Amended.DUE
        self.restore(lesson)

    def rule(self, lesson: LessonId, ruling: Ruling, by: str) -> None:
        row = self._session.get_one(LessonRow, lesson)
        row.held, row.ruling, row.ruled_by = None, ruling, by

    def held(self) -> Sequence[Lesson]:
        return self._those(col(LessonRow.held).is_not(None))

    def doubt(self, lesson: LessonId, source: str) -> None:
        self._session.get_one(LessonRow, lesson).doubted_by = source

    def doubted(self) -> Sequence[Lesson]:
        return self._those(col(LessonRow.doubted_by) != "", col(LessonRow.withdrawn_at).is_(None))

    def to_amend_with(self, since: datetime) -> Sequence[Lesson]:
        is_due = (col(LessonRow.amending) == Amended.DUE, col(LessonRow.taught_at) > since)
        return self._those(*is_due, _corrects(), col(LessonRow.withdrawn_at).is_(None))

    def taken_back(self) -> Sequence[Lesson]:
        is_done = col(LessonRow.amending) == Amended.DONE
        return self._those(is_done, _corrects(), col(LessonRow.withdrawn_at).is_not(None))

    def amended(self, lesson: LessonId, state: Amended) -> bool:
        row = self._session.get(LessonRow, lesson)
        if row is None or row.amending == state:
            return False
        row.amending = state
        return True

    def by(self, author: str) -> Sequence[Lesson]:
        return self._those(col(LessonRow.author) == author, col(LessonRow.withdrawn_at).is_(None))

    def since(self, at: datetime) -> Sequence[Lesson]:
        return self._those(col(LessonRow.taught_at) > at, col(LessonRow.withdrawn_at).is_(None))

    def newest(self, limit: int) -> Sequence[Lesson]:
        query = select(LessonRow).where(col(LessonRow.withdrawn_at).is_(None), *self._seen)
        newest = query.order_by(col(LessonRow.taught_at).desc(), col(LessonRow.id).desc()).limit(limit)
        return [lesson_of(row) for row in self._session.exec(newest)]

    def accepted_by(self, person: str) -> Sequence[Lesson]:
        accepted = (col(LessonRow.ruling) == Ruling.ACCEPTED, col(LessonRow.ruled_by) == person)
        return self._those(*accepted, col(LessonRow.withdrawn_at).is_(None))

    def corrections(self, author: str, since: datetime) -> int:
        query = select(func.count()).select_from(LessonRow).where(LessonRow.author == author, *self._seen)
        sent = query.where(col(LessonRow.source).in_(CORRECTING), LessonRow.taught_at > since)
        return self._session.exec(sent).one()

    def kept_back(self, answer: str) -> Sequence[Lesson]:
        is_kept_back = or_(col(LessonRow.held).is_not(None), col(LessonRow.ruling) == Ruling.DROPPED)
        return self._those(col(LessonRow.answer) == answer, is_kept_back)

    def about(self, answer: AnswerId) -> Sequence[Lesson]:
        return self._those(col(LessonRow.about) == answer)

    def saying(self, answer: str) -> Sequence[Lesson]:
        query = select(LessonRow).where(LessonRow.answer == answer, col(LessonRow.withdrawn_at).is_(None), *self._seen)
        return [lesson_of(row) for row in self._session.exec(query.order_by(col(LessonRow.taught_at).desc()))]

    def said_in(self, message: MessageRef) -> Sequence[Lesson]:
        is_kept = or_(col(LessonRow.withdrawn_at).is_(None), col(LessonRow.held).is_not(None))
        return self._those(col(LessonRow.said_in) == message.key, is_kept)

    def all(self, facts: Sequence[FactId] | None = None) -> Sequence[Lesson]:
        return self._those(*([col(LessonRow.fact).in_(facts)] if facts is not None else []))

    def facts(self, after: str = "", limit: int = 1_000, author: str | None = None) -> Sequence[FactId]:
        stands = (col(LessonRow.withdrawn_at).is_(None), *self._seen)
        query = select(LessonRow.fact).where(col(LessonRow.fact) > after, *stands)
        if author is not None:
            query = query.where(LessonRow.author == author)
        found = self._session.exec(query.distinct().order_by(col(LessonRow.fact)).limit(limit))
        return [FactId(fact) for fact in found]

    def add_phrasing(self, phrasing: Phrasing) -> None:
        for row in self._phrasings_from(phrasing.origin):
            if row.fact == phrasing.fact and row.text == phrasing.text:
                row.withdrawn_at = None
                break
        else:
            self._session.add(_phrasing_row(phrasing))
        self._changed(phrasing.fact)

    def withdraw_heard(self, answer: AnswerId, question: str, at: datetime) -> None:
        for gesture in ("rating", "choice"):
            prefix = f"{gesture}:{answer}:"
            self._withdraw_rows(select(PhrasingRow).where(col(PhrasingRow.origin).startswith(prefix)), at)
        for lesson in self.about(answer):
            if lesson.question != question:
                words = (PhrasingRow.origin == lesson.id, PhrasingRow.text == question)
                self._withdraw_rows(select(PhrasingRow).where(*words), at)

    def _withdraw_rows(self, query: SelectOfScalar[PhrasingRow], at: datetime) -> None:
        for row in self._session.exec(query):
            row.withdrawn_at = row.withdrawn_at or at
            self._changed(row.fact)

    def withdraw_phrasings(self, origin: str, at: datetime) -> None:
        rows = self._phrasings_from(origin)
        for row in rows:
            row.withdrawn_at = row.withdrawn_at or at
        self._changed(*(row.fact for row in rows))

    def phrasings(self, facts: Sequence[FactId] | None = None) -> Sequence[Phrasing]:
        query = select(PhrasingRow).where(*seen(PhrasingRow.tenant, self._within)).order_by(col(PhrasingRow.id))
        if facts is not None:
            query = query.where(col(PhrasingRow.fact).in_(facts))
        return [
            Phrasing(
                fact=FactId(row.fact),
                text=row.text,
                origin=row.origin,
                withdrawn_at=row.withdrawn_at,
                tenant=Tenant(row.tenant),
            )
            for row in self._session.exec(query)
        ]

    def _those(self, *conditions: ColumnElement[bool]) -> Sequence[Lesson]:
        """Oldest first."""
        query = select(LessonRow).where(*conditions, *self._seen).order_by(col(LessonRow.taught_at), col(LessonRow.id))
        return [lesson_of(row) for row in self._session.exec(query)]

    @property
    def _seen(self) -> Sequence[ColumnElement[bool]]:
        return seen(LessonRow.tenant, self._within)

    def _phrasings_from(self, origin: str) -> Sequence[PhrasingRow]:
        return self._session.exec(select(PhrasingRow).where(PhrasingRow.origin == origin)).all()

    def _changed(self, *facts: str) -> None:
        advance_revision(self._session, "fact", dict.fromkeys(facts))


def _corrects() -> ColumnElement[bool]:
    return col(LessonRow.source).in_(CORRECTING)


def _lesson_row(lesson: Lesson) -> LessonRow:
    return LessonRow(
        id=lesson.id,
        fact=lesson.fact,
        question=lesson.question,
        answer=lesson.answer,
        author=lesson.author,
        author_name=lesson.author_name,
        source=lesson.source,
        taught_at=lesson.taught_at,
        about=lesson.about,
        topic=lesson.topic,
        withdrawn_at=lesson.withdrawn_at,
        said_in=lesson.said_in,
        held=lesson.held,
        ruling=lesson.ruling,
        ruled_by=lesson.ruled_by,
        contradicts=lesson.contradicts,
        trainable=lesson.trainable,
        doubted_by=lesson.doubted_by,
        tenant=lesson.tenant,
        amending=Amended.DUE if lesson.source in CORRECTING else Amended.DONE,  # those due are looked for all the time
    )


def _phrasing_row(phrasing: Phrasing) -> PhrasingRow:
    return PhrasingRow(fact=phrasing.fact, text=phrasing.text, origin=phrasing.origin, tenant=phrasing.tenant)


def lesson_of(row: LessonRow) -> Lesson:
    return Lesson(
        id=LessonId(row.id),
        fact=FactId(row.fact),
        question=row.question,
        answer=row.answer,
        author=row.author,
        author_name=row.author_name,
        source=LessonSource(row.source),
        taught_at=row.taught_at,
        about=AnswerId(row.about) if row.about is not None else None,
        topic=row.topic,
        withdrawn_at=row.withdrawn_at,
        said_in=row.said_in,
        held=Hold(row.held) if row.held is not None else None,
        ruling=Ruling(row.ruling) if row.ruling is not None else None,
        ruled_by=row.ruled_by,
        contradicts=SectionId(row.contradicts) if row.contradicts is not None else None,
        trainable=row.trainable,
        doubted_by=row.doubted_by,
        tenant=Tenant(row.tenant),
    )
