"""Who may send requests here: the page itself, and programs with a token; signed in where that is asked for.

Every web page that a browser shows may send requests to 127.0.0.1. So what changes something must come from our own
page, and without a login the address must be a loopback name: a foreign name that points here (DNS rebinding) would
make a foreign page look like ours. With a login the names are free, since a session holds for one name only. A token
stands in a header that no foreign page can set.
"""

import math
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.desk import Desk
from bot.errors import DatabaseHeld
from bot.passes import PassKind
from bot.texts import Texts
from connectors.web.config import WebConfig
from connectors.web.limits import Limits
from connectors.web.visitor import SESSION, scope_needed

PROBES = ("/healthz", "/readyz")
"""Asked by whatever runs the bot, under any name: they tell no more than that it works."""
OPEN_PATHS = ("/login", "/enter", "/static/")
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
TRY_AGAIN_S = 30
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Not no-referrer: under that, browsers send "Origin: null" along with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Guard:
    """ASGI middleware around the whole page. Whoever is let in stands in the request's state as `held`, and what let
    them in as `let_in_by`, for what lasts longer than a look."""

    app: ASGIApp
    config: WebConfig
    desk: Desk
    limits: Limits = field(default_factory=lambda: Limits(0))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
            await send(message)

        path: str = scope["path"]
        try:
            answer = await self._refusal(Request(scope))
        except DatabaseHeld:  # who it is can't be looked up
            answer = not_kept(self.desk.texts)
        await (answer or self.app)(scope, receive, send_with_headers)

    async def _refusal(self, request: Request) -> Response | None:
        path, headers = request.scope["path"], request.headers
        if path in PROBES:
            return None
        if not self._is_our_name(headers.get("host", "")):
            return PlainTextResponse("Open this page as http://127.0.0.1 or http://localhost.", 421)
        if "authorization" in headers:
            return await self._program(request) or self._too_many(request)
        if request.method not in SAFE_METHODS and not _is_same_origin(headers):
            return PlainTextResponse("Only the page itself may send this.", 403)
        if path.startswith(OPEN_PATHS) or not self.config.asks_for_login:
            return self._too_many(request)
        return await self._person(request) or self._too_many(request)

    async def _person(self, request: Request) -> Response | None:
        session = request.cookies.get(SESSION, "")
        held = await self.desk.holder(session, PassKind.SESSION) if session else None
        if held is None:
            is_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
            return RedirectResponse("/login", 303) if is_page else PlainTextResponse("Log in first.", 401)
        request.state.held, request.state.session = held, session
        request.state.let_in_by = session, PassKind.SESSION
        return None

    async def _program(self, request: Request) -> Response | None:
        kind, _, secret = request.headers["authorization"].partition(" ")
        held = await self.desk.holder(secret.strip(), PassKind.TOKEN) if kind.lower() == "bearer" else None
        if held is None:
            return PlainTextResponse("That token doesn't hold.", 401)
        needed = scope_needed(request.method, request.scope["path"])
        if needed is None or needed not in held.scopes:
            return PlainTextResponse("That token isn't good for this.", 403)
        request.state.held, request.state.scope = held, needed
        request.state.let_in_by = secret.strip(), PassKind.TOKEN
        return None

    def _too_many(self, request: Request) -> Response | None:
        """Of what changes something; each session, token and address has a share of its own."""
        if request.method in SAFE_METHODS or self.limits.a_minute <= 0:
            return None
        held = getattr(request.state, "held", None)
        wait = self.limits.take(held.id if held is not None else _address(request))
        if not wait:
            return None
        text = self.desk.texts.too_many
        return PlainTextResponse(text, 429, headers={"Retry-After": str(math.ceil(wait))})

    def _is_our_name(self, host: str) -> bool:
        return self.config.asks_for_login or _name_in(host) in LOOPBACK_NAMES | {self.config.host}


def not_kept(texts: Texts) -> JSONResponse:
    """While another program holds the database."""
    return JSONResponse({"error": texts.not_kept}, 503, {"Retry-After": str(TRY_AGAIN_S)})


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _is_same_origin(headers: Headers) -> bool:
    """As the browser says: by Sec-Fetch-Site, by Origin, and where it sends both, by both."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        return False
    is_ours = origin is None or origin.partition("://")[2] == headers.get("host")
    return is_ours and site in (None, "same-origin")


def _name_in(host: str) -> str:
    """The host name without its port; nothing for what is no host."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
