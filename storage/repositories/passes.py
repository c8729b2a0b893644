"""Links, sessions and tokens."""

from collections.abc import Sequence

from sqlmodel import Session, col, delete, select

from bot.ids import PassId, Tenant
from bot.passes import Pass, PassKind, Scope
from storage.codec import PERSON, from_text, to_text
from storage.tables import PassRow


class SqlPasses:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, given: Pass, digest: str) -> None:
        self._session.exec(delete(PassRow).where(col(PassRow.until) <= given.made_at))
        self._session.add(
            PassRow(
                id=given.id, digest=digest, kind=given.kind, person=to_text(PERSON, given.person),
                person_key=given.person.key, scopes=" ".join(sorted(given.scopes)), made_at=given.made_at,
                until=given.until, tenant=given.tenant,
            )
        )  # fmt: skip
        self._session.flush()

    def of(self, digest: str) -> Pass | None:
        row = self._session.exec(select(PassRow).where(PassRow.digest == digest)).first()
        return _pass(row) if row is not None else None

    def all(self) -> Sequence[Pass]:
        return [_pass(row) for row in self._session.exec(select(PassRow).order_by(col(PassRow.id)))]

    def remove(self, id: PassId) -> bool:
        return self._session.exec(delete(PassRow).where(col(PassRow.id) == id)).rowcount > 0


def _pass(row: PassRow) -> Pass:
    scopes = frozenset(Scope(scope) for scope in row.scopes.split())
    person = from_text(PERSON, row.person)
    return Pass(
        id=PassId(row.id), kind=PassKind(row.kind), person=person, made_at=row.made_at, until=row.until, scopes=scopes,
        tenant=Tenant(row.tenant),
    )  # fmt: skip
