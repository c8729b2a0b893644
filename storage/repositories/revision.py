"""The number that tells memory, in whichever process, that it has to look again, and at what."""

from collections.abc import Iterable
from typing import Literal

from sqlmodel import Session, col, select

from bot.ids import FactId
from bot.retrieval import Changes
from storage.repositories.portions import portions
from storage.tables import ChangeRow, RevisionRow

Kind = Literal["fact", "source"]


def current_revision(session: Session) -> int:
    row = session.get(RevisionRow, 1)
    return row.number if row is not None else 0


def advance_revision(session: Session, kind: Kind, names: Iterable[str]) -> None:
    row = session.get(RevisionRow, 1) or RevisionRow(id=1, number=0)
    row.number += 1
    session.add(row)
    new = dict.fromkeys(names)
    for part in portions(list(new)):
        query = select(ChangeRow).where(ChangeRow.kind == kind, col(ChangeRow.name).in_(part))
        for change in session.exec(query):
            change.revision = row.number
            del new[change.name]
    session.add_all(ChangeRow(kind=kind, name=name, revision=row.number) for name in new)


def changes_since(session: Session, revision: int) -> Changes:
    return Changes([FactId(name) for name in _names(session, "fact", revision)], _names(session, "source", revision))


def _names(session: Session, kind: Kind, revision: int) -> list[str]:
    query = select(ChangeRow.name).where(ChangeRow.kind == kind, col(ChangeRow.revision) > revision)
    return list(session.exec(query.order_by(col(ChangeRow.revision), col(ChangeRow.name))))
