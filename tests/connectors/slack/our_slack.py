"""A Slack of our own, for what no peer does: it takes a message and then breaks the line, or asks to come back later.

It keeps messages with their metadata, as Slack does. It is ours: that Slack behaves so is read from its documentation.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]


@dataclass
class OurSlack:
    url: str = ""
    messages: list[Json] = field(default_factory=list)
    breaks: int = 0
    """How many of the next messages are taken and then not answered."""
    busy: list[int] = field(default_factory=list)
    """With which seconds the next messages are refused, one each."""
    resets: int = 0
    refusals: int = 0

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.messages]

    async def answer(self, request: web.Request) -> web.Response:
        sent = {
            **request.query,
            **await (request.json() if request.content_type == "application/json" else request.post()),
        }
        match request.match_info["method"]:
            case "chat.postMessage":
                return self._post(request, sent)
            case "conversations.replies" | "conversations.history":
                thread = sent.get("ts")
                found = [m for m in self.messages if m["channel"] == sent["channel"] and m.get("thread_ts") == thread]
                return web.json_response({"ok": True, "messages": found})
            case _:
                return web.json_response({"ok": False, "error": "unknown_method"})

    def _post(self, request: web.Request, sent: Json) -> web.Response:
        if self.busy:
            self.refusals += 1
            after = str(self.busy.pop())
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": after})
        metadata = sent.get("metadata")
        message = {
            "ts": f"{1_800_000_000 + len(self.messages)}.000100",
            "channel": sent["channel"],
            "thread_ts": sent.get("thread_ts"),
            "text": sent["text"],
            "metadata": json.loads(metadata) if isinstance(metadata, str) else metadata,
        }
        self.messages.append(message)
        if self.breaks:
            self.breaks -= 1
            self.resets += 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"ok": True, "channel": message["channel"], "ts": message["ts"]})


@asynccontextmanager
async def our_slack() -> AsyncIterator[OurSlack]:
    slack = OurSlack()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack.answer)
    async with TestServer(app) as server:
        slack.url = str(server.make_url("/api/"))
        yield slack
