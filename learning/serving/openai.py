"""Generates text with a server that speaks OpenAI's API: vLLM, llama.cpp's server, Ollama.

vLLM loads adapters while it runs, from the folder in which Mentee keeps them: it has to see it under the same path.
Other servers write with their base model alone, and the text says so. The server lays out the prompt itself, by its
model's chat template.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import structlog

from bot.errors import AdapterBroken, EngineFailed, NotWritten
from bot.generation import Generation, Sampling
from bot.ids import AdapterId
from bot.ports import AdapterStore
from bot.prompting import Message
from learning.chat_format import in_turn, without_system
from learning.models import BaseModel
from learning.serving.openai_server import Server
from learning.serving.streaming import (
    Event,
    Finish,
    NotTaken,
    NotThere,
    OnText,
    ServerBroke,
    ServerBusy,
    Text,
    within,
    write,
)
from learning.serving.versions import Live, Versions

log = structlog.get_logger()

MAX_PAUSE_S = 5.0
"""A busy server that asks for a longer pause is not asked again."""
NO_THINKING: Event = {"chat_template_kwargs": {"enable_thinking": False}}
"""vLLM and llama.cpp give it to the model's template; Ollama takes no notice."""
FINISH: dict[str | None, Finish | None] = {None: None, "stop": "end", "length": "length"}


@dataclass(frozen=True, eq=False)
class Loaded:
    """Implements `learning.serving.versions.Version`."""

    adapter: AdapterId | None
    server: Server

    @property
    def model(self) -> str:
        return self.adapter or self.server.model

    async def free(self) -> None:
        if self.adapter is None:
            return
        try:
            await self.server.unload(self.adapter)
        except NotWritten as problem:
            log.warning("adapter not unloaded", adapter=self.adapter, reason=str(problem))


class OpenAiEngine:
    """Implements `bot.ports.Generator`."""

    def __init__(self, server: Server, base: BaseModel, adapter_store: AdapterStore, live: Live) -> None:
        """`base` is what adapters are trained for; the server has to serve the same one, or it gets no adapters."""
        self._server = server
        self._base = base
        self._adapter_store = adapter_store
        self._versions = Versions[Loaded](live, self._load)
        self.refresh = self._versions.refresh
        self.prepare = self._versions.prepare

    @property
    def serving(self) -> AdapterId | None:
        """The adapter that the next request will begin with."""
        return self._versions.serving

    async def generate(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        on_text: OnText | None = None,
        prefer: AdapterId | None = None,
    ) -> Generation:
        """Complete the messages. Raises Busy, TooLate, EngineFailed."""
        async with within(sampling.deadline_s), self._versions.pinned(prefer) as loaded:
            return await self._written(loaded, messages, sampling, on_text)

    def resting(self) -> AbstractContextManager[None]:
        """Nothing is computed in this process."""
        return nullcontext()

    def close(self) -> None:
        """Nothing is held: each request has a connection of its own."""

    async def _load(self, adapter: AdapterId | None) -> Loaded:
        """Raises AdapterBroken, and EngineFailed or Busy when it may work later."""
        if adapter is not None:
            await asyncio.to_thread(self._adapter_store.verify, adapter)
            if not await self._server.loads_adapters():
                raise AdapterBroken(
                    f"{self._server.url} can't load adapters while it runs; its base model answers. With vLLM, start "
                    "it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=true."
                )
            await self._server.check_base(self._base)
            await self._server.load(adapter, str(self._adapter_store.folder(adapter).absolute()))
        return Loaded(adapter, self._server)

    # --- writing ----------------------------------------------------------------------------------------------------

    async def _written(
        self, loaded: Loaded, messages: Sequence[Message], sampling: Sampling, on_text: OnText | None
    ) -> Generation:
        """Tried twice, unless somebody has read the beginning already."""
        text = Text(sampling.stop, on_text)
        try:
            finish = await self._write(loaded, messages, sampling, text)
        except (ServerBusy, ServerBroke, NotThere) as problem:
            if text.shown:
                raise
            await self._before_trying_again(problem, loaded.adapter)
            text = Text(sampling.stop, on_text)
            finish = await self._write(loaded, messages, sampling, text)
        return Generation(str(text), loaded.adapter, finish)

    async def _before_trying_again(self, problem: NotWritten, adapter: AdapterId | None) -> None:
        """Raises the problem itself where a second try is of no use."""
        match problem:
            case ServerBusy(retry_after_s=pause_s):
                if pause_s > MAX_PAUSE_S:
                    raise problem
                await asyncio.sleep(pause_s)
            case NotThere() if adapter is None:
                raise problem
            case NotThere():  # a server that was started anew has forgotten its adapters
                try:
                    await self._load(adapter)
                except AdapterBroken as broken:
                    raise EngineFailed(str(broken)) from broken

    async def _write(self, loaded: Loaded, messages: Sequence[Message], sampling: Sampling, text: Text) -> Finish:
        """As the text was trained (`chat_format`): in turns, and without thinking at length first. A server that won't
        have it so is asked once more in words that all know: for some models there is no system message (Gemma 2)."""
        turns = in_turn(messages)
        try:
            return await self._ask(loaded, turns, sampling, text, NO_THINKING)
        except NotTaken:
            return await self._ask(loaded, without_system(turns), sampling, text, {})

    async def _ask(
        self, loaded: Loaded, turns: Sequence[Message], sampling: Sampling, text: Text, more: Event
    ) -> Finish:
        request = {
            "model": loaded.model,
            "messages": [{"role": turn.role, "content": turn.content} for turn in turns],
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stream": True,
            **more,
        }
        return await write(f"{self._server.url}/chat/completions", request, self._server.api_key, _parse, text)


def _parse(event: Event) -> tuple[str, Finish | None]:
    if not event["choices"]:
        return "", None  # counts of tokens
    (choice,) = event["choices"]
    return choice["delta"].get("content") or "", FINISH[choice.get("finish_reason")]
