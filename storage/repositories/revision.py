"""The number that tells memory, in whichever process, that it has to look again, and at what."""

from collections.abc import Iterable
from typing import Literal

from sqlmodel import Session, col, select

from bot.ids import FactId
from bot.retrieval import Changes
from storage.tables import ChangeRow, RevisionRow

Kind = Literal["fact", "source"]


def current_revision(session: Session) -> int:
    row = session.get(RevisionRow, 1)
    return row.number if row is not None else 0


def advance_revision(session: Session, kind: Kind, names: Iterable[str]) -> None:
    row = session.get(RevisionRow, 1) or RevisionRow(id=1, number=0)
    row.number += 1
    session.add(row)
    for name in names:
        session.merge(ChangeRow(kind=kind, name=name, revision=row.number))


def changes_since(session: Session, revision: int) -> Changes:
    return Changes([FactId(name) for name in _names(session, "fact", revision)], _names(session, "source", revision))


def _names(session: Session, kind: Kind, revision: int) -> list[str]:
    query = select(ChangeRow.name).where(ChangeRow.kind == kind, col(ChangeRow.revision) > revision)
    return list(session.exec(query.order_by(col(ChangeRow.revision), col(ChangeRow.name))))
