"""Passes: what lets somebody in besides a chat. One-time links, sessions of the page, tokens of programs.

A secret is given out once and kept as its sha256 alone: it is 32 random bytes, which nobody guesses.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from bot.ids import SHARED, PassId, Tenant
from bot.people import Person


class PassKind(StrEnum):
    LINK = "link"
    SESSION = "session"
    TOKEN = "token"


class Scope(StrEnum):
    """What a program's token is good for. Each is given by itself."""

    READ = "read"
    ASK = "ask"
    TEACH = "teach"
    COMMAND = "command"


GROUPS = {Scope.TEACH: "web:agent", Scope.COMMAND: "web:admin"}
"""Whom a program counts as while it teaches or commands; else it is a customer."""


@dataclass(frozen=True, kw_only=True)
class Pass:
    id: PassId
    kind: PassKind
    person: Person
    """As the platform knew them when it was given out."""
    made_at: datetime
    until: datetime
    scopes: frozenset[Scope] = frozenset()
    """Of a token."""
    tenant: Tenant = SHARED
    """The workspace that a session was begun from; the operator's own show everything."""


def digest(secret: str) -> str:
    return sha256(secret.encode(errors="replace")).hexdigest()


def form_token(session: str) -> str:
    """What a form of the page must bring along, so that no other site's form is taken for it (CSRF)."""
    return digest(f"form:{session}")
