"""What one more version takes: a whole model merged by peft, or ours beside the base that versions share.

Each is loaded in a process of its own: memory that was freed before would hide it.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from transformers import AutoTokenizer

from deploy.bench.machine import resident_bytes
from deploy.bench.reader import Reader
from deploy.bench.report import OURS, Bench, Row
from deploy.bench.rivals import TRANSFORMERS
from learning.serving.merging import load_merged
from learning.serving.slots import Slots

WORKLOAD = "memory for each version"
MB = 1e6
VERSIONS = 16
"""More of ours: each is so small that one alone may find room in what the process had already."""


def run(bench: Bench, reader: Reader) -> None:
    theirs = bench.add(Row(WORKLOAD, f"{TRANSFORMERS}, fp32", "MB", (_in_own_process(exact_mb, reader)[0],)))
    grown, precision = _in_own_process(ours_mb, reader)
    ours = bench.add(Row(WORKLOAD, OURS, "MB", (grown,), note=f"weights in {precision}"))
    bench.ratio("memory_vs_fp32", ours, theirs)


def exact_mb(reader: Reader) -> tuple[float, str]:
    return _each(1, lambda: load_merged(reader.base, reader.folder)), "fp32"


def ours_mb(reader: Reader) -> tuple[float, str]:
    tokenizer = AutoTokenizer.from_pretrained(reader.base.folder)
    slots = Slots(reader.base, tokenizer)
    grown = _each(VERSIONS, lambda: slots.load(reader.adapter, reader.folder))
    return grown, str(slots.precision)


def _each(more: int, load: Callable[[], object]) -> float:
    """What the process grows by with each further one, MB: the first takes what is taken only once."""
    kept = [load()]
    before = resident_bytes()
    kept += [load() for _ in range(more)]
    return (resident_bytes() - before) / more / MB


def _in_own_process(measure: Callable[[Reader], tuple[float, str]], reader: Reader) -> tuple[float, str]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, reader).result()
