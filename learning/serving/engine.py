"""Generates text with the live adapter on this machine. Swaps adapters without a pause.

One thread runs the model that all versions share; each request keeps the version that it began with. Knows nothing of
questions and sources: it completes the messages it gets.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from bot.errors import MenteeError
from bot.generation import Generation, Sampling
from bot.ids import AdapterId
from bot.ports import AdapterStore
from bot.prompting import Message
from learning.greedy import ends_of
from learning.models import BaseModel
from learning.serving.decoding import MAX_ROWS
from learning.serving.request import Request
from learning.serving.slots import Slot, Slots, Wanted
from learning.serving.versions import KEPT, Versions
from learning.serving.window import fit_prompt, window_of
from learning.serving.worker import Worker

OnText = Callable[[str], None]

READ_AHEAD, READ_AHEAD_S = 4, 20.0
"""Prompts that a new version has read before it serves, unless that takes longer."""


class Engine:
    """Implements `bot.ports.Generator`."""

    def __init__(
        self,
        base: BaseModel,
        adapter_store: AdapterStore,
        live: Callable[[], Awaitable[AdapterId | None]],
        *,
        precision: Wanted = "auto",
        kept_slots: int = KEPT,
    ) -> None:
        """`live` tells which adapter is deployed now."""
        self._base = base
        self._adapter_store = adapter_store
        self._precision: Wanted = precision
        self._slots: Slots | None = None
        self._versions = Versions[Slot](live, self._load, kept_slots, 2 * MAX_ROWS)  # as many wait as are written
        self._tokenizer: PreTrainedTokenizerBase | None = None
        self._worker = Worker()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loader", initializer=_give_way)
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
        """Complete the messages with the preferred adapter, or the serving one. Raises Busy, TooLate, EngineFailed."""
        async with self._versions.pinned(prefer) as slot:
            return await self._complete(slot, messages, sampling, on_text)

    async def generate_with(
        self, adapter: AdapterId | None, messages: Sequence[Message], sampling: Sampling
    ) -> Generation:
        """The same with an adapter that need not be the serving one. Raises AdapterBroken, too."""
        async with self._versions.pinned_to(adapter) as slot:
            return await self._complete(slot, messages, sampling, None)

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """No step is computed for as long as it lasts, from the end of the one that has begun."""
        self._worker.rest()
        try:
            yield
        finally:
            self._worker.go_on()

    def close(self) -> None:
        """What is being written fails; the threads end."""
        self._loader.shutdown(cancel_futures=True)
        self._worker.close()

    async def _load(self, adapter: AdapterId | None) -> Slot:
        slot = await asyncio.get_running_loop().run_in_executor(self._loader, self._load_slot, adapter)
        await asyncio.to_thread(self._worker.start(slot.decoder).wait)
        if self._versions.kept:
            await self._read_ahead(slot, self._versions.kept[-1])
        return slot

    async def _read_ahead(self, slot: Slot, before: Slot) -> None:
        """What was asked last begins like what will be asked next: whoever asks first should not wait longer for it."""
        with contextlib.suppress(MenteeError, TimeoutError):
            async with asyncio.timeout(READ_AHEAD_S):
                for prompt in before.decoder.latest(before.lora, READ_AHEAD):
                    await self._write(slot, [*prompt, prompt[-1]], Sampling(0), None)  # the last token is not read

    def _load_slot(self, adapter: AdapterId | None) -> Slot:
        if self._tokenizer is None or self._slots is None:
            self._tokenizer = AutoTokenizer.from_pretrained(self._base.folder)
            self._slots = Slots(self._base, self._tokenizer, self._precision)
        if adapter is None:
            return self._slots.load(None, None)
        self._adapter_store.verify(adapter)
        return self._slots.load(adapter, self._adapter_store.folder(adapter))

    # --- writing ---------------------------------------------------------------------------------------------------

    async def _complete(
        self, slot: Slot, messages: Sequence[Message], sampling: Sampling, on_text: OnText | None
    ) -> Generation:
        assert self._tokenizer is not None
        window = window_of(slot.model.config, self._tokenizer)
        prompt = fit_prompt(self._tokenizer, messages, window - sampling.max_new_tokens)
        return await self._write(slot, prompt, sampling, on_text)

    async def _write(self, slot: Slot, prompt: list[int], sampling: Sampling, on_text: OnText | None) -> Generation:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Generation] = loop.create_future()

        def tell(call: Callable[..., object], *given: object) -> None:
            with contextlib.suppress(RuntimeError):  # the event loop has ended
                loop.call_soon_threadsafe(call, *given)

        def piece(text: str) -> None:
            if on_text is not None:
                tell(on_text, text)

        def end(request: Request, problem: MenteeError | None) -> None:
            tell(_settle, done, slot, request, problem)

        assert self._tokenizer is not None
        ends = ends_of(slot.model, self._tokenizer)
        request = Request.make(prompt, sampling, self._tokenizer, ends, piece, end, slot.lora)
        self._worker.add(slot.decoder, request)
        try:
            return await done
        finally:
            request.cancelled.set()  # also when the caller went away: its row is free from the next step on


def _give_way() -> None:
    """A version that is being loaded must not slow down what is being written."""
    torch.set_num_threads(1)
    with contextlib.suppress(OSError, AttributeError):  # threads have priorities of their own on Linux alone
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _settle(done: asyncio.Future[Generation], slot: Slot, request: Request, problem: MenteeError | None) -> None:
    if done.done():
        return
    if problem is not None:
        done.set_exception(problem)
    else:
        done.set_result(Generation(str(request.text), slot.adapter, request.finish or "end"))
