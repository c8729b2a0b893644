"""The data report: what came in, what was dropped and why, with examples, and what remains. Counts; decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

MAX_EXAMPLES = 3
EXAMPLE_CHARS = 120
MAX_CONTRADICTIONS = 100


@dataclass
class Effect:
    """What one step did."""

    changed: int = 0
    """Texts."""
    dropped: int = 0
    """Entries."""
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Contradiction:
    """The same question with differing answers; the first one goes on being served."""

    question: str
    answer: str
    where: str
    other: str
    other_where: str


@dataclass
class DataReport:
    files: int = 0
    """That were read."""
    sections: int = 0
    entries: int = 0
    """FAQ entries that came in."""
    pairs: int = 0
    """Of conversations."""
    steps: dict[str, Effect] = field(default_factory=dict)
    contradictions: list[Contradiction] = field(default_factory=list)
    languages: dict[str, int] = field(default_factory=dict)
    topics: dict[str, int] = field(default_factory=dict)
    """Of the entries that remain."""
    quality: dict[str, int] = field(default_factory=dict)
    """How many of those are good, fair, poor."""
    kept_entries: int = 0
    kept_pairs: int = 0
    dropped_files: list[Path] = field(default_factory=list)
    review_files: list[Path] = field(default_factory=list)

    @property
    def dropped(self) -> int:
        return sum(effect.dropped for effect in self.steps.values())

    def changed(self, step: str, before: str, after: str, shown: Callable[[str], str]) -> None:
        """`shown`: redacts what is shown as an example."""
        effect = self.steps.setdefault(step, Effect())
        effect.changed += 1
        if len(effect.examples) < MAX_EXAMPLES:
            effect.examples.append(_difference(shown(before), shown(after)))

    def drop(self, step: str, question: str, reason: str) -> None:
        effect = self.steps.setdefault(step, Effect())
        effect.dropped += 1
        if len(effect.examples) < MAX_EXAMPLES:
            effect.examples.append(f"{question[:EXAMPLE_CHARS]!r}: {reason}")

    def contradict(self, question: str, answer: str, where: str, other: str, other_where: str) -> None:
        self.drop("contradictions", question, f"{where} says {answer[:60]!r}, {other_where} says {other[:60]!r}")
        if len(self.contradictions) < MAX_CONTRADICTIONS:
            self.contradictions.append(Contradiction(question, answer, where, other, other_where))


def _difference(before: str, after: str) -> str:
    """Both texts from a little before where they begin to differ; where they don't, since it was redacted, one."""
    if before == after:
        return repr(after[:EXAMPLE_CHARS])
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    start, half = max(0, at - 15), EXAMPLE_CHARS // 2
    return f"{before[start : start + half]!r} → {after[start : start + half]!r}"
