"""Who is before the page, in which role and conversation. The browser's cookies say so: choices, not secrets."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Cookie, Depends, Response

from bot.people import Person
from connectors.web.parsing import RoleName, person_as, role_named

ROLE = "mentee_role"
CONVERSATION = "mentee_conversation"
KEPT_S = 30 * 24 * 60 * 60


@dataclass(frozen=True)
class Visitor:
    role: RoleName
    conversation: UUID

    @property
    def person(self) -> Person:
        return person_as(self.role)


def _visitor(
    mentee_role: Annotated[str | None, Cookie()] = None, mentee_conversation: Annotated[str | None, Cookie()] = None
) -> Visitor:
    return Visitor(role_named(mentee_role), _uuid_in(mentee_conversation) or uuid4())


You = Annotated[Visitor, Depends(_visitor)]


def keep(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=KEPT_S, httponly=True, samesite="lax")


def _uuid_in(text: str | None) -> UUID | None:
    try:
        return UUID(text)
    except (TypeError, ValueError):
        return None
