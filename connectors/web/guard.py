"""Who may send requests here: only the page itself, under a name of this machine, logged in where that is asked for.

Every web page that a browser shows may send requests to 127.0.0.1. So what changes something must come from our own
page, and without a password the address must be a loopback name: a foreign name that points here (DNS rebinding)
would make a foreign page look like ours. With a password the names are free, since a session holds for one name only.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.web.config import WebConfig
from connectors.web.login import SESSION, Login

PROBES = ("/healthz", "/readyz")
"""Asked by whatever runs the bot, under any name: they tell no more than that it works."""
OPEN_PATHS = ("/login", "/static/")
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not no-referrer: under that, browsers send "Origin: null" along with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Guard:
    """ASGI middleware around the whole page."""

    app: ASGIApp
    config: WebConfig
    login: Login | None
    """None where no password is set."""

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
        answer = self._refusal(Request(scope))
        await (answer or self.app)(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        path, headers = request.scope["path"], request.headers
        if path in PROBES:
            return None
        if not self._is_our_name(headers.get("host", "")):
            return PlainTextResponse("Open this page as http://127.0.0.1 or http://localhost.", 421)
        if request.method not in ("GET", "HEAD", "OPTIONS") and not _is_same_origin(headers):
            return PlainTextResponse("Only the page itself may send this.", 403)
        if path.startswith(OPEN_PATHS) or self.login is None or self.login.holds(request.cookies.get(SESSION, "")):
            return None
        is_page = request.method == "GET" and "text/html" in headers.get("accept", "")
        return RedirectResponse("/login", 303) if is_page else PlainTextResponse("Log in first.", 401)

    def _is_our_name(self, host: str) -> bool:
        return self.login is not None or _name_in(host) in LOOPBACK_NAMES | {self.config.host}


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
