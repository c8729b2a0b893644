"""Finds the entries whose vectors are nearest to a question's. Grows and shrinks entry by entry; nothing is rebuilt.

Up to EXACT_UP_TO vectors all cosines are computed. Beyond that, the signs of the components (one bit each) choose a
shortlist by Hamming distance, and exact cosines order the shortlist. Knows nothing of what its entries mean.
"""

import os
import threading
from collections.abc import Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from learning.encoder import Vectors

EXACT_UP_TO = 20_000
"""No more than a block."""
SHORTLIST = 10_000
"""Of a million vectors of real texts, this many hold 99 % of the ten nearest (`mentee bench retrieval`)."""
SAMPLED = 16
"""Every so many-th distance tells how far the shortlist must reach."""
BLOCK = 65_536
"""Vectors are kept in blocks: growing copies nothing, and what is scanned at once stays in the processor's cache."""

_POOL = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="search")
"""Blocks are searched side by side."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Rows = NDArray[np.intp]


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

    def distances(self, signs: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Hamming distances modulo 256, which is quicker: what is far and seems near does not survive the cosines."""
        total = np.zeros(BLOCK, dtype=np.uint8)
        differing, bits = np.empty(BLOCK, dtype=np.uint64), np.empty(BLOCK, dtype=np.uint8)
        for word, wanted in zip(self.signs, signs, strict=True):
            total += np.bitwise_count(np.bitwise_xor(word, wanted, out=differing), out=bits)
        return total


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
        block.signs[:, at] = _signs(vector)
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
            rows = np.arange(len(cosines))
        else:
            rows = self._shortlist(question)
            cosines = self._cosines(rows, question)
        best = np.argsort(-cosines, kind="stable")[:count]
        nearest: Rows = rows[best[~np.isnan(cosines[best])]]
        return nearest

    def _cosines(self, rows: Rows, question: Vectors) -> Vectors:
        """Of the rows, which ascend."""
        starts = np.arange(1, len(self._blocks)) * BLOCK
        parts = np.split(rows % BLOCK, np.searchsorted(rows, starts))
        found = _POOL.map(lambda block, part: block.vectors[part] @ question, self._blocks, parts)
        cosines: Vectors = np.concatenate(list(found))
        return cosines

    def _shortlist(self, question: Vectors) -> Rows:
        """About SHORTLIST rows with the smallest Hamming distances, ascending."""
        signs = _signs(question)
        distances = np.concatenate(list(_POOL.map(lambda block: block.distances(signs), self._blocks)))[: self._count]
        within = np.bincount(distances[::SAMPLED], minlength=256).cumsum()
        return np.flatnonzero(distances <= int(np.searchsorted(within, SHORTLIST // SAMPLED)))


def _signs(vector: Vectors) -> NDArray[np.uint64]:
    """One bit for each component: whether it is above 0."""
    packed = np.packbits(vector > 0)
    return np.pad(packed, (0, -len(packed) % 8)).view(np.uint64)
