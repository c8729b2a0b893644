"""Steps of writing that a GPU is told once, and repeats (CUDA graphs): rows whose passes are recorded.

A step is some hundred small jobs, each of which takes the processor longer to hand out than the GPU to do; a recording
is handed out at once. It holds on to sizes and to where things lie in memory. So rows, tokens and what is looked at are
rounded up, and all is recorded anew when the rows have moved. Rows of several adapters are not recorded: who stands
beside whom changes too often. Knows nothing of texts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import structlog
import torch
from torch import Tensor

from learning.serving.adapted import NOTHING, Adapted, Lora
from learning.serving.row_cache import rounded_up
from learning.serving.rows import Feeds, Together

log = structlog.get_logger()

WIDEST = 8
"""Tokens of a row up to which a pass is recorded: longer ones keep a GPU busy as they are."""
KEPT_BYTES = 2**30
"""Of rows that stay where they lie while nothing is written."""
BY_ROUNDING = 0.2
"""Relative to their size, what logits may differ by where sums are taken in another order; wrong ones do by about 1."""


class Size(NamedTuple):
    rows: int
    width: int
    """Tokens of each row."""
    reach: int
    """Positions that are looked at."""


@dataclass(frozen=True)
class Recording:
    inputs: Tensor  # (4, B, T): tokens, their positions, where they are kept, and in which row
    replay: Callable[[], None]
    logits: Tensor  # (B, T, V), of the last replay


Pass = Callable[[], Tensor]
Recorder = Callable[[Pass], tuple[Callable[[], None], Tensor]]
"""Takes a pass; gives what repeats it, and where it leaves its logits."""


class CudaGraphs:
    """One pool of memory for all recordings: they never run at the same time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.MemPool()  # outlives the recordings in it

    def __call__(self, run: Pass) -> tuple[Callable[[], None], Tensor]:
        """Raises RuntimeError for a pass that waits for the GPU in between, and so can't be recorded."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            run()  # kernels are chosen and loaded the first time, which must not be recorded
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        pool: Any = self._pool.id  # its stub wants another type for the same
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):  # others load versions meanwhile
            logits = run()
        return graph.replay, logits


class Recorded(Together):
    def __init__(self, model: Adapted, record: Recorder) -> None:
        super().__init__(model)
        self._record: Recorder | None = record
        self._recordings: WeakKeyDictionary[Lora, dict[Size, Recording]] = WeakKeyDictionary()
        self._moves = 0  # of the rows, when the recordings were made

    def forward(
        self, first: int, read: Sequence[int], feeds: Feeds, loras: Sequence[Lora] = (), *, last: bool = False
    ) -> Tensor:
        width = max(map(len, feeds))
        if first or last or width > WIDEST or len({*loras}) > 1 or self._record is None or self._cache.is_empty:
            return super().forward(first, read, feeds, loras, last=last)
        lora = loras[0] if loras else NOTHING
        rows, widened = _power_of_two(len(feeds)), _power_of_two(width)
        size = Size(rows, widened, rounded_up(max(read) + widened))
        inputs = _inputs(read, feeds, size)
        if (recording := self._known(lora, size)) is not None:
            recording.inputs.copy_(inputs)
            recording.replay()
            return recording.logits[: len(feeds), :width]
        logits = super().forward(first, read, feeds, loras)
        self._make(self._record, lora, size, inputs, logits)
        return logits

    def clear(self) -> None:
        """The rows stay where they lie, but for what takes much memory."""
        if self._cache.bytes > KEPT_BYTES:
            super().clear()
        self._adapted.forget()

    def _known(self, lora: Lora, size: Size) -> Recording | None:
        self._cache.make_room(size.rows + 1, size.reach)  # the row behind them takes what fills up the others
        if self._moves != self._cache.moves:
            self._recordings.clear()
            self._moves = self._cache.moves
        return self._recordings.get(lora, {}).get(size)

    def _make(self, record: Recorder, lora: Lora, size: Size, inputs: Tensor, expected: Tensor) -> None:
        """`expected`: the logits of the same step, not recorded."""
        inputs = inputs.to(self._model.device)
        try:
            replay, logits = record(lambda: self._pass(lora, size, inputs))
            replay()
            found = logits[: expected.shape[0], : expected.shape[1]]
            difference = float((found.float() - expected.float()).norm() / expected.float().norm())
        except RuntimeError as problem:
            difference = float("inf")
            log.info("steps can't be recorded", reason=f"{type(problem).__name__}: {problem}")
        if difference > BY_ROUNDING:
            self._record = None
            self._recordings.clear()
            log.info("steps are not recorded", difference=difference)
            return
        self._recordings.setdefault(lora, {})[size] = Recording(inputs, replay, logits)

    def _pass(self, lora: Lora, size: Size, inputs: Tensor) -> Tensor:
        tokens, positions, kept_at, rows = inputs
        mask = self._cache.begin_at(0, rows[:, :1], kept_at, size.reach)
        with self._adapted.wearing([lora] * size.rows):
            logits: Tensor = self._model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
            ).logits
        return logits


def _inputs(read: Sequence[int], feeds: Feeds, size: Size) -> Tensor:
    """What fills up the feeds is kept behind them, and written over later; what fills up the rows in one behind them.

    No token stands where no text does: the model may have no position there.
    """
    unused, last = size.rows - len(feeds), max(r + len(feed) for r, feed in zip(read, feeds, strict=True)) - 1
    tokens = [[*feed, *[0] * (size.width - len(feed))] for feed in feeds] + [[0] * size.width] * unused
    kept_at = [list(range(start, start + size.width)) for start in (*read, *[0] * unused)]
    positions = [[min(position, last) for position in row] for row in kept_at]
    rows = [[row] * size.width for row in (*range(len(feeds)), *[size.rows] * unused)]
    return torch.tensor([tokens, positions, kept_at, rows])


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()
