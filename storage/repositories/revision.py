"""The number that tells memory, in whichever process, that it has to look again, and at what."""

from collections.abc import Iterable, Sequence
from typing import Literal

from sqlmodel import Session, col, select

from bot.ids import FactId
from bot.retrieval import Changes
from storage.tables import ChangeRow, RevisionRow

MAX_PARAMETERS = 500  # in one query

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


def portions(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    """Keys for one query each."""
    return (keys[i : i + MAX_PARAMETERS] for i in range(0, len(keys), MAX_PARAMETERS))


def changes_since(session: Session, revision: int) -> Changes:
    return Changes([FactId(name) for name in _names(session, "fact", revision)], _names(session, "source", revision))


def _names(session: Session, kind: Kind, revision: int) -> list[str]:
    query = select(ChangeRow.name).where(ChangeRow.kind == kind, col(ChangeRow.revision) > revision)
    return list(session.exec(query.order_by(col(ChangeRow.revision), col(ChangeRow.name))))
