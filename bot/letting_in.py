"""Who is let in besides through a chat, and for how long. Every function runs inside one transaction.

Knows nothing of cookies or headers.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.access import Deed, Staff
from bot.errors import BadInput
from bot.ids import SHARED, PassId, Tenant, new_id
from bot.passes import GROUPS, Pass, PassKind, Scope, digest
from bot.people import Person, Platform
from bot.ports import Unit
from bot.texts import Texts

LINK_FOR = timedelta(minutes=5)
SESSION_FOR = timedelta(hours=12)
ID_CHARS = 8


@dataclass(frozen=True)
class LettingIn:
    staff: Staff
    texts: Texts

    def link(self, unit: Unit, person: Person, now: datetime, tenant: Tenant = SHARED) -> str:
        """The secret of a link that opens one session, soon. It shows what the workspace sees that it comes from."""
        return self._give(unit, PassKind.LINK, person, now, LINK_FOR, tenant=tenant)

    def enter(self, unit: Unit, link: str, now: datetime) -> str | None:
        """Turn a link into a session's secret; None for one that is used, too old, or none at all."""
        found = self.holder(unit, link, PassKind.LINK, now)
        if found is None or not unit.passes.remove(found.id):
            return None
        return self.session(unit, found.person, now, found.tenant)

    def session(self, unit: Unit, person: Person, now: datetime, tenant: Tenant = SHARED) -> str:
        unit.audit.add(person.key, "signed in", "the page", now)
        return self._give(unit, PassKind.SESSION, person, now, SESSION_FOR, tenant=tenant)

    def holder(self, unit: Unit, secret: str, kind: PassKind, now: datetime) -> Pass | None:
        """Whose secret it is, while it holds and the person may still sign in."""
        found = unit.passes.of(digest(secret))
        if found is None or found.kind is not kind or found.until <= now:
            return None
        return found if kind is PassKind.TOKEN or self.staff.may(found.person, Deed.LOGIN) else None

    def leave(self, unit: Unit, session: str) -> None:
        found = unit.passes.of(digest(session))
        if found is not None:
            unit.passes.remove(found.id)

    # --- for the operator ------------------------------------------------------------------------------------------

    def token(self, unit: Unit, name: str, scopes: frozenset[Scope], days: int, by: str, now: datetime) -> str:
        """The secret of a new token. Raises BadInput for one that would be good for nothing."""
        if not scopes or days < 1 or not name.strip():
            raise BadInput(self.texts.token_for_nothing)
        person = Person(Platform.WEB, f"token-{name.strip()}", name.strip())
        unit.audit.add(by, "made a token", person.key, now)
        return self._give(unit, PassKind.TOKEN, person, now, timedelta(days=days), scopes)

    def revoke(self, unit: Unit, id: str, by: str, now: datetime) -> Pass:
        """End a token or a session. Raises BadInput."""
        found = [each for each in unit.passes.all() if id and each.id.endswith(id.strip().lower())]
        if len(found) != 1:
            raise BadInput(self.texts.unknown_pass.format(id=id))
        unit.passes.remove(found[0].id)
        unit.audit.add(by, f"revoked a {found[0].kind}", found[0].id, now)
        return found[0]

    def describe(self, passes: Sequence[Pass]) -> str:
        lines = [
            self.texts.pass_line.format(
                id=each.id[-ID_CHARS:], kind=each.kind, name=each.person.name or each.person.key,
                scopes=", ".join(sorted(each.scopes)) or "its person's role", until=f"{each.until:%Y-%m-%d %H:%M}",
            )
            for each in passes
        ]  # fmt: skip
        return "\n".join(lines) or self.texts.no_passes

    @staticmethod
    def _give(
        unit: Unit, kind: PassKind, person: Person, now: datetime, holds: timedelta,
        scopes: frozenset[Scope] = frozenset(), tenant: Tenant = SHARED,
    ) -> str:  # fmt: skip
        secret = secrets.token_urlsafe(32)
        given = Pass(
            id=PassId(new_id()), kind=kind, person=person, made_at=now, until=now + holds, scopes=scopes, tenant=tenant
        )  # fmt: skip
        unit.passes.add(given, digest(secret))
        return secret


def acting(token: Pass, scope: Scope) -> Person:
    """The program, with the rights of the scope that it makes use of, and no others."""
    return replace(token.person, groups=frozenset({GROUPS[scope]} if scope in GROUPS else ()))
