"""Writes several texts at once with one model: reads prompts in portions, then takes a step for all, drafts included.

A long prompt is read between the steps of the others, short ones in one pass; a text that is finished leaves at once,
and the next one takes its place (continuous batching, Yu et al. 2022). Each text has an adapter of its own, or shares
it with others. Knows nothing of versions or event loops; one thread calls it.
"""

import time
from collections import deque
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch

from bot.errors import MenteeError
from learning.serving.adapted import Adapted, Lora
from learning.serving.drafting import LONG, SHORT
from learning.serving.prefixes import LEAST, Prefixes, common
from learning.serving.proving import rows_for
from learning.serving.request import Request, likeliest_tokens
from learning.serving.rows import Together

ON_GPU = torch.cuda.is_available()
MAX_ROWS = 64 if ON_GPU else 16
"""Texts that are written at once."""
PORTION, PORTION_ALONE = (2048, 8192) if ON_GPU else (128, 512)
"""Tokens of prompts that are read at a time: while others wait for their next word, and while none does or more wait
for their first one: a processor takes them at a better price the more there are."""
SMALL_REST = 0.5
"""Of a portion: what a prompt is read with to its end, since a pass of its own would cost nearly as much again."""
AHEAD, AHEAD_SHARE = 128 if ON_GPU else 16, 0.1
"""Tokens of a prompt that nobody waits for, read at a time while others write; the share of the time that it takes."""
LONGEST_DRAFT = SHORT if ON_GPU else LONG
"""On a GPU longer steps aren't recorded."""
MAX_WIDTH = 256 if ON_GPU else 16
"""Tokens of all rows that are taken in one step at little more than the price of one, drafts included."""
WIDE = 8
"""Tokens of all rows from which a step is a large product, too."""
REHEARSED_STEPS = 12
PREFIX_BYTES = 256 * 2**20
"""For each adapter."""


@dataclass(frozen=True)
class Threads:
    """How many compute: reading multiplies large matrices, writing small ones, which more threads may slow down."""

    reading: int
    writing: int
    writing_wide: int
    """In steps of many texts or with a draft."""


