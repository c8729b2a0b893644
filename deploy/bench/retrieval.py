"""Retrieval over 1,000 to 1,000,000 entries: time, recall against exact search, growth while it searches, memory.

The entries are vectors of real texts, the demo product's, and mixtures of two of those with noise added: at a million
every question has thousands of entries in its neighbourhood. The questions are phrasings that are not among the
texts, encoded as any question is; that is measured apart. Takes 4 GB of memory.
"""

import csv
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

import numpy as np

from deploy.bench import lesson
from deploy.bench.machine import resident_bytes
from deploy.bench.report import OURS, Bench, Row, percentile, seconds
from deploy.parts import say_stage
from deploy.settings import Settings
from learning.calibration import read_demo
from learning.encoder import MpnetEncoder, Vectors
from learning.knowledge import section_text
from learning.models import resolve_encoder
from learning.sources.reading import sections_in
from learning.vector_index import VectorIndex

DEMO = Path(__file__).parents[1] / "demo"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
QUESTIONS = 100
NEAREST = 10
TURN = 10
"""Questions that one contender answers before it is the other's turn: else each would find the caches full of what the
other read."""
MADE_AT_ONCE = 50_000
OWN_SHARE = (0.5, 1.0)
"""Of the first of the two texts that an entry is mixed of."""
NEARNESS = 0.85
"""Cosine of an entry and its mixture without noise."""
EXACT = "numpy, exact"
ON_ALL_CORES_FROM = 100_000
CORES = os.cpu_count() or 1
POOL = ThreadPoolExecutor(CORES)

Index = VectorIndex[int, int]
T = TypeVar("T")


def run(bench: Bench, settings: Settings) -> None:
    encoder = MpnetEncoder(resolve_encoder(settings.cache_dir, say_stage))
    texts, asked = read_texts()
    real = encoder.encode(texts)
    questions = _encode_one_by_one(bench, encoder, asked[:QUESTIONS])
    entries = np.empty((max(SIZES), real.shape[1]), dtype=np.float32)
    index: Index = VectorIndex()
    for size in bench.each(SIZES, lambda size: f"{size:,} entries"):
        filled = len(index)
        make_entries(entries[filled:size], real, seed=filled)
        _fill(bench, index, entries[:size])
        _search(bench, index, entries[:size], questions)
        _search_while_it_grows(bench, index, real, questions)
    lesson.run(bench)


def read_texts() -> tuple[list[str], list[str]]:
    """The demo product's texts, and the questions that are asked."""
    entries, _ = read_demo(DEMO)
    texts = [text for entry in entries for text in (entry.answer, *entry.questions)]
    texts += [section_text(section) for section in sections_in([DEMO / "help"])]
    with (DEMO / "phrasings.csv").open(encoding="utf-8", newline="") as file:
        return texts, [row["question"] for row in csv.DictReader(file) if row["split"] == "test"]


def make_entries(out: Vectors, real: Vectors, seed: int) -> None:
    """Fill `out` with mixtures of two real vectors each, with noise; the first ones are the real vectors themselves."""
    rng = np.random.default_rng(seed)
    for start in range(0, len(out), MADE_AT_ONCE):
        part = out[start : start + MADE_AT_ONCE]
        first, second = rng.integers(len(real), size=(2, len(part)))
        share = rng.uniform(*OWN_SHARE, size=(len(part), 1)).astype(np.float32)
        mixed = _unit(share * real[first] + (1 - share) * real[second])
        noise = _unit(rng.standard_normal(mixed.shape, dtype=np.float32))
        part[:] = _unit(mixed + noise * np.float32(np.sqrt(1 / NEARNESS**2 - 1)))
    if seed == 0:
        out[: len(real)] = real[: len(out)]


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _encode_one_by_one(bench: Bench, encoder: MpnetEncoder, asked: list[str]) -> Vectors:
    encoder.encode(asked[:5])
    times = [seconds(lambda text=text: encoder.encode([text])) * 1e3 for text in asked]  # type: ignore[misc]
    bench.add(Row("encoding a question, apart from the search", OURS, "ms", tuple(times)))
    return encoder.encode(asked)


def _fill(bench: Bench, index: Index, entries: Vectors) -> None:
    before, filled = resident_bytes(), len(index)
    added = len(entries) - filled
    began = time.perf_counter()
    for key in range(filled, len(entries)):
        index.put(key, [(key, entries[key])])
    took = time.perf_counter() - began
    bench.add(Row(f"adding an entry, up to {len(entries):,}", OURS, "ms", (took / added * 1e3,)))
    bench.add(Row(f"memory, {len(entries):,} entries", OURS, "bytes/entry", ((resident_bytes() - before) / added,)))


def _search(bench: Bench, index: Index, entries: Vectors, questions: Vectors) -> None:
    ours, exact, recalls = list[float](), list[float](), list[float]()
    for start in range(0, len(questions), TURN):
        turn = questions[start : start + TURN]
        found = [_timed(ours, lambda q=q: index.nearest(q, NEAREST)) for q in turn]  # type: ignore[misc]
        truth = [_timed(exact, lambda q=q: _exact(entries, q)) for q in turn]  # type: ignore[misc]
        recalls += [len({hit.value for hit in mine} & true) / NEAREST for mine, true in zip(found, truth, strict=True)]
    size = f"{len(entries):,} entries"
    mine = bench.add(Row(f"search, {size}", OURS, "ms", tuple(ours), note=f"p99 {percentile(ours, 99):.1f}"))
    bench.ratio(f"search_{len(entries)}_vs_exact", mine, bench.add(Row(f"search, {size}", EXACT, "ms", tuple(exact))))
    bench.figure(f"search_{len(entries)}_p50_ms", mine.median)
    bench.figure(f"recall_{len(entries)}", float(np.mean(recalls)))


def _exact(entries: Vectors, question: Vectors) -> set[int]:
    """On all cores where that pays: a part of the entries each, since numpy itself uses one here (deploy/__init__)."""
    parts = np.array_split(entries, CORES) if len(entries) >= ON_ALL_CORES_FROM else [entries]
    cosines = np.concatenate(list(POOL.map(lambda part: part @ question, parts)))
    return set(np.argpartition(cosines, -NEAREST)[-NEAREST:].tolist())


def _timed(times: list[float], work: Callable[[], T]) -> T:
    """Add how long it takes, in ms."""
    began = time.perf_counter()
    result = work()
    times.append((time.perf_counter() - began) * 1e3)
    return result


def _search_while_it_grows(bench: Bench, index: Index, real: Vectors, questions: Vectors) -> None:
    size = len(index)
    with _growing(index, real) as waits:
        times = tuple(seconds(lambda q=q: index.nearest(q, NEAREST)) * 1e3 for q in questions)  # type: ignore[misc]
    note = f"p99 {percentile(times, 99):.1f}; {len(waits)} added, the slowest in {max(waits):.1f} ms"
    bench.add(Row(f"search while entries are added, {size:,} entries", OURS, "ms", times, note=note))


@contextmanager
def _growing(index: Index, real: Vectors) -> Iterator[list[float]]:
    """Another thread adds entries, and takes them away at the end; how long each had to wait, in ms."""
    first, ended = len(index), threading.Event()
    waits: list[float] = []

    def add() -> None:
        for key in count(first):
            waits.append(seconds(lambda key=key: index.put(key, [(key, real[key % len(real)])])) * 1e3)  # type: ignore[misc]
            if ended.wait(0.001):
                break

    adding = threading.Thread(target=add)
    adding.start()
    try:
        yield waits
    finally:
        ended.set()
        adding.join()
        for key in range(first, first + len(waits)):
            index.remove(key)
