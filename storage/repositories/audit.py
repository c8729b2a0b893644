"""The audit log's entries, and the aliases of those who are named in it."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from bot.audit import Entry, chained
from bot.ids import new_id
from storage.tables import AliasRow, AuditRow


class SqlAudit:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, actor: str, act: str, subject: str, at: datetime) -> None:
        newest = self._session.exec(select(AuditRow).order_by(col(AuditRow.number).desc()).limit(1)).first()
        entry = chained(_entry(newest) if newest is not None else None, at, self._alias(actor), act, subject)
        self._session.add(AuditRow(**vars(entry)))
        self._session.flush()

    def entries(self) -> Sequence[Entry]:
        return [_entry(row) for row in self._session.exec(select(AuditRow).order_by(col(AuditRow.number)))]

    def people(self) -> dict[str, str]:
        return {row.alias: row.person for row in self._session.exec(select(AliasRow))}

    def _alias(self, person: str) -> str:
        row = self._session.get(AliasRow, person)
        if row is None:
            row = AliasRow(person=person, alias=new_id())
            self._session.add(row)
        return row.alias


def _entry(row: AuditRow) -> Entry:
    return Entry(row.number, row.at, row.actor, row.act, row.subject, row.previous, row.sha256)
