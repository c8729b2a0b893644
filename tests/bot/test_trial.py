"""When complaints say that an adapter is worse: by simulation, and what must always hold."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ids import AdapterId
from bot.lineage import Deployment, Move
from bot.trial import ALPHA, Outcome, Pair, Tally, evidence, is_chosen, silent_evidence, together
from bot.trying import LEAST_QUESTIONS, MOST_QUESTIONS
from tests.bot.events import NOW

TRIALS = 500


def trial(share: float = 0.1, adapter: str = "new") -> Deployment:
    return Deployment(Move.TRIAL, AdapterId(adapter), "x", NOW, share=share)


def rolled_back_after(share: float, old: float, new: float, seed: int = 0) -> list[float]:
    """Of TRIALS trials, after how many questions of the new adapter each was rolled back; infinity: never.

    Looked at after every complaint. `old`, `new`: how often the answers are bad.
    """
    rng = np.random.default_rng(seed)
    questions = round(MOST_QUESTIONS / share)
    ended = []
    for _ in range(TRIALS):
        is_new = rng.random(questions) < share
        is_bad = rng.random(questions) < np.where(is_new, new, old)
        asked = np.cumsum(is_new)[is_bad]
        bad_new, bad_old = np.cumsum(is_new[is_bad]), np.cumsum(~is_new[is_bad])
        counts = zip(asked.tolist(), bad_new.tolist(), bad_old.tolist(), strict=True)
        found = (
            n
            for n, a, b in counts
            if n <= MOST_QUESTIONS and together(evidence(Tally(0, a), Tally(0, b), share), 1.0) >= 1 / ALPHA
        )
        ended.append(next(found, math.inf))
    return ended


@pytest.mark.parametrize("old", [0.1, 0.2])
def test_an_equal_one_is_rolled_back_in_one_of_a_hundred_trials_at_most(old: float) -> None:
    ended = rolled_back_after(0.1, old, old)
    assert sum(map(math.isfinite, ended)) <= ALPHA * TRIALS


@pytest.mark.parametrize(("share", "old"), [(0.1, 0.1), (0.1, 0.3), (0.5, 0.1)])
def test_one_with_thirty_points_more_complaints_is_rolled_back_within_200_questions(share: float, old: float) -> None:
    ended = rolled_back_after(share, old, old + 0.3)
    assert sum(map(math.isfinite, ended)) >= 0.99 * TRIALS
    if old == 0.1:
        assert np.median(ended) <= 1.1 * LEAST_QUESTIONS


@given(st.integers(0, 200), st.integers(0, 2_000), st.floats(0.01, 0.5))
def test_each_complaint_is_a_fair_bet(new: int, old: int, share: float) -> None:
    def after(a: int, b: int) -> float:
        return evidence(Tally(0, a), Tally(0, b), share)

    now = after(new, old)
    if 1e-200 < now < 1e200:
        assert share * after(new + 1, old) + (1 - share) * after(new, old + 1) == pytest.approx(now, rel=1e-9)
    assert after(new + 1, old) >= now >= after(new, old + 1)


def test_nothing_is_known_before_anybody_complains() -> None:
    assert evidence(Tally(50, 0), Tally(400, 0), 0.1) == pytest.approx(1.0)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_the_share_is_kept_to_and_each_trial_draws_anew(share: float) -> None:
    def chosen(name: str) -> list[bool]:
        return [is_chosen(trial(share, name), f"C1:{n}") for n in range(4_000)]

    one, other = chosen("one"), chosen("other")
    assert sum(one) / 4_000 == pytest.approx(share, abs=0.02)
    assert sum(a and b for a, b in zip(one, other, strict=True)) / 4_000 == pytest.approx(share**2, abs=0.02)
    assert one == chosen("one")


def test_what_has_no_id_is_never_on_trial() -> None:
    assert not is_chosen(trial(1.0), "")


# --- asked silently what people settled ------------------------------------------------------------------------------


def silently_rolled_back_after(
    share: float, old_alone: float, new_alone: float, settled: tuple[float, float], seed: int = 0
) -> list[float]:
    """The same by the pairs. `old_alone`, `new_alone`: how often that one alone is wrong. `settled`: how often people
    mend what was wrong, and what was right."""
    rng = np.random.default_rng(seed)
    questions = round(MOST_QUESTIONS / share)
    return [_ended_after(rng, questions, share, old_alone, new_alone, settled) for _ in range(TRIALS)]


def _ended_after(
    rng: np.random.Generator, questions: int, share: float, old_alone: float, new_alone: float,
    settled: tuple[float, float],
) -> float:  # fmt: skip
    is_new = rng.random(questions) < share
    drawn = rng.random(questions)
    new_failed, old_failed = drawn < new_alone, (drawn >= new_alone) & (drawn < new_alone + old_alone)
    writer_failed = np.where(is_new, new_failed, old_failed)
    seen = (new_failed | old_failed) & (rng.random(questions) < np.where(writer_failed, *settled))
    pairs = [Pair(Outcome.OLD if new_failed[i] else Outcome.NEW, bool(is_new[i])) for i in np.flatnonzero(seen)]
    asked = np.cumsum(is_new)[seen]
    so_far = Counter[Pair]()
    for pair, number in zip(pairs, asked, strict=True):
        so_far[pair] += 1
        is_worse = pair.outcome is Outcome.OLD  # nothing else raises the evidence
        if is_worse and together(1.0, silent_evidence(so_far, share)) >= 1 / ALPHA:
            return float(number)
    return math.inf


MENDED_ALIKE = (0.5, 0.5)
MENDED_WHEN_WRONG = (0.5, 0.0)


@pytest.mark.parametrize("settled", [MENDED_ALIKE, MENDED_WHEN_WRONG])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_one_that_is_alone_wrong_no_oftener_is_rolled_back_in_one_of_a_hundred_trials_at_most(
    share: float, settled: tuple[float, float]
) -> None:
    ended = silently_rolled_back_after(share, 0.1, 0.1, settled)
    assert sum(map(math.isfinite, ended)) <= ALPHA * TRIALS


@pytest.mark.parametrize("settled", [MENDED_ALIKE, MENDED_WHEN_WRONG])
def test_one_that_loses_what_the_other_knew_is_found_by_what_people_settle(settled: tuple[float, float]) -> None:
    """Ten points more of its answers are wrong: by complaints alone, that shows seldom."""
    ended = silently_rolled_back_after(0.1, 0.02, 0.12, settled)
    assert sum(map(math.isfinite, ended)) >= 0.75 * TRIALS
    complained = rolled_back_after(0.1, 0.3, 0.4)
    assert sum(map(math.isfinite, complained)) < 0.3 * TRIALS


@given(st.lists(st.tuples(st.sampled_from(Outcome), st.booleans()), max_size=60), st.floats(0.01, 0.5), st.booleans())
def test_each_pair_is_a_fair_bet(told: list[tuple[Outcome, bool]], share: float, writer_is_wrong: bool) -> None:
    """Whichever of the two an adapter that is no worse is, by the draw of who wrote."""
    pairs = Counter(Pair(outcome, by_new) for outcome, by_new in told)
    now = silent_evidence(pairs, share)
    new_wrong = silent_evidence(pairs + Counter([Pair(Outcome.OLD, by_new=writer_is_wrong)]), share)
    old_wrong = silent_evidence(pairs + Counter([Pair(Outcome.NEW, by_new=not writer_is_wrong)]), share)
    chance = share if writer_is_wrong else 1 - share
    assert chance * new_wrong + (1 - chance) * old_wrong == pytest.approx(now, rel=1e-9)
    assert new_wrong > now > old_wrong


@given(st.lists(st.booleans()), st.floats(0.01, 0.5))
def test_where_neither_or_both_are_right_a_pair_says_nothing(written: list[bool], share: float) -> None:
    alike = [outcome for outcome in Outcome if outcome not in (Outcome.NEW, Outcome.OLD)]
    pairs = Counter(Pair(outcome, by_new) for by_new in written for outcome in alike)
    assert silent_evidence(pairs, share) == pytest.approx(1.0)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_what_both_tell_is_no_more_than_their_mean(complaints: float, silent: float) -> None:
    assert together(complaints, silent) <= (complaints + silent) / 2
    assert (together(complaints, silent) >= 1 / ALPHA) == (max(complaints, silent) >= 2 / ALPHA)
