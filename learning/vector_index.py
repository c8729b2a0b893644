"""Finds the entries whose vectors are nearest to a question's. Grows and shrinks entry by entry; nothing is rebuilt.

Up to EXACT_UP_TO vectors all cosines are computed. Beyond that, three looks, each at fewer entries and closer: by the
signs of the components (one bit each), as Hamming distances; by the signs once more, weighed with the question's
components; by exact cosines. Knows nothing of what its entries mean.
"""

import os
import threading
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from learning.encoder import Vectors

EXACT_UP_TO = 20_000
"""No more than a block."""
LONG_LIST = 20_000
SHORTLIST = 4_000
"""What two looks leave. Of a million real texts, 99 % of the ten nearest are among it (`mentee bench retrieval`)."""
SAMPLED = 16
"""Every so many-th distance tells how far the long list must reach."""
WEIGHTS = 2
"""Components weigh 0 to this in the second look, by their magnitude in the question. More finds no more."""
BLOCK = 65_536
"""Vectors are kept in blocks: growing copies nothing, and what is scanned at once stays in the processor's cache."""

_CORES = os.cpu_count() or 1
_POOL = ThreadPoolExecutor(_CORES, thread_name_prefix="search")
"""Blocks are searched side by side."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")
Rows = NDArray[np.intp]
Bits = NDArray[np.uint64]
Numbers = NDArray[Any]


class VectorIndex(Generic[K, V]):
    """Values under keys. Safe to search in one thread while another one changes it."""

    def __init__(self) -> None:
        self._rows = _RowStore()
        self._rows_of: dict[K, list[int]] = {}
        self._values: dict[int, V] = {}
        self._lock = threading.Lock()

    def put(self, key: K, entries: Iterable[tuple[V, Vectors]]) -> None:
        """Put values, each with its vector (D,), in place of all that the key had."""
        with self._lock:
            rows = {self._rows.add(vector): value for value, vector in entries}
            self._values.update(rows)
            self._drop(key)
            self._rows_of[key] = list(rows)

    def remove(self, key: K) -> None:
        """Remove all that the key has; it need not have anything."""
        with self._lock:
            self._drop(key)

    def _drop(self, key: K) -> None:
        for row in self._rows_of.pop(key, ()):
            self._rows.remove(row)
            del self._values[row]

    def nearest(self, question: Vectors, count: int) -> list["Found[V]"]:
        """The `count` values whose vectors have the highest cosine with the question's (D,), best first.

        Only the last look takes the lock: what is put or removed meanwhile is seen as it was or as it is.
        """
        rows = self._rows.nearest(question, count)
        with self._lock:
            known = [(self._values[row], self._rows.vector(row)) for row in rows.tolist() if row in self._values]
        found = [Found(value, float(vector @ question), vector) for value, vector in known]
        return sorted(found, key=lambda each: -each.cosine)

    def __contains__(self, key: K) -> bool:
        return bool(self._rows_of.get(key))

    def __len__(self) -> int:
        return len(self._values)


class Found(NamedTuple, Generic[V]):
    value: V
    cosine: float
    vector: Vectors


class _Block:
    def __init__(self, dimensions: int) -> None:
        self.vectors = np.empty((BLOCK, dimensions), dtype=np.float32)
        self.signs = np.zeros((-(-dimensions // 64), BLOCK), dtype=np.uint64)
        self.signs_by_row = np.zeros(self.signs.shape[::-1], dtype=np.uint64)
        """The same once more: where few rows are looked at, each is one place in memory instead of one a word."""
        self.filled = 0
        """Rows behind that were never written."""

    def distances(self, signs: Bits) -> Numbers:
        """Hamming distances modulo 256, which is quicker: what is far and seems near does not survive the next look."""
        differing = self.signs[:, : self.filled] ^ signs[:, None]
        distances: Numbers = np.bitwise_count(differing).sum(axis=0, dtype=np.uint8)
        return distances

    def weighed(self, distances: Numbers, reach: int, signs: Bits, weights: Bits) -> tuple[Rows, Numbers]:
        """The rows within reach, and of each the weights (WEIGHTS, words) of the components whose signs differ."""
        rows = np.flatnonzero(distances <= reach)
        differing = self.signs_by_row.take(rows, axis=0).T.copy() ^ signs[:, None]
        weighed: Numbers = np.bitwise_count(differing & weights[:, :, None]).sum(axis=(0, 1), dtype=np.uint16)
        return rows, weighed

    def cosines(self, rows: Rows, question: Vectors) -> Vectors:
        """One by one: a product of matrix and vector would wake the threads of BLAS, which then keep the cores busy."""
        cosines: Vectors = np.vecdot(self.vectors.take(rows, axis=0), question)
        return cosines


class _RowStore:
    """Vectors by row number. A removed row is NaN, which sorts behind everything, until another vector takes it."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._count = 0
        self._free: list[int] = []

    def add(self, vector: Vectors) -> int:
        row = self._free.pop() if self._free else self._append(len(vector))
        block, at = self._blocks[row // BLOCK], row % BLOCK
        block.vectors[at] = vector
        block.signs[:, at] = block.signs_by_row[at] = _bits(_turned(vector) > 0)
        block.filled = max(block.filled, at + 1)
        return row

    def _append(self, dimensions: int) -> int:
        if self._count == len(self._blocks) * BLOCK:
            self._blocks.append(_Block(dimensions))
        self._count += 1
        return self._count - 1

    def remove(self, row: int) -> None:
        self._blocks[row // BLOCK].vectors[row % BLOCK] = np.nan
        self._free.append(row)

    def vector(self, row: int) -> Vectors:
        copied: Vectors = self._blocks[row // BLOCK].vectors[row % BLOCK].copy()
        return copied

    def nearest(self, question: Vectors, count: int) -> Rows:
        """Best first. May be called while another thread adds and removes."""
        if not self._count:
            return np.empty(0, np.intp)
        if self._count <= EXACT_UP_TO:
            cosines = self._blocks[0].vectors[: self._count] @ question
            return _best(np.arange(len(cosines)), cosines, count)
        blocks = self._blocks.copy()
        rows = _shortlist(blocks, question)
        parts = np.split(rows % BLOCK, np.searchsorted(rows, np.arange(1, len(blocks)) * BLOCK))
        cosines = np.concatenate(_side_by_side(lambda block, part: block.cosines(part, question), blocks, parts))
        return _best(rows, cosines, count)


def _shortlist(blocks: list[_Block], question: Vectors) -> Rows:
    """About SHORTLIST rows, ascending."""
    turned = _turned(question)
    signs, weights = _bits(turned > 0), _weights(turned)
    distances = _side_by_side(lambda block: block.distances(signs), blocks)
    within = np.bincount(np.concatenate([each[::SAMPLED] for each in distances]), minlength=256).cumsum()
    reach = int(np.searchsorted(within, LONG_LIST // SAMPLED))
    near = _side_by_side(lambda block, each: block.weighed(each, reach, signs, weights), blocks, distances)
    weighed = np.concatenate([each for _, each in near])
    rows = np.concatenate([each + at * BLOCK for at, (each, _) in enumerate(near)])
    nearest: Rows = rows[_least(weighed, SHORTLIST)]
    return nearest


def _best(rows: Rows, cosines: Vectors, count: int) -> Rows:
    """The rows with the highest cosines, best first, those before others that are equal."""
    top = _least(-cosines, count)
    best = top[np.argsort(-cosines[top], kind="stable")[:count]]
    known: Rows = rows[best[~np.isnan(cosines[best])]]
    return known


def _least(values: Numbers, count: int) -> Rows:
    """Where the `count` least values are, ascending, and all that equal the last of them. NaN is the greatest."""
    if len(values) <= count:
        return np.arange(len(values))
    return np.flatnonzero(~(values > np.partition(values, count - 1)[count - 1]))


def _turned(vector: Vectors) -> Vectors:
    """The same vector (D,) seen from another side, so that each component tells as much as any other: the encoder's
    tell less and less, and signs of those that tell little are noise (Gong & Lazebnik 2011, with a random rotation)."""
    turned: Vectors = np.vecdot(_rotation(len(vector)), vector)
    return turned


@cache
def _rotation(dimensions: int) -> Vectors:
    """An orthogonal matrix (D, D), drawn by a seed."""
    drawn = np.random.default_rng(0).standard_normal((dimensions, dimensions))
    rotation: Vectors = np.linalg.qr(drawn)[0].astype(np.float32)
    return rotation


def _bits(components: NDArray[np.bool_]) -> Bits:
    """One bit for each component, in words."""
    packed = np.packbits(components)
    return np.pad(packed, (0, -len(packed) % 8)).view(np.uint64)


def _weights(question: Vectors) -> Bits:
    """(WEIGHTS, words): a component has its bit in as many of the rows as it weighs."""
    magnitudes = np.abs(question)
    step = magnitudes.mean() * 2 / WEIGHTS
    return np.stack([_bits(magnitudes > (steps + 0.5) * step) for steps in range(WEIGHTS)])


def _side_by_side(work: Callable[..., T], *parts: Iterable[Any]) -> list[T]:
    """What `map` gives, on all cores. The pool's own hands over piece by piece, which takes as long as some pieces."""
    waiting = enumerate(zip(*parts, strict=True))
    done: dict[int, T] = {}

    def take(_: int) -> None:
        for at, piece in waiting:
            done[at] = work(*piece)

    list(_POOL.map(take, range(_CORES)))
    return [done[at] for at in sorted(done)]
