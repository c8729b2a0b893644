"""From what happened to figures. Knows no system."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from deploy.bench.learning.curve import Mark
from deploy.bench.learning.figures import Figure, draws, interval, missing, resampled, share
from deploy.bench.learning.stream import Happened

MOST_WRONG = 0.05
UNSURE = "It says nothing of how sure it is."
ERRORS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
"""At which the coverage is drawn."""

# --- after so many corrections ------------------------------------------------------------------------------------


def of_marks(marks: Sequence[Mark]) -> dict[str, Figure]:
    figures = {
        "strict": share([(mark.fact, mark.right) for mark in marks]),
        "at_once": share([(mark.fact, mark.right and not mark.asked_back) for mark in marks]),
        "wrong": share([(mark.fact, mark.answered and not mark.right) for mark in marks]),
        "asked_back": share([(mark.fact, mark.asked_back) for mark in marks]),
        "handed_off": share([(mark.fact, not mark.answered) for mark in marks]),
    }
    if any(mark.confidence is None for mark in marks):
        return figures | dict.fromkeys(("likeliest_right", "coverage_at_5pct_error"), missing(UNSURE))
    return figures | {
        "likeliest_right": share([(mark.fact, mark.likeliest_right) for mark in marks]),
        "coverage_at_5pct_error": _coverage(marks),
    }


def coverage(marks: Sequence[Mark], most_wrong: float = MOST_WRONG) -> float:
    """The largest share of questions, surest first, whose likeliest answers are wrong in at most `most_wrong`.

    Questions of one confidence stand or fall together.
    """
    by_confidence = sorted(marks, key=lambda mark: -(mark.confidence or 0.0))
    covered = wrong = 0
    for place, mark in enumerate(by_confidence, 1):
        wrong += not mark.likeliest_right
        is_last = place == len(by_confidence) or by_confidence[place].confidence != mark.confidence
        if is_last and wrong <= most_wrong * place:
            covered = place
    return covered / len(marks) if marks else 0.0


def _coverage(marks: Sequence[Mark]) -> Figure:
    by_fact = defaultdict(list)
    for mark in marks:
        by_fact[mark.fact].append(mark)
    return resampled(list(by_fact), lambda facts: coverage([m for fact in facts for m in by_fact[fact]]), len(marks))


# --- along the stream ---------------------------------------------------------------------------------------------


def of_stream(happened: Sequence[Happened]) -> dict[str, Figure]:
    known = [each for each in happened if each.fact is not None]
    third = len(known) // 3
    first, last = known[:third], known[-third:] if third else []
    return {
        "online_accuracy": _share(known, lambda each: each.right),
        "online_accuracy_last_third": _share(last, lambda each: each.right),
        "one_shot_transfer": share(_next_after_correction(known), "No corrected fact was asked for again."),
        "corrections_per_100_first_third": _per_100(first),
        "corrections_per_100_last_third": _per_100(last),
        "effort_last_vs_first": effort(first, last),
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


def effort(first: Sequence[Happened], last: Sequence[Happened]) -> Figure:
    """Corrections in `last` against those in `first`, which are as long: -0.5 is half of them."""
    facts = sorted({each.fact for each in (*first, *last) if each.fact is not None})
    before, after = (np.array([_corrections(part, fact) for fact in facts]) for part in (first, last))
    if not before.sum():
        return missing("Nothing was corrected at first.")
    drawn = draws(len(facts))
    with np.errstate(divide="ignore", invalid="ignore"):
        bounds = interval((drawn @ after) / (drawn @ before) - 1)
    return Figure(float(after.sum() / before.sum()) - 1, *bounds, len(first) + len(last))


def _corrections(happened: Sequence[Happened], fact: str) -> int:
    return sum(each.corrected for each in happened if each.fact == fact)


def _per_100(happened: Sequence[Happened]) -> Figure:
    return _share(happened, lambda each: 100 * each.corrected)


def _share(
    happened: Sequence[Happened], value: Callable[[Happened], float], nothing: str = "There was no such question."
) -> Figure:
    return share([(each.fact or str(number), value(each)) for number, each in enumerate(happened)], nothing)


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


# --- over the rounds ----------------------------------------------------------------------------------------------


Accuracies = Sequence[Mapping[str, float]]
"""A[r, i] after each round r: of the facts i that were first corrected in it or before."""


def forgetting(rounds: Accuracies) -> Figure:
    """Mean over rounds i of max_r A[r, i] - A[R, i], where A[r, i] is the accuracy after round r on the facts that
    were first corrected in round i (Chaudhry et al. 2018). The maximum of noisy values is above the true one."""
    return _over_rounds(rounds, lambda later: max(later) - later[-1])


def backward_transfer(rounds: Accuracies) -> Figure:
    """Mean over rounds i of A[R, i] - A[i, i] (Lopez-Paz & Ranzato 2017): below 0, what came later has hurt."""
    return _over_rounds(rounds, lambda later: later[-1] - later[0])


def plasticity(rounds: Accuracies) -> Figure:
    """Mean over rounds i of A[i, i]: what a round knows of its own facts."""
    return _over_rounds(rounds, lambda later: later[0])


def _over_rounds(rounds: Accuracies, told: Callable[[Sequence[float]], float]) -> Figure:
    first: dict[str, int] = {}
    for number, accuracy in enumerate(rounds[:-1]):
        for fact in accuracy:
            first.setdefault(fact, number)

    def measure(facts: Sequence[str]) -> float | None:
        by_round = defaultdict(list)
        for fact in facts:
            by_round[first[fact]].append(fact)
        values = [
            told([sum(each[fact] for fact in new) / len(new) for each in rounds[number:]])
            for number, new in by_round.items()
        ]
        return sum(values) / len(values) if values else None

    if not first:
        return missing("Nothing was corrected early enough.")
    return resampled(list(first), measure, len(first))


def by_error(marks: Sequence[Mark]) -> dict[float, float]:
    """Coverage at each share of wrong answers; empty for what says nothing of how sure it is."""
    if any(mark.confidence is None for mark in marks):
        return {}
    return {error: coverage(marks, error) for error in ERRORS}
