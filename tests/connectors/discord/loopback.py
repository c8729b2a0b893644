"""As much of Discord as a login needs, on a loopback port: REST with a token check, and a gateway that grants or
refuses the message content intent. Everything beyond the login is tested against simcord."""

import asyncio
import json
from collections.abc import AsyncIterator
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

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 45_000}, "s": None, "t": None})
        async for frame in socket:
            if frame.type is WSMsgType.TEXT and frame.json()["op"] == 2:
                await self._identified(socket, frame.json()["d"]["intents"])
        return socket

    async def _identified(self, socket: web.WebSocketResponse, intents: int) -> None:
        if discord.Intents._from_value(intents).message_content and not self.grants_message_content:
            await socket.close(code=_INTENTS_REFUSED)
            return
        ready = {
            "v": 10, "user": _BOT, "guilds": [], "session_id": "1", "resume_gateway_url": self.gateway_url,
            "application": {"id": BOT_ID, "flags": 0},
        }  # fmt: skip
        await socket.send_json({"op": 0, "t": "READY", "s": 1, "d": ready})
        self.identified.set()


def _json(data: Any, status: int = 200) -> web.Response:
    """Without a charset behind the type, as Discord sends it: the library takes anything else for text."""
    return web.Response(body=json.dumps(data).encode(), status=status, content_type="application/json")
