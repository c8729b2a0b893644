"""What is let through to bolt in HTTP mode: what Slack signed, lately, once. Knows nothing of what it says.

Bolt checks signatures, too, but takes a signed request again for five minutes, and breaks at headers that Slack never
sends. What isn't covered by the signature (the type of the body) must be one of the two that Slack uses.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import structlog
from aiohttp import web
from slack_sdk.signature import Clock, SignatureVerifier

SIGNATURE, TIMESTAMP = "X-Slack-Signature", "X-Slack-Request-Timestamp"
TYPES = ("application/json", "application/x-www-form-urlencoded")
# A signature holds for five minutes, and the clocks may differ by as much.
REMEMBERED_S = 660.0

_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger()


@dataclass
class Signatures:
    """Those that were let in, so that none is let in twice. Ends with the process: the inbox then knows the event."""

    now: Callable[[], float]
    _seen: dict[str, float] = field(default_factory=dict)

    def is_new(self, signature: str) -> bool:
        now = self.now()
        while self._seen and (oldest := next(iter(self._seen.items())))[1] <= now:
            del self._seen[oldest[0]]
        if signature in self._seen:
            return False
        self._seen[signature] = now + REMEMBERED_S
        return True

    def forget(self, signature: str) -> None:
        """It came to nothing: Slack may send it again."""
        self._seen.pop(signature, None)


class _Clock(Clock):
    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now  # type: ignore[method-assign]


def guard(signing_secret: str, path: str, now: Callable[[], float] = time.time) -> Any:
    """aiohttp's middleware. `path`: where Slack sends to; people's browsers go elsewhere. `now`: seconds since 1970."""
    verifier = SignatureVerifier(signing_secret, _Clock(now))
    signatures = Signatures(now)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != path:
            return await handler(request)
        body = await request.read()
        signature = _signature_of(request, body, verifier)
        if signature is None:
            return _refused("not signed by Slack", 401)
        if not _is_well_formed(request, body):
            return _refused("not a body of Slack's", 400)
        if not signatures.is_new(signature):
            return _refused("taken already", 401)
        return await _answered(request, handler, signatures, signature)

    return check


async def _answered(
    request: web.Request, handler: Handler, signatures: Signatures, signature: str
) -> web.StreamResponse:
    taken = False
    try:
        answer = await handler(request)
        taken = answer.status < 300
        return answer
    finally:
        if not taken:
            signatures.forget(signature)


def _signature_of(request: web.Request, body: bytes, verifier: SignatureVerifier) -> str | None:
    """The request's signature if it is right; None otherwise, whatever the headers hold."""
    given = [request.headers.getall(name, []) for name in (SIGNATURE, TIMESTAMP)]
    if [len(values) for values in given] != [1, 1]:
        return None
    signature, timestamp = (values[0] for values in given)
    if not _SIGNATURE.fullmatch(signature) or not _TIMESTAMP.fullmatch(timestamp):
        return None
    try:
        return signature if verifier.is_valid(body, timestamp, signature) else None
    except UnicodeDecodeError:  # Slack signs text
        return None


def _is_well_formed(request: web.Request, body: bytes) -> bool:
    try:
        if request.content_type not in TYPES or (request.charset or "utf-8").lower() != "utf-8":
            return False
        text = body.decode()
        if request.content_type == TYPES[1]:
            payloads = parse_qs(text, max_num_fields=100).get("payload")
            text = payloads[0] if payloads else "{}"
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _refused(why: str, status: int) -> web.Response:
    log.warning("slack request refused", why=why)
    return web.Response(status=status, text="")
