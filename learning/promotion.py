"""The gate: champion against challenger on the same held-out items. Promotes only what measurably answers better and
has forgotten nothing.

Paired bootstrap that resamples facts (Efron 1979; clustered, as items of one fact stand or fall together), one-sided.
With few facts, or few answers that changed, it is too sure of itself. So the gain itself must also hold for random
subsets of the facts (typical values, Hartigan 1969), which is exact at any size where the challenger is no better.
Each look at a new challenger spends a part of the error: alpha_t = alpha / (t (t + 1)), so that all looks together
promote a challenger that is no better with probability of at most alpha.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.lineage import Decision, Evaluation, Measure
from learning.evaluation import Score
from learning.examples import Kind

ALPHA = 0.05
MARGIN = 0.05
"""How much worse, in ROUGE-L, either kind of question may get at most."""
GENERAL_MARGIN = 0.1
"""How much general texts may lose at most, in nats per token."""
MIN_FACTS = 8
RESAMPLES = 10_000

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    decision: Decision
    reasons: tuple[str, ...]
    evaluation: Evaluation


def decide(champion: Sequence[Score], challenger: Sequence[Score], earlier_looks: int) -> Verdict:
    """Promote or reject. Both score lists are for the same items in the same order."""
    look = earlier_looks + 1
    alpha = ALPHA / (look * (look + 1))
    answers = _measure("answers", (Kind.RECALL, Kind.READING), champion, challenger, alpha, above=0.0)
    measures = [answers]
    for kind in (Kind.RECALL, Kind.READING):
        if any(score.kind is kind for score in champion):
            measures.append(_measure(kind, (kind,), champion, challenger, alpha, above=-MARGIN))
    measures.append(_measure("general", (Kind.GENERAL,), champion, challenger, alpha, below=GENERAL_MARGIN))
    evaluation = Evaluation(tuple(measures), confidence=1 - alpha)

    reasons = [_explain(measure) for measure in measures if not measure.passed]
    if not all(math.isfinite(score.value) for score in challenger):
        reasons.insert(0, "The new adapter produces numbers that are not finite.")
    facts = len({score.fact for score in champion if score.kind is not Kind.GENERAL})
    if facts < MIN_FACTS:
        reasons.append(f"Only {facts} facts could be judged, {MIN_FACTS} are needed.")
    if reasons:
        return Verdict(Decision.REJECTED, tuple(reasons), evaluation)
    return Verdict(Decision.PROMOTED, tuple(_explain(measure) for measure in measures), evaluation)


def _measure(
    name: str,
    kinds: Sequence[Kind],
    champion: Sequence[Score],
    challenger: Sequence[Score],
    alpha: float,
    *,
    above: float | None = None,
    below: float | None = None,
) -> Measure:
    pairs = [(old, new) for old, new in zip(champion, challenger, strict=True) if old.kind in kinds]
    old_mean = _mean([old.value for old, _ in pairs])
    new_mean = _mean([new.value for _, new in pairs])
    exact = above == 0.0
    lower, upper = paired_interval([old for old, _ in pairs], [new for _, new in pairs], alpha, exact=exact)
    passed = lower > above if above is not None else below is not None and upper < below
    requirement = f"at least {above:+.2f}" if above is not None else f"at most {below:+.2f}"
    return Measure(
        name=name,
        unit="nats per token, less is better" if Kind.GENERAL in kinds else "ROUGE-L",
        items=len(pairs),
        champion=old_mean,
        challenger=new_mean,
        lower=lower,
        upper=upper,
        requirement=f"difference {requirement}, surely",
        passed=passed,
    )


def paired_interval(
    champion: Sequence[Score], challenger: Sequence[Score], alpha: float, *, exact: bool = False
) -> tuple[float, float]:
    """One-sided (1 - alpha) bounds, below and above, on the mean difference challenger - champion.

    Exact: at most alpha of all challengers that are no better get a lower bound above zero, however few the facts.
    """
    differences: dict[str, list[float]] = {}
    for old, new in zip(champion, challenger, strict=True):
        differences.setdefault(old.fact, []).append(new.value - old.value)
    if not differences or not all(math.isfinite(d) for ds in differences.values() for d in ds):
        return -math.inf, math.inf
    sums = np.array([sum(ds) for ds in differences.values()])  # (F,)
    counts = np.array([len(ds) for ds in differences.values()])  # (F,)
    rng = np.random.default_rng(0)
    facts = len(sums)
    weights = [rng.multinomial(facts, [1 / facts] * facts, RESAMPLES)]  # (R, F): how often each is drawn
    if exact:
        weights.append(rng.integers(0, 2, (RESAMPLES, facts)))
    bounds = [_bounds(each @ sums, each @ counts, alpha) for each in weights]
    return min(lower for lower, _ in bounds), max(upper for _, upper in bounds)


def _bounds(sums: Array, counts: Array, alpha: float) -> tuple[float, float]:
    """Bounds from the means of R draws; one that drew nothing, (0, 0), lies beyond both."""
    drawn = counts > 0
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=drawn)
    lower = np.quantile(np.where(drawn, means, -np.inf), alpha, method="lower")
    upper = np.quantile(np.where(drawn, means, np.inf), 1 - alpha, method="higher")
    return float(lower), float(upper)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _explain(measure: Measure) -> str:
    difference = measure.challenger - measure.champion
    verdict = "holds" if measure.passed else "fails"
    return (
        f"{measure.name}: {measure.champion:.2f} → {measure.challenger:.2f} ({difference:+.2f}, between "
        f"{measure.lower:+.2f} and {measure.upper:+.2f}; {measure.requirement}) {verdict}."
    )
