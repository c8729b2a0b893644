"""The frame of every benchmark: rows of measurements, ratios between them, and where they are written.

Rivals take turns, in alternating order, so that a machine that slows down slows both. Each row is written as soon as
it is there: an interrupted benchmark leaves what it has. Knows nothing of what is measured.
"""

import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.bench.machine import describe_machine

T = TypeVar("T")
Better = Literal["less", "more"]

OURS = "mentee"
"""Mentee's name among the contenders."""


@dataclass(frozen=True)
class Row:
    """What one contender needed in one workload: one value for each repetition."""

    workload: str
    contender: str
    unit: str
    values: tuple[float, ...]
    better: Better = "less"
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def ratio_to(self, rival: "Row") -> float:
        """How many times better than the rival, by the medians; above 1 is better."""
        return rival.median / self.median if self.better == "less" else self.median / rival.median


@dataclass
class Bench:
    """One benchmark while it runs."""

    name: str
    path: Path | None
    """Where the report is written as JSON; None: only shown."""
    bar: Progress
    rows: list[Row] = field(default_factory=list)
    ratios: dict[str, float] = field(default_factory=dict)
    """Ours against a rival, better = above 1; and plain figures whose names say their unit."""
    complete: bool = False
    machine: dict[str, Any] = field(default_factory=describe_machine)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def add(self, row: Row) -> Row:
        self.rows.append(row)
        self.write()
        return row

    def figure(self, name: str, value: float) -> None:
        """Put a figure among the ratios: known_p50_ms and its like."""
        self.ratios[name] = value
        self.write()

    def ratio(self, name: str, ours: Row, rival: Row) -> None:
        self.figure(name, ours.ratio_to(rival))

    def each(self, stages: Sequence[T], named: Callable[[T], str] = str) -> Iterator[T]:
        """Go through the stages of the benchmark; the bar shows which one runs."""
        task = self.bar.add_task("", total=len(stages))
        for stage in stages:
            self.bar.update(task, description=named(stage))
            yield stage
            self.bar.advance(task)
        self.bar.remove_task(task)

    def compare(
        self, workload: str, unit: str, contenders: Mapping[str, Callable[[], float]], *, repetitions: int = 3,
        warm_ups: int = 1, better: Better = "less",
    ) -> dict[str, Row]:  # fmt: skip
        """Measure contenders in turns; each returns its own measurement. The warm-up rounds don't count."""
        values: dict[str, list[float]] = {name: [] for name in contenders}
        for name, measure in self._turns(workload, contenders, warm_ups + repetitions):
            values[name].append(measure())
        return {name: self.add(Row(workload, name, unit, tuple(v[warm_ups:]), better)) for name, v in values.items()}

    async def compare_async(
        self, workload: str, unit: str, contenders: Mapping[str, Callable[[], Awaitable[float]]], *,
        repetitions: int = 3, warm_ups: int = 1, better: Better = "less",
    ) -> dict[str, Row]:  # fmt: skip
        """The same for contenders that live in an event loop."""
        values: dict[str, list[float]] = {name: [] for name in contenders}
        for name, measure in self._turns(workload, contenders, warm_ups + repetitions):
            values[name].append(await measure())
        return {name: self.add(Row(workload, name, unit, tuple(v[warm_ups:]), better)) for name, v in values.items()}

    def _turns(self, workload: str, contenders: Mapping[str, T], rounds: int) -> Iterator[tuple[str, T]]:
        return self.each(alternating(contenders, rounds), lambda turn: f"{workload}: {turn[0]}")

    def write(self) -> None:
        if self.path is not None:
            self.path.write_text(json.dumps(self._content(), indent=1, ensure_ascii=False) + "\n")

    def _content(self) -> dict[str, Any]:
        return {
            "bench": self.name,
            "command": ["mentee", *sys.argv[1:]],
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "seconds": round((datetime.now(UTC) - self.started_at).total_seconds(), 1),
            "complete": self.complete,
            "machine": self.machine,
            "ratios": {name: round(value, 3) for name, value in self.ratios.items()},
            "rows": [{**asdict(row), "median": row.median} for row in self.rows],
        }


@contextmanager
def open_bench(name: str, path: Path | None) -> Iterator[Bench]:
    """Start a benchmark; at its end, whatever ends it, what was measured is written and shown."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bench = Bench(name, path, bar)
        try:
            yield bench
            bench.complete = True
        finally:
            bench.write()
            _show(bench, Console())


def alternating(contenders: Mapping[str, T], rounds: int) -> list[tuple[str, T]]:
    """A, B, B, A, A, B …: every contender once in each round, and none always first."""
    forth = list(contenders.items())
    return [turn for i in range(rounds) for turn in (forth if i % 2 == 0 else forth[::-1])]


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not below `percent` % of them."""
    return sorted(values)[max(0, -int(-len(values) * percent // 100) - 1)]


def _show(bench: Bench, out: Console) -> None:
    table = Table("workload", "contender", "median", "spread", "unit", "note", title=bench.name)
    for row in bench.rows:
        spread = f"{min(row.values):.4g} … {max(row.values):.4g}" if len(row.values) > 1 else ""
        table.add_row(row.workload, row.contender, f"{row.median:.4g}", spread, row.unit, row.note)
    out.print(table)
    for name, value in bench.ratios.items():
        out.print(f"{name}: [bold]{value:.3g}[/]")
    machine = bench.machine
    out.print(f"[dim]{machine['cpu']}, {machine['cores']} cores, load {machine['load_average']} at the start[/]")
