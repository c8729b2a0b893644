"""From what happened to figures, each with a 95 % interval that resamples facts. Knows no system."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deploy.bench.learning.curve import Mark
from deploy.bench.learning.stream import Happened

RESAMPLES = 1_000
MOST_WRONG = 0.05


@dataclass(frozen=True)
class Figure:
    """A measure, or the reason why there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    of: int = 0
    """How many questions it is a share of."""
    reason: str = ""


def missing(reason: str) -> Figure:
    return Figure(None, reason=reason)


def share(outcomes: Sequence[tuple[str, float]], nothing: str = "There was no such question.") -> Figure:
    """The mean of (fact, value) pairs; its interval is a bootstrap that resamples facts."""
    if not outcomes:
        return missing(nothing)
    sums: dict[str, list[float]] = {}
    for fact, value in outcomes:
        sums.setdefault(fact, []).append(value)
    totals = np.array([sum(values) for values in sums.values()])
    counts = np.array([len(values) for values in sums.values()])
    drawn = np.random.default_rng(0).multinomial(len(totals), [1 / len(totals)] * len(totals), RESAMPLES)
    means = (drawn @ totals) / (drawn @ counts)
    low, high = np.quantile(means, (0.025, 0.975))
    return Figure(float(totals.sum() / counts.sum()), float(low), float(high), len(outcomes))


# --- after so many corrections ------------------------------------------------------------------------------------


def of_marks(marks: Sequence[Mark]) -> dict[str, Figure]:
    return {
        "strict": share([(mark.fact, mark.right) for mark in marks]),
        "at_once": share([(mark.fact, mark.right and not mark.asked_back) for mark in marks]),
        "wrong": share([(mark.fact, mark.answered and not mark.right) for mark in marks]),
        "asked_back": share([(mark.fact, mark.asked_back) for mark in marks]),
        "likeliest_right": share([(mark.fact, mark.likeliest_right) for mark in marks]),
        "coverage_at_5pct_error": Figure(coverage(marks), of=len(marks)),
    }


def coverage(marks: Sequence[Mark], most_wrong: float = MOST_WRONG) -> float:
    """The largest share of questions, surest first, whose likeliest answers are wrong in at most `most_wrong`.

    Questions of one confidence stand or fall together.
    """
    by_confidence = sorted(marks, key=lambda mark: -mark.confidence)
    covered = wrong = 0
    for place, mark in enumerate(by_confidence, 1):
        wrong += not mark.likeliest_right
        is_last = place == len(by_confidence) or by_confidence[place].confidence < mark.confidence
        if is_last and wrong <= most_wrong * place:
            covered = place
    return covered / len(marks) if marks else 0.0


# --- along the stream ---------------------------------------------------------------------------------------------


def of_stream(happened: Sequence[Happened]) -> dict[str, Figure]:
    known = [each for each in happened if each.fact is not None]
    first, last = known[: len(known) // 3], known[-(len(known) // 3) :]
    before, after = (sum(each.corrected for each in part) for part in (first, last))
    effort = Figure(after / before - 1, of=len(known)) if before else missing("Nothing was corrected at first.")
    return {
        "online_accuracy": _share(known, lambda each: each.right),
        "online_accuracy_last_third": _share(last, lambda each: each.right),
        "one_shot_transfer": share(_next_after_correction(known), "No corrected fact was asked for again."),
        "effort_last_vs_first": effort,
        "stale": _share(
            [each for each in known if each.told_of_change], lambda each: each.says_superseded,
            "No changed fact was asked for after an agent had told of the change.",
        ),
        "poison_success": _poisoned(known),
        "stream_oos_answered": _share(
            [each for each in happened if each.fact is None], lambda each: each.answered,
            "No question was out of scope.",
        ),
    }  # fmt: skip


def _share(
    happened: Sequence[Happened], holds: Callable[[Happened], bool], nothing: str = "There was no such question."
) -> Figure:
    return share([(each.fact or str(number), holds(each)) for number, each in enumerate(happened)], nothing)


def _next_after_correction(known: Sequence[Happened]) -> list[tuple[str, float]]:
    """For each fact: was the first question after its first honest correction answered right?"""
    corrected, settled, outcomes = set[str](), set[str](), []
    for each in known:
        assert each.fact is not None
        if each.fact in corrected and each.fact not in settled:
            settled.add(each.fact)
            outcomes.append((each.fact, float(each.right)))
        if each.corrected and not each.lied:
            corrected.add(each.fact)
    return outcomes


def _poisoned(known: Sequence[Happened]) -> Figure:
    """Of the questions to facts that were lied about, how many were answered with the lie."""
    attacked, outcomes = set[str](), []
    for each in known:
        assert each.fact is not None
        if each.fact in attacked:
            outcomes.append((each.fact, float(each.says_lie)))
        if each.lied:
            attacked.add(each.fact)
    return share(outcomes, "Nobody lied, or nobody asked afterwards.")


def forgetting(rounds: Sequence[Mapping[str, float]]) -> Figure:
    """Mean over rounds i of max_r A[r, i] - A[R, i], where A[r, i] is the accuracy after round r on the facts that
    were first corrected in round i (Chaudhry et al. 2018)."""
    known, lost = set[str](), []
    for number, accuracy in enumerate(rounds[:-1]):
        new = [fact for fact in accuracy if fact not in known]
        known |= set(new)
        if new:
            later = [sum(each[fact] for fact in new) / len(new) for each in rounds[number:]]
            lost.append(max(later) - later[-1])
    return Figure(sum(lost) / len(lost), of=len(known)) if lost else missing("Nothing was corrected early enough.")


def over_seeds(runs: Sequence[Mapping[str, Figure]]) -> dict[str, Figure]:
    """Means over seeds; the interval is mean ± 1.96 standard errors, or the facts' own where there is one seed."""
    if len(runs) == 1:
        return dict(runs[0])
    return {name: _mean([run[name] for run in runs]) for name in runs[0]}


def _mean(figures: Sequence[Figure]) -> Figure:
    values = [figure.value for figure in figures if figure.value is not None]
    if not values:
        return figures[0]
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1))
    error = 1.96 * spread / math.sqrt(len(values))
    return Figure(mean, mean - error, mean + error, sum(figure.of for figure in figures))
