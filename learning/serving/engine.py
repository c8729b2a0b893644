"""Generates text with the live adapter on this machine. Swaps adapters without a pause.

Generation runs in a thread of its own; each request keeps the slot that it began with. Knows nothing of questions and
sources: it completes the messages that it gets.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog
import torch
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
    TextStreamer,
)

from bot.errors import AdapterBroken, Busy
from bot.generation import Generation, Sampling
from bot.ids import AdapterId
from bot.ports import AdapterStore
from bot.prompting import Message
from learning.chat_format import encode_prompt
from learning.models import BaseModel
from learning.serving.slots import Slot, load_slot

log = structlog.get_logger()

MAX_WAITING = 32
KEPT_SLOTS = 2  # the live one, and the one before it: a rollback needs no loading

OnText = Callable[[str], None]


class Engine:
    """Implements `bot.ports.Generator`."""

    def __init__(
        self, base: BaseModel, adapter_store: AdapterStore, live: Callable[[], Awaitable[AdapterId | None]]
    ) -> None:
        """`live` tells which adapter is deployed now."""
        self._base = base
        self._adapter_store = adapter_store
        self._live = live
        self._slots: list[Slot] = []  # newest last; the last one serves
        self._refused: AdapterId | None = None
        self._loading = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._waiting = 0
        self._tokenizer: PreTrainedTokenizerBase | None = None

    @property
    def serving(self) -> AdapterId | None:
        """The adapter that the next request will begin with."""
        return self._slots[-1].adapter if self._slots else None

    async def refresh(self) -> None:
        """Make the deployed adapter the serving one. A broken one is refused: what served before goes on serving."""
        async with self._loading:
            wanted = await self._live()
            if self._slots and wanted == self.serving:
                self._refused = None  # should the refused one be promoted again, it gets another chance
                return
            if self._slots and wanted is not None and wanted == self._refused:
                return
            try:
                slot = await self._slot(wanted)
                self._refused = None
            except AdapterBroken as problem:
                log.error("adapter refused", adapter=wanted, reason=str(problem))
                self._refused = wanted
                if self._slots:
                    return
                slot = await self._slot(None)
            self._slots = [*(kept for kept in self._slots if kept is not slot), slot][-KEPT_SLOTS:]
            log.info("adapter serving", adapter=slot.adapter)

    async def generate(
        self, messages: Sequence[Message], sampling: Sampling, *, on_text: OnText | None = None
    ) -> Generation:
        """Complete the messages greedily. Raises Busy when more than MAX_WAITING requests are waiting already."""
        if self._waiting >= MAX_WAITING:
            raise Busy(f"{self._waiting} answers are being written already.")
        loop = asyncio.get_running_loop()
        cancelled = threading.Event()

        def emit(piece: str) -> None:
            if on_text is not None and piece:
                loop.call_soon_threadsafe(on_text, piece)

        self._waiting += 1
        try:
            if not self._slots:
                await self.refresh()
            return await loop.run_in_executor(
                self._thread, self._complete, messages, sampling.max_new_tokens, emit, cancelled
            )
        finally:
            cancelled.set()  # also when the caller went away: the thread stops at its next step
            self._waiting -= 1

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    async def _slot(self, adapter: AdapterId | None) -> Slot:
        for slot in self._slots:
            if slot.adapter == adapter:
                return slot
        if adapter is None:
            return await asyncio.to_thread(load_slot, self._base, None, None)
        self._adapter_store.verify(adapter)
        return await asyncio.to_thread(load_slot, self._base, adapter, self._adapter_store.folder(adapter))

    @torch.inference_mode()
    def _complete(
        self, messages: Sequence[Message], max_new_tokens: int, emit: OnText, cancelled: threading.Event
    ) -> Generation:
        slot = self._slots[-1]  # pinned: a swap in the meantime doesn't touch this request
        if self._tokenizer is None:
            self._tokenizer = AutoTokenizer.from_pretrained(self._base.folder)
        tokenizer = self._tokenizer
        prompt = torch.tensor([encode_prompt(tokenizer, messages)], device=slot.model.device)  # (1, T)
        output = slot.model.generate(  # type: ignore[operator]  # its type is lost behind a decorator
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=tokenizer.eos_token_id,
            streamer=_Pieces(tokenizer, emit),
            stopping_criteria=StoppingCriteriaList([_Cancelled(cancelled)]),
        )
        text = tokenizer.decode(output[0, prompt.shape[1] :], skip_special_tokens=True)
        return Generation(str(text).strip(), slot.adapter)


class _Pieces(TextStreamer):
    """Passes on whole words as they are finished."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, emit: OnText) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self._emit = emit

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self._emit(text)


class _Cancelled(StoppingCriteria):
    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self._cancelled.is_set(), device=input_ids.device)
