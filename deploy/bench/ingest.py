"""`mentee bench ingest`: FAQ files of growing size, made from the demo product's by a seed, with planted duplicates.

Each entry is a question and an answer of the demo with some of its words after them; every tenth is an earlier one with
a slip of the pen in its question or its answer. Time is that of the whole load as `mentee ingest` does it, redaction
and storage included, and of loading the same file once more; memory is this process's peak so far, so that it shows
whether it grows with the file.
"""

import asyncio
import csv
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.bench.edits import EDITS, words_swapped
from deploy.bench.report import OURS, Bench, Row
from deploy.parts import cleaning
from deploy.settings import read_settings
from learning.sources.ingest import IngestReport, Options, ingest
from storage.database import SqlStore

DEMO = Path(__file__).parents[1] / "demo"
SIZES = (1_000, 10_000, 100_000)
PLANTED_EVERY = 10
MB = 1024 * (1024 if sys.platform == "darwin" else 1)
"""`ru_maxrss` counts bytes there, else KiB."""


def run(bench: Bench) -> None:
    for size in bench.each(SIZES, lambda size: f"{size:,} entries"):
        with tempfile.TemporaryDirectory() as folder:
            _load(bench, Path(folder), size)


def _load(bench: Bench, folder: Path, size: int) -> None:
    path, store = folder / "faq.csv", SqlStore(f"sqlite:///{folder / 'mentee.db'}")
    planted = write_rows(path, size)
    store.migrate()
    try:
        began = time.process_time()
        report, seconds = _timed(path, store)
        busy = time.process_time() - began
        _, again = _timed(path, store)
    finally:
        store.close()
    workload, merged = f"{size:,} entries", report.data.steps["duplicates"].dropped
    bench.add(Row(workload, OURS, "s", (seconds,), note=f"{path.stat().st_size / 1e6:.0f} MB"))
    bench.add(Row(f"{workload}, processor time", OURS, "s", (busy,)))
    bench.add(Row(f"{workload}, unchanged", OURS, "s", (again,)))
    bench.add(Row(f"{workload}, peak memory", OURS, "MB", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB,)))
    bench.figure(f"ingest_{size}_per_s", size / seconds)
    bench.figure(f"ingest_{size}_duplicates_found", merged / planted)
    bench.figure(f"ingest_{size}_contradictions", len(report.data.contradictions))


def _timed(path: Path, store: SqlStore) -> tuple[IngestReport, float]:
    started = time.monotonic()
    report = asyncio.run(ingest([path], store, Options(cleaning(read_settings()))))
    return report, time.monotonic() - started


def write_rows(path: Path, size: int, seed: int = 1) -> int:
    """Write so many entries; how many of them are planted near-duplicates of earlier ones."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["topic", "question", "answer"])
        writer.writerows(_rows(size, random.Random(seed)))
    return (size - 1) // PLANTED_EVERY


def _rows(size: int, rng: random.Random) -> Iterator[tuple[str, str, str]]:
    demo = [row for name in ("faq.csv", "lessons.csv") for row in _read(DEMO / name)]
    words = sorted({word for row in demo for word in row["answer"].split() if word.isalpha()})
    row = ("", "", "")
    for number in range(size):
        if number and number % PLANTED_EVERY == 0:
            yield _edited(row, rng)
            continue
        chosen = rng.choice(demo)
        question = f"{chosen['question'].rstrip('?')} {' '.join(rng.sample(words, 3))}?"
        row = chosen["topic"], question, f"{chosen['answer']} {' '.join(rng.sample(words, 4))}."
        yield row


def _edited(row: tuple[str, str, str], rng: random.Random) -> tuple[str, str, str]:
    topic, question, answer = row
    edit = rng.choice(EDITS)
    if edit is not words_swapped and rng.random() < 0.5:
        return topic, question, edit(answer, rng)
    return topic, edit(question, rng), answer


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
