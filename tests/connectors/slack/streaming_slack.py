"""A Slack of our own that streams: it keeps messages as Slack's documentation says that its streaming methods do.

No peer has these methods. What is ours here is read from Slack's reference and from its SDK's own tests: a stream is a
reply in a thread that begins without metadata, takes text until it is stopped, and can be rewritten only then.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]
ME = "U0BOT"


@dataclass
class StreamingSlack:
    url: str = ""
    messages: dict[str, Json] = field(default_factory=dict)
    """By ts: what stands in the channel."""
    calls: list[str] = field(default_factory=list)
    breaks: dict[str, int] = field(default_factory=dict)
    """Of which method so many next calls are taken, and then not answered."""
    breaks_by_chance: random.Random | None = None
    """With it, every third call is taken and then not answered."""
    broken: int = 0
    refuses: dict[str, str] = field(default_factory=dict)
    """Methods that are refused, with which error."""
    _next: int = 0

    @property
    def texts(self) -> list[str]:
        return [message["text"] for _, message in sorted(self.messages.items())]

    @property
    def unfinished(self) -> list[str]:
        return [ts for ts, message in self.messages.items() if message["streams"]]

    def add(self, **message: Any) -> str:
        self._next += 1
        ts = f"{1_900_000_000 + self._next}.000100"
        self.messages[ts] = {"ts": ts, "user": ME, "bot_id": "B0BOT", "text": "", "streams": False, **message}
        return ts

    async def answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        sent = await (request.json() if request.content_type == "application/json" else request.post())
        self.calls.append(method)
        if method in self.refuses:
            error = self.refuses[method]
            return web.json_response({"ok": False, "error": error}, status=429 if error == "ratelimited" else 200)
        told = self._do(method, {**request.query, **sent})
        by_chance = self.breaks_by_chance is not None and self.breaks_by_chance.random() < 1 / 3
        if self.breaks.get(method) or by_chance:
            self.breaks[method] = self.breaks.get(method, 0) - (not by_chance)
            self.broken += 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"ok": "error" not in told, **told})

    def _do(self, method: str, sent: Json) -> Json:
        match method:
            case "auth.test":
                return {"user_id": ME, "team_id": "T1"}
            case "chat.startStream" if not sent.get("recipient_user_id") or not sent.get("recipient_team_id"):
                return {"error": "missing_recipient_user_id"}
            case "chat.startStream":
                return {"ts": self.add(text=_text(sent), thread_ts=sent["thread_ts"], streams=True)}
            case "chat.postMessage":
                kept = {key: sent.get(key) for key in ("text", "thread_ts", "blocks", "metadata")}
                return {"channel": sent["channel"], "ts": self.add(**kept)}
            case "conversations.replies":
                there = [message for message in self.messages.values() if message["thread_ts"] == sent["ts"]]
                return {"messages": sorted(there, key=lambda message: str(message["ts"]))}
            case "chat.appendStream" | "chat.stopStream" | "chat.update" | "chat.delete":
                return self._change(method, sent)
            case _:
                return {}

    def _change(self, method: str, sent: Json) -> Json:
        message = self.messages.get(sent["ts"])
        if message is None:
            return {"error": "message_not_found"}
        if message["streams"] is not (method in ("chat.appendStream", "chat.stopStream")):
            return {"error": "streaming_state_conflict" if message["streams"] else "message_not_in_streaming_state"}
        match method:
            case "chat.appendStream":
                message["text"] += _text(sent)
            case "chat.stopStream":
                message["streams"] = False
            case "chat.delete":
                del self.messages[sent["ts"]]
            case _:
                message |= {key: sent[key] for key in ("text", "blocks", "metadata") if key in sent}
        return {"ts": sent["ts"]}


def _text(sent: Json) -> str:
    return "".join(chunk["text"] for chunk in sent.get("chunks") or [])


@asynccontextmanager
async def streaming_slack() -> AsyncIterator[StreamingSlack]:
    slack = StreamingSlack()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack.answer)
    async with TestServer(app) as server:
        slack.url = str(server.make_url("/api/"))
        yield slack
