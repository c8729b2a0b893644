"""As much of Discord as a login needs, on a loopback port: REST with a token check, and a gateway that grants or
refuses the message content intent; and messages whose line breaks once they were taken, as simcord has no lines. It is
ours: that Discord behaves so is read from its documentation. Everything else is tested against simcord."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import discord
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

TOKEN = "good.token.value"
BOT_ID = "100000000000000001"

_BOT = {"id": BOT_ID, "username": "Mentee", "discriminator": "0", "avatar": None, "bot": True}
_APPLICATION: dict[str, Any] = {
    "id": BOT_ID, "name": "Mentee", "description": "", "icon": None, "bot_public": True, "verify_key": "",
    "bot_require_code_grant": False, "team": None, "owner": _BOT, "flags": 0,
}  # fmt: skip
_INTENTS_REFUSED = 4014


@dataclass
class LoopbackDiscord:
    grants_message_content: bool = True
    is_on_server: bool = True
    """Whether the bot may set up commands on a server of its own."""
    commands: list[dict[str, Any]] = field(default_factory=list)
    commands_put: list[str] = field(default_factory=list)
    identified: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the gateway has welcomed a bot."""
    shards: int = 1
    """How many it recommends."""
    greets: bool = True
    """Whether the gateway says a word to whom it lets in."""
    gateways: int = 0
    """How many lines to it were opened."""
    beats: int = 0
    shards_seen: list[tuple[int, ...]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    nonces: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Those of the last minutes."""
    breaks: int = 0
    """How many of the next messages are taken and then not answered."""
    resets: int = 0
    asks_to_wait_s: float | None = None
    """Before the next message."""
    base: str = ""

    @property
    def api_url(self) -> str:
        return f"http://{self.base}/api/v10"

    @property
    def gateway_url(self) -> str:
        return f"ws://{self.base}/gateway"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["LoopbackDiscord"]:
        app = web.Application()
        app.add_routes(
            [
                web.get("/api/v10/users/@me", self._me),
                web.get("/api/v10/oauth2/applications/@me", self._application),
                web.get(f"/api/v10/applications/{BOT_ID}/commands", self._get_commands),
                web.put(f"/api/v10/applications/{BOT_ID}/commands", self._put_commands),
                web.get(f"/api/v10/applications/{BOT_ID}/guilds/{{guild}}/commands", self._get_commands),
                web.put(f"/api/v10/applications/{BOT_ID}/guilds/{{guild}}/commands", self._put_commands),
                web.get("/api/v10/gateway/bot", self._recommended),
                web.post("/api/v10/channels/{channel}/messages", self._post),
                web.get("/api/v10/channels/{channel}/messages", self._history),
                web.get("/gateway", self._gateway),
            ]
        )
        async with TestServer(app, host="127.0.0.1") as server:
            self.base = f"127.0.0.1:{server.port}"
            yield self

    async def _me(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"] != f"Bot {TOKEN}":
            return _json({"message": "401: Unauthorized", "code": 0}, status=401)
        return _json(_BOT)

    async def _application(self, _: web.Request) -> web.Response:
        return _json(_APPLICATION)

    async def _get_commands(self, request: web.Request) -> web.Response:
        if "guild" in request.match_info and not self.is_on_server:
            return _json({"message": "Missing Access", "code": 50001}, status=403)
        return _json(self.commands)

    async def _put_commands(self, request: web.Request) -> web.Response:
        self.commands_put.append(request.match_info.get("guild", "everywhere"))
        added = {"application_id": BOT_ID, "version": "1", "description": ""}
        self.commands = [{**added, **command, "id": str(i)} for i, command in enumerate(await request.json(), 1)]
        return _json(self.commands)

    async def _recommended(self, _: web.Request) -> web.Response:
        limits = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return _json({"url": "ws://nobody.invalid", "shards": self.shards, "session_start_limit": limits})

    async def _post(self, request: web.Request) -> web.Response:
        """A nonce that was seen in the last minutes brings the message that had it."""
        if self.asks_to_wait_s is not None:
            data = {"message": "You are being rate limited.", "retry_after": self.asks_to_wait_s, "global": False}
            return _json(data, status=429, headers={"Via": "1.1 google"})
        sent, channel = await request.json(), request.match_info["channel"]
        seen = self.nonces.get(sent["nonce"]) if sent.get("enforce_nonce") else None
        if seen is None:
            seen = _message(len(self.messages), channel, sent)
            self.messages.append(seen)
            self.nonces[sent["nonce"]] = seen
        if self.breaks:
            self.breaks -= 1
            self.resets += 1
            assert request.transport is not None
            request.transport.abort()
        return _json(seen)

    async def _history(self, request: web.Request) -> web.Response:
        there = [each for each in self.messages if each["channel_id"] == request.match_info["channel"]]
        return _json(there[::-1][: int(request.query["limit"])])

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        self.gateways += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if self.greets:
            await socket.send_json({"op": 10, "d": {"heartbeat_interval": 45_000}, "s": None, "t": None})
        async for frame in socket:
            self.beats += frame.type is WSMsgType.TEXT and frame.json()["op"] == 1
            if frame.type is WSMsgType.TEXT and frame.json()["op"] == 2:
                data = frame.json()["d"]
                self.shards_seen.append(tuple(data["shard"]))
                await self._identified(socket, data)
        return socket

    async def _identified(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
        if discord.Intents._from_value(data["intents"]).message_content and not self.grants_message_content:
            await socket.close(code=_INTENTS_REFUSED)
            return
        ready = {
            "v": 10, "user": _BOT, "guilds": [], "session_id": "1", "resume_gateway_url": self.gateway_url,
            "application": {"id": BOT_ID, "flags": 0}, "shard": data["shard"],
        }  # fmt: skip
        await socket.send_json({"op": 0, "t": "READY", "s": 1, "d": ready})
        self.identified.set()


def _message(number: int, channel: str, sent: dict[str, Any]) -> dict[str, Any]:
    now = discord.utils.utcnow()
    return {
        "id": str(discord.utils.time_snowflake(now) + number), "channel_id": channel, "author": _BOT,
        "content": sent["content"], "timestamp": now.isoformat(), "edited_timestamp": None, "tts": False,
        "mention_everyone": False, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
        "pinned": False, "type": 0, "components": [],
    }  # fmt: skip


def _json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Without a charset behind the type, as Discord sends it: the library takes anything else for text."""
    body = json.dumps(data).encode()
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")
