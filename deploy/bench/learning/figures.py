"""A figure with its 95 % interval. Knows nothing of what was measured.

Questions to one fact stand or fall together, so a bootstrap resamples facts (Efron 1979, clustered). Over several
seeds, the spread between them is added: the facts are the same in all of them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1_000
T_975 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
"""Student's t at 97.5 % for 1, 2, 3 … degrees of freedom; beyond, 1.96 is close enough."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A measure with what is to be said of it, or the reason why there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    of: int = 0
    """How many questions it is a share of."""
    reason: str = ""


def missing(reason: str) -> Figure:
    return Figure(None, reason=reason)


def share(outcomes: Sequence[tuple[str, float]], nothing: str = "There was no such question.") -> Figure:
    """The mean of (fact, value) pairs."""
    if not outcomes:
        return missing(nothing)
    return ratio([(fact, value, 1.0) for fact, value in outcomes])


def ratio(parts: Sequence[tuple[str, float, float]]) -> Figure:
    """Sum of values by sum of weights, of (fact, value, weight)."""
    names = sorted({fact for fact, _, _ in parts})
    row = {name: i for i, name in enumerate(names)}
    values, weights = np.zeros(len(names)), np.zeros(len(names))
    for fact, value, weight in parts:
        values[row[fact]] += value
        weights[row[fact]] += weight
    drawn = draws(len(names))
    return Figure(float(values.sum() / weights.sum()), *interval((drawn @ values) / (drawn @ weights)), len(parts))


def draws(facts: int) -> NDArray[np.int64]:
    """(RESAMPLES, facts): how often each fact is drawn."""
    return np.random.default_rng(0).multinomial(facts, [1 / facts] * facts, RESAMPLES)


def interval(resampled: Array) -> tuple[float | None, float | None]:
    """95 % of what the resamples gave; those that drew nothing say nothing."""
    told = resampled[np.isfinite(resampled)]
    if not len(told):
        return None, None
    low, high = np.quantile(told, (0.025, 0.975))
    return float(low), float(high)


def resampled(facts: Sequence[str], measure: Callable[[Sequence[str]], float | None], of: int) -> Figure:
    """What `measure` says of all facts, with an interval from what it says of resampled ones (a fact may be twice)."""
    value = measure(facts)
    if value is None:
        return Figure(None)
    chosen = np.random.default_rng(0).integers(0, len(facts), (RESAMPLES, len(facts)))
    told = [measure([facts[i] for i in row]) for row in chosen]
    return Figure(value, *interval(np.array([math.nan if each is None else each for each in told])), of)


def over_seeds(runs: Sequence[Mapping[str, Figure]]) -> dict[str, Figure]:
    """Means over seeds. Intervals: half-widths over facts and over seeds (Student's t), added as independent ones."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: _mean([run[name] for run in runs if name in run]) for name in names}


def _mean(figures: Sequence[Figure]) -> Figure:
    told = [figure for figure in figures if figure.value is not None]
    if len(told) < 2:
        return told[0] if told else figures[0]
    values = np.array([figure.value for figure in told])
    student = T_975[len(told) - 2] if len(told) - 2 < len(T_975) else 1.96
    seeds = student * float(values.std(ddof=1)) / math.sqrt(len(told))
    below, above = (_half_width(told, side) for side in ("low", "high"))
    mean = float(values.mean())
    said = " ".join(dict.fromkeys(f.reason for f in told if f.reason))
    return Figure(mean, mean - math.hypot(seeds, below), mean + math.hypot(seeds, above), sum(f.of for f in told), said)


def _half_width(figures: Sequence[Figure], side: str) -> float:
    """Mean distance of that bound from the value; 0 where there is no bound."""
    bounds = [abs(b - f.value) for f in figures if (b := getattr(f, side)) is not None and f.value is not None]
    return sum(bounds) / len(bounds) if bounds else 0.0