class Decoder:
    def __init__(self, model: Adapted, prefix_bytes: int = PREFIX_BYTES) -> None:
        self.model = model.model
        self._rows = rows_for(model)
        self._prefix_bytes = prefix_bytes
        self._prefixes: WeakKeyDictionary[Lora, Prefixes] = WeakKeyDictionary()  # an adapter's go with it
        self._waiting: deque[Request] = deque()
        self._ahead: deque[Request] = deque()
        self._ahead_from = 0.0  # on the monotonic clock
        self._texts: list[Request] = []  # row by row; between turns only the last one may still be reading

    @property
    def is_idle(self) -> bool:
        return not self._texts and not self._waiting and not self._ahead

    def add(self, request: Request) -> None:
        """One that is to write nothing is read when there is time, for later ones that begin the same."""
        (self._waiting if request.sampling.max_new_tokens else self._ahead).append(request)

    def latest(self, lora: Lora, number: int) -> list[list[int]]:
        """The prompts that were read last with this adapter. Any thread may ask."""
        return [[*prompt] for prompt in self._prefixes[lora].latest(number)] if lora in self._prefixes else []

    @torch.inference_mode()
    def turn(self, threads: Threads, *, is_alone: bool = True) -> None:
        """One portion of one prompt, and one step for all texts that are being written.

        `is_alone`: no other decoder has anything to write.
        """
        self._let_go()
        portion = self._portion(is_alone=is_alone)
        self._admit(portion)
        if any(request.is_reading for request in self._texts):
            torch.set_num_threads(threads.reading)
            self._read(portion)
        elif self._ahead and time.monotonic() >= self._ahead_from:
            torch.set_num_threads(threads.reading)
            self._read_ahead(PORTION if is_alone and not self._texts else AHEAD)
        self._write(threads)

    def fail(self, problem: MenteeError) -> None:
        """End all texts that are being written or read ahead; those that wait are not touched."""
        for request in (*self._texts, *self._ahead):
            request.end(problem)
        self._drop([True] * len(self._texts))
        self._ahead.clear()

    def close(self, problem: MenteeError) -> None:
        """End those that wait, too."""
        self.fail(problem)
        while self._waiting:
            self._waiting.popleft().end(problem)

    @torch.inference_mode()
    def rehearse_reading(self) -> None:
        self._rows.forward(0, [0], [[0] * 2 * PORTION], last=True)
        self._rows.drop({0}, [2 * PORTION])

    @torch.inference_mode()
    def rehearse_writing(self) -> None:
        for step in range(REHEARSED_STEPS):
            self._rows.forward(0, [step], [[0]])
        self._rows.drop({0}, [REHEARSED_STEPS])

    @torch.inference_mode()
    def rehearse_writing_wide(self) -> None:
        for step in range(REHEARSED_STEPS // 4):
            self._rows.forward(0, [step * MAX_WIDTH], [[0] * MAX_WIDTH])
        self._rows.drop({0}, [REHEARSED_STEPS // 4 * MAX_WIDTH])

    # --- who comes and goes ----------------------------------------------------------------------------------------

    def _let_go(self) -> None:
        self._waiting = deque(request for request in self._waiting if not request.fail_if_late())
        self._ahead = deque(request for request in self._ahead if not request.fail_if_late())
        self._drop([request.fail_if_late() for request in self._texts])

    def _drop(self, leaves: list[bool]) -> None:
        if any(leaves):
            leaving = {row for row, leaves_now in enumerate(leaves) if leaves_now}
            self._rows.drop(leaving, [request.read for request in self._texts])
            self._texts = [request for row, request in enumerate(self._texts) if row not in leaving]

    def _portion(self, *, is_alone: bool) -> int:
        writing = sum(not request.is_reading for request in self._texts)
        reading = len(self._waiting) + len(self._texts) - writing
        return PORTION_ALONE if is_alone and (not writing or reading > writing) else PORTION

    def _admit(self, portion: int) -> None:
        """The next text begins where a prompt that was read before goes on differently. Others begin beside it as long
        as all that is left of their prompts is read in this turn."""
        if any(request.is_reading for request in self._texts):
            return
        admitted: list[Request] = []
        widest = 0
        while self._waiting and len(self._texts) < MAX_ROWS:
            request = self._waiting[0]
            kept = None
            if isinstance(self._rows, Together):
                request.read, kept = self._prefixes_of(request).longest(request.prompt)
            widest = max(widest, len(request.prompt) - 1 - request.read)
            if admitted and not self._fits(request, admitted, widest, portion):
                return
            admitted.append(self._waiting.popleft())
            self._texts.append(request)
            if kept is not None and isinstance(self._rows, Together):
                self._rows.restore(len(self._texts) - 1, kept, request.read)

    def _fits(self, request: Request, admitted: list[Request], widest: int, portion: int) -> bool:
        """Beside the others in one pass; not when it would read again what one of them is about to leave to it."""
        reads_the_same = any(
            request.lora is other.lora and common(request.prompt, other.prompt) >= request.read + LEAST
            for other in admitted
        )
        fit = isinstance(self._rows, Together) and (len(admitted) + 1) * widest <= portion
        return fit and not reads_the_same

    # --- reading ---------------------------------------------------------------------------------------------------

    def _read(self, portion: int) -> None:
        """The next portion of the prompts. Where all of them end with it, it gives their first words, too; otherwise
        their last tokens are left for the first step of writing."""
        first = next(row for row, request in enumerate(self._texts) if request.is_reading)
        reading = self._texts[first:]
        left = {len(request.prompt) - request.read for request in reading}
        if max(left) < portion * (1 + SMALL_REST):
            portion = max(left)
        ends = len(left) == 1 and max(left) <= portion
        feeds = [request.prompt[request.read : None if ends else -1][:portion] for request in reading]
        read, loras = [request.read for request in reading], [request.lora for request in reading]
        logits = self._rows.forward(first, read, feeds, loras, last=True)  # (B, 1, V)
        for row, (request, feed) in enumerate(zip(reading, feeds, strict=True), first):
            request.read += len(feed) - ends
            if isinstance(self._rows, Together) and not request.is_reading:
                self._prefixes_of(request).keep(request.prompt[:-1], self._rows.keep(row, request.read))
        if ends:
            self._go_on(reading, [request.prompt[-1:] for request in reading], logits)

    def _read_ahead(self, portion: int) -> None:
        """Into a row that is given back at once: what was read so far is kept among the prefixes."""
        began, request, row = time.monotonic(), self._ahead[0], len(self._texts)
        prefixes, rows = self._prefixes_of(request), self._rows
        read, kept = prefixes.longest(request.prompt)
        feed = request.prompt[read:-1][:portion]
        if not isinstance(rows, Together) or not feed or read < request.read:  # the last: there is no room to keep it
            self._ahead.popleft().end()
            return
        if kept is not None:
            rows.restore(row, kept, read)
        rows.forward(row, [read], [feed], [request.lora], last=True)
        request.read = read + len(feed)
        prefixes.keep(request.prompt[: request.read], rows.keep(row, request.read))
        rows.drop({row}, [*(text.read for text in self._texts), request.read])
        self._ahead_from = began + (time.monotonic() - began) / (AHEAD_SHARE if self._texts else 1)

    def _prefixes_of(self, request: Request) -> Prefixes:
        return self._prefixes.setdefault(request.lora, Prefixes(self._prefix_bytes))

    # --- writing ---------------------------------------------------------------------------------------------------

    def _write(self, threads: Threads) -> None:
        writing = [request for request in self._texts if not request.is_reading]
        if not writing:
            return
        feeds = self._feeds(writing)
        read, loras = [request.read for request in writing], [request.lora for request in writing]
        tokens = len(feeds) * max(map(len, feeds))
        torch.set_num_threads(threads.writing_wide if tokens >= WIDE else threads.writing)
        logits = self._rows.forward(0, read, feeds, loras)  # (B, T, V)
        self._go_on(writing, feeds, logits)

    def _go_on(self, writing: list[Request], feeds: list[list[int]], logits: torch.Tensor) -> None:
        for request, feed, row, likeliest in zip(writing, feeds, logits, likeliest_tokens(logits), strict=True):
            self._take(request, feed, row[: len(feed)], likeliest[: len(feed)])
        self._drop([request.finish is not None for request in self._texts])

    def _feeds(self, writing: list[Request]) -> list[list[int]]:
        """The last token of each text, and its draft. All rows are made as wide as the widest, which costs as much as
        drafts do: they are cut to what half of the texts have."""
        most = min(LONGEST_DRAFT, MAX_WIDTH // len(writing) - 1) if isinstance(self._rows, Together) else 0
        drafts = [request.draft(most) for request in writing]
        half = sorted(map(len, drafts))[len(drafts) // 2]
        return [[request.tokens[-1], *draft[:half]] for request, draft in zip(writing, drafts, strict=True)]

    @staticmethod
    def _take(request: Request, feed: list[int], logits: torch.Tensor, likeliest: list[int]) -> None:
        try:
            request.take(feed, logits, likeliest)
        except MenteeError as problem:
            request.finish = "end"
            request.end(problem)
        else:
            if request.finish is not None:
                request.end()
