"""vLLM's HTTP API, as far as Mentee uses it: chat as a stream, and adapters that are loaded while it runs.

Answers, statuses and wording are those of the real server, which takes an adapter for any base model. What it "writes"
names the model and the question.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web


@dataclass
class FakeVllm:
    root: str = "/models/smol"
    """What it says it was started with."""
    model: str = "smol"
    api_key: str | None = None
    max_lora_rank: int = 16
    allows_loading: bool = True
    knows_system: bool = True
    """False: its model's template raises an error for a system message, as Gemma 2's does."""
    away: int | None = None
    """The status that a proxy before it gives, for everything, while it is started anew."""
    troubles: list[str] = field(default_factory=list)
    """What befalls the next requests for a text, one each: see `_trouble`."""
    retry_after: str | None = "0"
    adapters: dict[str, str] = field(default_factory=dict)
    """The folders of those that are loaded, by name."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client went away in the middle of a text."""
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends a pause."""
    url: str = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeVllm"]:
        app = web.Application(middlewares=[self._authenticate])
        app.router.add_get("/v1/models", self._list, allow_head=False)
        app.router.add_post("/v1/chat/completions", self._chat)
        if self.allows_loading:
            app.router.add_post("/v1/load_lora_adapter", self._load)
            app.router.add_post("/v1/unload_lora_adapter", self._unload)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        try:
            yield self
        finally:
            await runner.cleanup()

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.api_key and request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return web.json_response({"error": "Unauthorized"}, status=401)
        if self.away is not None:
            return web.Response(status=self.away, text="<html>Bad Gateway</html>")
        answer: web.StreamResponse = await handler(request)
        return answer

    # --- models and adapters ------------------------------------------------------------------------------------------

    async def _list(self, _: web.Request) -> web.Response:
        base = {"id": self.model, "object": "model", "owned_by": "vllm", "root": self.root, "parent": None}
        tuned = [{**base, "id": name, "root": path, "parent": self.model} for name, path in self.adapters.items()]
        return web.json_response({"object": "list", "data": [base, *tuned]})

    async def _load(self, request: web.Request) -> web.Response:
        asked = await request.json()
        name, path = asked["lora_name"], asked["lora_path"]
        if name in self.adapters:
            again = "If you want to load the adapter in place, set 'load_inplace' to True."
            return _error(400, f"The lora adapter '{name}' has already been loaded. {again}", "InvalidUserInput")
        config = Path(path) / "adapter_config.json"
        if not config.is_file():
            return _error(404, f"Loading lora {name} failed: No adapter found for {path}", "NotFoundError")
        rank = json.loads(config.read_text())["r"]
        if rank > self.max_lora_rank:
            too_high = f"LoRA rank {rank} is greater than max_lora_rank {self.max_lora_rank}."
            return _error(500, too_high, "InternalServerError")
        self.adapters[name] = path
        return web.Response(text=f"Success: LoRA adapter '{name}' added successfully.")

    async def _unload(self, request: web.Request) -> web.Response:
        name = (await request.json())["lora_name"]
        if self.adapters.pop(name, None) is None:
            return _error(404, f"The lora adapter '{name}' cannot be found.", "NotFoundError")
        return web.Response(text=f"Success: LoRA adapter '{name}' removed successfully.")

    # --- text ---------------------------------------------------------------------------------------------------------

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.asked.append(asked)
        if asked["model"] not in (self.model, *self.adapters):
            return _error(404, f"The model `{asked['model']}` does not exist.", "NotFoundError")
        if not self.knows_system and asked["messages"][0]["role"] == "system":
            return _error(400, "System role not supported", "BadRequestError")
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble == "429":
            headers = {"Retry-After": self.retry_after} if self.retry_after is not None else {}
            return web.Response(status=429, text="Too many requests", headers=headers)
        if trouble == "500":
            return _error(500, "EngineCore encountered an issue.", "InternalServerError")
        return await self._stream(request, asked, trouble)

    async def _stream(self, request: web.Request, asked: dict[str, Any], trouble: str | None) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        words = f"{asked['model']} was asked: {asked['messages'][-1]['content']}".split(" ")
        kept = words[: asked["max_tokens"]]
        try:
            await response.write(b": a comment\n\n" + _event({"role": "assistant", "content": ""}, None))
            await self._trouble(response, trouble)
            for i, word in enumerate(kept):
                await response.write(_event({"content": word if i == 0 else f" {word}"}, None))
                await self._trouble(response, (trouble or "").removesuffix(" later") if i == 1 else None)
        except asyncio.CancelledError:
            self.left.set()
            raise
        await response.write(_event({}, "length" if len(kept) < len(words) else "stop"))
        await response.write(b'data: {"object": "chat.completion.chunk", "choices": [], "usage": {}}\n\n')
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _trouble(self, response: web.StreamResponse, trouble: str | None) -> None:
        """What is written wrongly, or not at all; with " later" in its name, after two words."""
        match trouble:
            case "garbage":
                await response.write(b"data: <html>\n\n")
            case "strange":
                await response.write(b'data: {"choices": [{"delta": 7}]}\n\n')
            case "half":
                await response.write(b'data: {"choices": [{"del')
                await response.write_eof()
            case "error":
                await response.write(b'data: {"error": {"message": "EngineCore died", "code": 500}}\n\n')
            case "no end":
                await response.write_eof()
            case "lost" if response._req is not None and response._req.transport is not None:
                response._req.transport.abort()
            case "pause":
                await self.go_on.wait()
            case "silence":
                await asyncio.Event().wait()


def _event(delta: dict[str, Any], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n".encode()


def _error(status: int, message: str, kind: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": kind, "code": status}}, status=status)
