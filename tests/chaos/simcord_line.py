"""simcord on lines that can break: its routes and events over HTTP and a gateway of our own, since it has no sockets.

What those add is from Discord's documentation: a nonce is taken once for as long as it is remembered; a session that
lost its socket is resumed where it stopped, or is told that it is not valid any more.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import discord
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from simcord import BackendError
from simcord import intents as declared
from simcord._clock import Clock
from simcord.backend import Backend, serializers
from simcord.http.router import dispatch

BEAT_MS = 41_250
"""Discord's own interval."""
DISPATCH, BEAT, IDENTIFY, RESUME, INVALID, HELLO, BEAT_HEARD = 0, 1, 2, 6, 9, 10, 11


class Now(Clock):
    """What is said now was said now: sweeps look at a clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(eq=False)
class Session:
    id: str
    intents: discord.Intents
    events: list[str] = field(default_factory=list)
    """All that the bot was to hear, the first one with the number 1."""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, event: str, data: Mapping[str, Any]) -> None:
        number = len(self.events) + 1
        self.events.append(json.dumps({"op": DISPATCH, "t": event, "s": number, "d": data}))
        self.news.set()

    async def send_from(self, number: int, socket: web.WebSocketResponse) -> None:
        while True:
            self.news.clear()
            while number < len(self.events):
                number += 1
                await socket.send_str(self.events[number - 1])
            await self.news.wait()


@dataclass
class SimcordLine:
    """A server with one channel and one customer."""

    forgets_sessions: bool = False
    remembers_s: float = 300.0
    """How long it knows a nonce."""
    gateway_port: int = 0
    """Where the bot is sent to hear of things."""
    backend: Backend = field(default_factory=lambda: Backend(clock=Now()))
    sessions: dict[str, Session] = field(default_factory=dict)
    _nonces: dict[str, tuple[float, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bot = self.backend.bot_user.id
        self.server = self.backend.create_guild("Studio").id
        self.customer = self.backend.make_user("carl").id
        for member in (self.bot, self.customer):
            self.backend.add_member(self.server, member)
        self.channel = self.backend.create_channel(self.server, "support").id
        self.backend.subscribers.append(self._happened)

    # --- people --------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        self.backend.create_message(self.channel, self.customer, f"<@{self.bot}> {text}")

    def asked(self) -> list[str]:
        return [str(each.id) for each in self._messages() if each.author_id == self.customer]

    def replies(self) -> Counter[str]:
        said = [each.reference for each in self._messages() if each.author_id == self.bot]
        return Counter(str(reference["message_id"]) if reference else "" for reference in said)

    def _messages(self) -> list[Any]:
        return list(self.backend.messages[self.channel].values())

    # --- REST ----------------------------------------------------------------------------------------------------

    async def rest(self, request: web.Request) -> web.Response:
        method, path, sent = request.method, f"/{request.match_info['path']}", await request.read()
        body = json.loads(sent) if sent else None
        if path == "/gateway/bot":
            limits = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
            return _json({"url": self._gateway_url, "shards": 1, "session_start_limit": limits})
        nonce = body.get("nonce") if isinstance(body, dict) and body.get("enforce_nonce") else None
        at, taken = self._nonces.get(nonce or "", (0.0, None))
        if taken is not None and time.monotonic() - at < self.remembers_s:
            return _json(taken)
        try:
            answer = dispatch(self.backend, method, path, json=body, params=dict(request.query))
        except BackendError as refusal:
            return _json(refusal.to_json(), refusal.status)
        if nonce is not None:
            self._nonces[nonce] = time.monotonic(), answer
        return web.Response(status=204) if answer is None else _json(answer)

    @property
    def _gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self.gateway_port}/gateway"

    # --- gateway -------------------------------------------------------------------------------------------------

    async def gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": HELLO, "d": {"heartbeat_interval": BEAT_MS}})
        sending: asyncio.Task[None] | None = None
        try:
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT:
                    continue
                op, data = frame.json()["op"], frame.json()["d"]
                if op == BEAT:
                    await socket.send_json({"op": BEAT_HEARD})
                elif op == IDENTIFY:
                    sending = asyncio.create_task(self._welcome(data).send_from(0, socket))
                elif op == RESUME and (session := self._kept(data["session_id"])) is not None:
                    session.tell("RESUMED", {})
                    sending = asyncio.create_task(session.send_from(data["seq"], socket))
                elif op == RESUME:
                    await socket.send_json({"op": INVALID, "d": False})
        except ConnectionError:
            pass
        finally:
            if sending is not None:
                sending.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await sending
        return socket

    def _kept(self, id: str) -> Session | None:
        return None if self.forgets_sessions else self.sessions.get(id)

    def _welcome(self, data: Mapping[str, Any]) -> Session:
        session = Session(f"session-{time.monotonic_ns()}", discord.Intents._from_value(data["intents"]))
        user, guilds = serializers.user_payload(self.backend.bot_user), self.backend.guilds.values()
        ready = {
            "v": 10, "user": user, "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id, "resume_gateway_url": self._gateway_url, "shard": data["shard"],
            "application": {"id": str(self.backend.application_id), "flags": 0},
        }  # fmt: skip
        session.tell("READY", ready)
        for guild in guilds:
            session.tell("GUILD_CREATE", serializers.guild_create_payload(self.backend, guild))
        self.sessions[session.id] = session
        return session

    def _happened(self, event: str, data: Mapping[str, Any]) -> None:
        wanted = declared.required_intent(event, data)
        for session in self.sessions.values():
            if wanted is None or getattr(session.intents, wanted):
                session.tell(event, data)


def _json(data: Any, status: int = 200) -> web.Response:
    """Without a charset behind the type, as Discord sends it: the library takes anything else for text."""
    return web.Response(body=json.dumps(data).encode(), status=status, content_type="application/json")


@asynccontextmanager
async def serving(line: SimcordLine) -> AsyncIterator[int]:
    """Its port."""
    app = web.Application()
    app.router.add_route("*", "/api/v10/{path:.*}", line.rest)
    app.router.add_get("/gateway", line.gateway)
    async with TestServer(app) as server:
        assert server.port is not None
        yield server.port
