"""The number that tells memory, in whichever process, that it has to look again."""

from sqlmodel import Session

from storage.tables import RevisionRow


def current_revision(session: Session) -> int:
    row = session.get(RevisionRow, 1)
    return row.number if row is not None else 0


def advance_revision(session: Session) -> None:
    row = session.get(RevisionRow, 1) or RevisionRow(id=1, number=0)
    row.number += 1
    session.add(row)
