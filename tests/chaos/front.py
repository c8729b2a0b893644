"""A front of our own before local-slack's Web API, for what that leaves out.

Slack keeps the metadata of messages and shows it in histories; and the address of the socket leads through a proxy.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.connectors.slack.local_slack import LocalSlack

PASSED_ON = ("authorization", "content-type")


@dataclass
class Front:
    slack: LocalSlack
    socket_port: int
    """Where the bot is sent for its socket."""
    _metadata: dict[str, Any] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        method, sent = request.match_info["method"], await request.read()
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        url = f"{self.slack.api_url}{method}"
        async with self.slack.session.request(
            request.method, url, params=request.query, data=sent, headers=headers
        ) as answered:
            told = await answered.json()
        if method in ("chat.postMessage", "chat.update") and told.get("ok"):
            self._metadata[told["ts"]] = _metadata(request.content_type, sent)
        for message in told.get("messages", ()):
            message["metadata"] = self._metadata.get(message["ts"])
        if method == "apps.connections.open":
            told["url"] = told["url"].replace(self.slack.url.partition("//")[2], f"127.0.0.1:{self.socket_port}")
        return web.json_response(told, status=answered.status)


def _metadata(content_type: str, sent: bytes) -> Any:
    given = json.loads(sent) if content_type == "application/json" else parse_qs(sent.decode())
    metadata = given.get("metadata")
    metadata = metadata[0] if isinstance(metadata, list) else metadata
    return json.loads(metadata) if isinstance(metadata, str) else metadata


@asynccontextmanager
async def front(slack: LocalSlack, socket_port: int) -> AsyncIterator[int]:
    """Its port."""
    app = web.Application()
    app.router.add_route("*", "/api/{method}", Front(slack, socket_port).answer)
    async with TestServer(app) as server:
        assert server.port is not None
        yield server.port
