"""The gate: champion against challenger on the same held-out items. Promotes only what measurably answers better and
has forgotten nothing.

Paired bootstrap that resamples facts (Efron 1979; clustered, as items of one fact stand or fall together), one-sided.
With few facts, or few answers that changed, it is too sure of itself. So the gain itself must also hold for random
subsets of the facts (typical values, Hartigan 1969). That is exact at any size where a fact is as likely to gain as to
lose by the same: where the two adapters could change places. What is not judged can't be promised: an adapter that
gains a little on nine facts of ten and loses nearly all of the tenth has lost as much as it has gained, but among eight
facts it shows four times in ten as all gain.
Each look at a new challenger spends a part of the error (`alpha_of`): no look promotes one that is no better with a
probability of more than 1 %, and a year of nightly looks with no more than 5 %.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bot.ids import FactId
from bot.lineage import Decision, Evaluation, Measure
from learning.evaluation import Score
from learning.examples import Kind
from learning.shares import Teacher

ALPHA = 0.05
"""The error that all looks of a year may spend."""
FIRST_ALPHA = 0.01
LEAST_ALPHA = 5e-6
"""Less is not asked for: it would take more resamples than a gate can wait for."""
MARGIN = 0.05
"""How much worse either kind of question may get at most: recall in what is right, reading in ROUGE-L."""
GENERAL_MARGIN = 0.08
"""How much general texts may lose at most, in nats per token."""
WITHOUT_ALPHA = 0.05
"""The error of one comparison that leaves a teacher out: it only ever rejects."""
UNITS = {
    Kind.RECALL: "share right", Kind.READING: "ROUGE-L", Kind.GENERAL: "nats per token, less is better",
}  # fmt: skip
MIN_FACTS = 8
RESAMPLES = 10_000
"""At least; a small error needs more of them."""
RESAMPLES_AT_ONCE = 20_000

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    decision: Decision
    reasons: tuple[str, ...]
    evaluation: Evaluation


def alpha_of(look: int) -> float:
    """The error that a look may spend; 1 is the first. FIRST_ALPHA, and about ALPHA·4/look² later: ALPHA in all."""
    steps = ALPHA / FIRST_ALPHA - 1
    return max(LEAST_ALPHA, ALPHA * steps / ((look + steps - 1) * (look + steps)))


def decide(
    champion: Sequence[Score],
    challenger: Sequence[Score],
    earlier_looks: int,
    alarms: Sequence[str] = (),
    teachers: Mapping[FactId, Teacher] = MappingProxyType({}),
    taught_before: Collection[FactId] = (),
) -> Verdict:
    """Promote or reject. Both score lists are for the same items in the same order. Any alarm rejects.

    `teachers`: who taught the facts; those that nobody here taught are missing. `taught_before`: the facts that the
    champion was taught. What is new must not pay for what is forgotten of them, where enough of them are asked for.
    """
    alpha = alpha_of(earlier_looks + 1)
    measures = _measures(champion, challenger, taught_before, alpha)
    evaluation = Evaluation(tuple(measures), confidence=1 - alpha)

    reasons = [*alarms, *(_explain(measure) for measure in measures if not measure.passed)]
    reasons += worse_without(champion, challenger, teachers)
    if not all(math.isfinite(score.value) for score in challenger):
        reasons.insert(0, "The new adapter produces numbers that are not finite.")
    facts = len({score.fact for score in champion if score.kind is not Kind.GENERAL})
    if facts < MIN_FACTS:
        reasons.append(f"Only {facts} facts could be judged, {MIN_FACTS} are needed.")
    if reasons:
        return Verdict(Decision.REJECTED, tuple(reasons), evaluation)
    return Verdict(Decision.PROMOTED, tuple(_explain(measure) for measure in measures), evaluation)


def _measures(
    champion: Sequence[Score], challenger: Sequence[Score], taught_before: Collection[FactId], alpha: float
) -> list[Measure]:
    measures = [_measure("answers", (Kind.RECALL, Kind.READING), champion, challenger, alpha, above=0.0)]
    for kind in (Kind.RECALL, Kind.READING):
        if any(score.kind is kind for score in champion):
            measures.append(_measure(kind, (kind,), champion, challenger, alpha, above=-MARGIN))
    if len({each.fact for each in champion if each.kind is Kind.RECALL and each.fact in taught_before}) >= MIN_FACTS:
        before, after = ([each for each in of if each.fact in taught_before] for of in (champion, challenger))
        measures.append(_measure("kept", (Kind.RECALL,), before, after, alpha, above=-MARGIN))
    return [*measures, _measure("general", (Kind.GENERAL,), champion, challenger, alpha, below=GENERAL_MARGIN)]


def worse_without(
    champion: Sequence[Score], challenger: Sequence[Score], teachers: Mapping[FactId, Teacher]
) -> list[str]:
    """Leave one teacher out: whose own questions hide that all others' are answered worse, in words.

    Whoever teaches lies is judged by those lies, and scores well on them. Says nothing where too little is left.
    """
    found = []
    for teacher in sorted(set(teachers.values())):
        kept = [
            (old, new) for old, new in zip(champion, challenger, strict=True)
            if old.kind is not Kind.GENERAL and teachers.get(old.fact) != teacher
        ]  # fmt: skip
        if len({old.fact for old, _ in kept}) < MIN_FACTS:
            continue
        before, after = [old for old, _ in kept], [new for _, new in kept]
        lost = _mean([old.value for old in before]) - _mean([new.value for new in after])
        _, upper = paired_interval(before, after, WITHOUT_ALPHA)
        if lost > MARGIN and upper < 0:
            found.append(
                f"Without what {teacher} taught it answers worse: {lost:.2f} lost on each of {len(kept)} questions."
            )
    return found


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
        unit=" and ".join(dict.fromkeys(UNITS[old.kind] for old, _ in pairs)),
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
    draws = (_drawn_with_replacement, _random_subsets) if exact else (_drawn_with_replacement,)
    bounds = [_bounds(_means(draw, sums, counts, alpha), alpha) for draw in draws]
    return min(lower for lower, _ in bounds), max(upper for _, upper in bounds)


Draw = Callable[[np.random.Generator, int, int], NDArray[np.int64]]


def _drawn_with_replacement(rng: np.random.Generator, draws: int, facts: int) -> NDArray[np.int64]:
    """(R, F): how often each fact is drawn."""
    return rng.multinomial(facts, [1 / facts] * facts, draws)


def _random_subsets(rng: np.random.Generator, draws: int, facts: int) -> NDArray[np.int64]:
    """(R, F): whether each fact is among them."""
    return rng.integers(0, 2, (draws, facts))


def _means(draw: Draw, sums: Array, counts: NDArray[np.int64], alpha: float) -> Array:
    """(R,) mean differences of R draws, enough of them to tell alpha; of one that drew nothing, not a number."""
    rng = np.random.default_rng(0)
    wanted = max(RESAMPLES, math.ceil(1 / alpha))
    parts = []
    for start in range(0, wanted, RESAMPLES_AT_ONCE):
        weights = draw(rng, min(RESAMPLES_AT_ONCE, wanted - start), len(sums))
        drawn = weights @ counts
        parts.append(np.divide(weights @ sums, drawn, out=np.full(len(drawn), np.nan), where=drawn > 0))
    return np.concatenate(parts)


def _bounds(means: Array, alpha: float) -> tuple[float, float]:
    """A mean that is exceeded by no more than alpha of all draws, the data itself being one of them; from both ends.

    A draw without a mean lies beyond both.
    """
    beyond = int(alpha * (len(means) + 1)) - 1
    lower = np.sort(np.nan_to_num(means, nan=-np.inf))[beyond]
    upper = np.sort(np.nan_to_num(means, nan=np.inf))[-1 - beyond]
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
