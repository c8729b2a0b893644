"""A scripted Web API on loopback, for what local-slack can't do: refuse, be busy, know admins, groups and guests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]


@dataclass
class Reply:
    body: Json | str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class WebApi:
    url: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    """By method, as `chat.postMessage`; anything else is refused as unknown."""
    before: dict[str, list[Reply]] = field(default_factory=dict)
    """What is answered before that, one each."""
    calls: list[tuple[str, Json]] = field(default_factory=list)

    def called(self, method: str) -> list[Json]:
        return [arguments for name, arguments in self.calls if name == method]

    async def answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        sent = await (request.json() if request.content_type == "application/json" else request.post())
        self.calls.append((method, {**request.query, **sent}))
        reply = self.replies.get(method, Reply({"ok": False, "error": "unknown_method"}))
        if earlier := self.before.get(method):
            reply = earlier.pop(0)
        if isinstance(reply.body, str):
            return web.Response(text=reply.body, status=reply.status, headers=reply.headers, content_type="text/html")
        return web.json_response(reply.body, status=reply.status, headers=reply.headers)


@asynccontextmanager
async def web_api(**replies: Json) -> AsyncIterator[WebApi]:
    """Each keyword is a method with `_` for the dot."""
    api = WebApi(replies={name.replace("_", "."): Reply({"ok": True, **body}) for name, body in replies.items()})
    app = web.Application()
    app.router.add_route("*", "/api/{method}", api.answer)
    async with TestServer(app) as server:
        api.url = str(server.make_url("/api/"))
        yield api
