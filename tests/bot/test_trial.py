"""When complaints say that an adapter is worse: by simulation, and what must always hold."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ids import AdapterId
from bot.lineage import Deployment, Move
from bot.trial import ALPHA, Tally, evidence, is_chosen
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
            n for n, a, b in counts if n <= MOST_QUESTIONS and evidence(Tally(0, a), Tally(0, b), share) >= 1 / ALPHA
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
        assert np.median(ended) <= LEAST_QUESTIONS


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
