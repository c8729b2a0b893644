"""What a harness found: how often a promise was tried, how often it was broken, and which seeded bugs it noticed."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

MOST_SHOWN = 5


@dataclass
class Tally:
    promise: str
    tries: int = 0
    failures: list[str] = field(default_factory=list)
    """Each names what was broken."""
    notes: list[str] = field(default_factory=list)
    mutants: dict[str, bool] = field(default_factory=dict)
    """Seeded bugs, and whether the harness noticed them."""
    seconds: float = 0.0
    skipped: str = ""
    """Why it was not run; empty when it was."""

    def check(self, holds: bool, otherwise: str) -> None:
        """Count one try."""
        self.tries += 1
        if not holds:
            self.failures.append(otherwise)

    @property
    def passed(self) -> bool:
        return not self.skipped and self.tries > 0 and not self.failures and all(self.mutants.values())


def show(tallies: Sequence[Tally]) -> None:
    table = Table("promise", "tries", "failures", "seeded bugs noticed", "s", "notes")
    for each in tallies:
        table.add_row(*_row(each))
    console = Console(width=None if Console().is_terminal else 170)
    console.print(table)
    for each in tallies:
        for failure in each.failures[:MOST_SHOWN]:
            console.print(f"✗ {each.promise}: {failure}", markup=False)


def _row(tally: Tally) -> tuple[str, ...]:
    noticed = f"{sum(tally.mutants.values())} of {len(tally.mutants)}" if tally.mutants else ""
    missed = [name for name, was_noticed in tally.mutants.items() if not was_noticed]
    notes = [f"not run: {tally.skipped}"] if tally.skipped else [*tally.notes, *(f"missed: {name}" for name in missed)]
    return (
        tally.promise, f"{tally.tries:,}", str(len(tally.failures)), noticed, f"{tally.seconds:.0f}", "; ".join(notes),
    )  # fmt: skip


def write(tallies: Sequence[Tally], path: Path) -> None:
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "passed": all(each.passed for each in tallies if not each.skipped),
        "promises": [{**asdict(each), "passed": each.passed} for each in tallies],
    }
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
