"""Who is before the page, in which role and conversation.

Who signed in is who they are in the chat. Where nobody has to, and for the operator, the role is a choice that the
browser's cookie keeps: to try it out.
"""

import hmac
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID, uuid4, uuid5

from fastapi import Cookie, Depends, HTTPException, Request, Response

from bot.events import Place
from bot.ids import SHARED, Tenant
from bot.letting_in import acting
from bot.passes import Pass, Scope, form_token
from bot.people import Person
from connectors.web.parsing import RoleName, person_as, place_of, role_named

SESSION = "mentee_session"
ROLE = "mentee_role"
CONVERSATION = "mentee_conversation"
FORM_TOKEN, FORM_HEADER = "csrf", "x-csrf-token"
KEPT_S = 30 * 24 * 60 * 60

OPERATOR = person_as("admin")
"""Who knows the page's password."""

SCOPES = {
    ("POST", "/messages"): Scope.ASK,
    ("POST", "/choices"): Scope.ASK,
    ("POST", "/reactions"): Scope.ASK,
    ("POST", "/presses"): Scope.TEACH,
    ("POST", "/corrections"): Scope.TEACH,
    ("GET", "/corrections"): Scope.TEACH,
    ("POST", "/commands"): Scope.COMMAND,
    ("GET", "/events"): Scope.READ,
    ("GET", "/lessons"): Scope.READ,
    ("GET", "/adapters"): Scope.READ,
    ("GET", "/status"): Scope.READ,
    ("GET", "/metrics"): Scope.READ,
}
"""What a program's token must be good for, by method and the beginning of the path. What isn't here is for people."""


@dataclass(frozen=True)
class Visitor:
    person: Person
    role: RoleName
    conversation: UUID
    may_choose: bool
    """Whether the role is theirs to choose."""
    form_token: str = ""
    """What their forms must bring along; empty where nobody signs in."""
    tenant: Tenant = SHARED
    """The workspace that they came from. Who came from another one in the same browser has another conversation."""
    cookie: UUID | None = None
    """What the browser keeps for the conversation."""

    @property
    def place(self) -> Place:
        return place_of(self.conversation, self.tenant)


def scope_needed(method: str, path: str) -> Scope | None:
    return SCOPES.get((method, "/" + path.lstrip("/").partition("/")[0]))


async def _visitor(
    request: Request,
    mentee_role: Annotated[str | None, Cookie()] = None,
    mentee_conversation: Annotated[str | None, Cookie()] = None,
) -> Visitor:
    held: Pass | None = getattr(request.state, "held", None)
    role, cookie = role_named(mentee_role), _uuid_in(mentee_conversation) or uuid4()
    conversation = uuid5(cookie, held.tenant) if held is not None and held.tenant else cookie
    if held is None:
        return Visitor(person_as(role), role, conversation, may_choose=True, cookie=cookie)
    scope = getattr(request.state, "scope", None)
    if scope is not None:
        return Visitor(acting(held, scope), role, conversation, may_choose=False, tenant=held.tenant, cookie=cookie)
    is_operator = held.person.key == OPERATOR.key
    person = person_as(role) if is_operator else held.person
    token = form_token(request.state.session)
    return Visitor(person, role, conversation, is_operator, token, held.tenant, cookie)


You = Annotated[Visitor, Depends(_visitor)]


async def check_form_token(request: Request) -> None:
    """Refuse what another site's form could have sent: cookies go along by themselves, the token doesn't."""
    session: str | None = getattr(request.state, "session", None)
    if session is None or request.method in ("GET", "HEAD", "OPTIONS"):
        return
    given = request.headers.get(FORM_HEADER)
    if given is None and not request.headers.get("content-type", "").startswith("application/json"):
        given = str((await request.form()).get(FORM_TOKEN) or "")
    if not hmac.compare_digest((given or "").encode(), form_token(session).encode()):
        raise HTTPException(403, "This form is not the page's own, or too old. Reload the page and try again.")


def keep(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=KEPT_S, httponly=True, samesite="lax")


def _uuid_in(text: str | None) -> UUID | None:
    try:
        return UUID(text)
    except (TypeError, ValueError):
        return None
