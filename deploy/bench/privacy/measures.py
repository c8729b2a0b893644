"""How much of what is personal is found, how often what is none is touched, and how long it takes."""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.personal import Span
from deploy.bench.privacy.samples import NAMES, STRUCTURED, Sample
from learning.redaction.finder import Finder

Z = 1.96


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else math.nan

    @property
    def bounds(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        if not self.of:
            return math.nan, math.nan
        middle = self.value + Z * Z / (2 * self.of)
        reach = Z * math.sqrt(self.value * (1 - self.value) / self.of + Z * Z / (4 * self.of**2))
        return (middle - reach) / (1 + Z * Z / self.of), (middle + reach) / (1 + Z * Z / self.of)


@dataclass
class Measured:
    found: dict[tuple[str, str], Share]
    """By slot and style."""
    touched: Share
    """Clean sentences in which something was replaced."""
    milliseconds: list[float]
    """Of each sentence, sorted."""
    missed: list[tuple[str, str]] = field(default_factory=list)
    """What was not found in full, with its sentence."""
    wronged: list[tuple[str, str]] = field(default_factory=list)
    """What was taken for personal in clean sentences."""

    def share(self, slots: Sequence[str], styles: Sequence[str]) -> Share:
        chosen = [share for (slot, style), share in self.found.items() if slot in slots and style in styles]
        return Share(sum(share.hits for share in chosen), sum(share.of for share in chosen))

    def quantile(self, q: float) -> float:
        return self.milliseconds[min(int(q * len(self.milliseconds)), len(self.milliseconds) - 1)]

    def summary(self) -> list[tuple[str, Share]]:
        cased, every = ("plain", "slack", "discord"), ("plain", "lower", "slack", "discord")
        return [
            ("structured", self.share(STRUCTURED, every)),
            *((f"  {slot}", self.share((slot,), every)) for slot in STRUCTURED),
            ("names, as written", self.share(NAMES, cased)),
            ("names, lower case", self.share(NAMES, ("lower",))),
            *((f"  {slot}, lower case", self.share((slot,), ("lower",))) for slot in NAMES),
            ("clean sentences touched", self.touched),
        ]


def measure(
    samples: Sequence[Sample], roster: Sequence[str], harmless: Sequence[Sample], finder: Finder | None = None
) -> Measured:
    finder = finder or Finder()
    for name in roster:
        finder.meet(name)
    hits: Counter[tuple[str, str]] = Counter()
    of: Counter[tuple[str, str]] = Counter()
    measured = Measured({}, Share(0, 0), [])
    for sample in samples:
        covered = _covered(_timed(finder, sample, measured))
        for piece in sample.pieces:
            key = piece.slot, sample.style
            of[key] += 1
            places = [i for i in range(piece.start, piece.end) if sample.text[i].isalnum()]
            if covered.issuperset(places):
                hits[key] += 1
            else:
                measured.missed.append((sample.text[piece.start : piece.end], sample.text))
    measured.found = {key: Share(hits[key], of[key]) for key in of}
    touched = 0
    for sample in harmless:
        spans = _timed(finder, sample, measured)
        touched += bool(spans)
        measured.wronged += [(f"{span.kind} {sample.text[span.start : span.end]}", sample.text) for span in spans]
    measured.touched = Share(touched, len(harmless))
    measured.milliseconds.sort()
    return measured


def _timed(finder: Finder, sample: Sample, measured: Measured) -> Sequence[Span]:
    started = time.perf_counter()
    spans = finder.find(sample.text)
    measured.milliseconds.append(1_000 * (time.perf_counter() - started))
    return spans


def _covered(spans: Sequence[Span]) -> set[int]:
    return {place for span in spans for place in range(span.start, span.end)}


def kinds_of(pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for what, _ in pairs:
        counts[what.split(" ")[0]] += 1
    return dict(counts)
