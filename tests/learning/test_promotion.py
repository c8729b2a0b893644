"""The gate: it promotes what is surely better, and almost never what is not."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.ids import FactId
from bot.lineage import Decision
from learning import promotion
from learning.evaluation import Score
from learning.examples import Kind
from learning.promotion import (
    ALPHA,
    FIRST_ALPHA,
    MIN_FACTS,
    WITHOUT_ALPHA,
    alpha_of,
    decide,
    paired_interval,
    worse_without,
)
from learning.shares import Teacher

Values = Sequence[float] | NDArray[np.float64]
GENERAL = 10


def scores(answers: Values, general: float = 2.0, kind: Kind = Kind.READING, facts: int = 1_000) -> list[Score]:
    """One item for each fact (or several, when there are fewer facts), and the general texts."""
    judged = [Score(FactId(f"f{i % facts}"), kind, float(value)) for i, value in enumerate(answers)]
    return [*judged, *(Score(FactId(f"g{i}"), Kind.GENERAL, general) for i in range(GENERAL))]


def test_an_identical_challenger_shows_no_improvement() -> None:
    same = scores([0.2, 0.9, 0.5, 1.0] * 10)
    verdict = decide(same, same, 0)
    assert verdict.decision is Decision.REJECTED
    (reason,) = verdict.reasons
    assert reason.startswith("answers: 0.65 → 0.65 (+0.00,")
    assert [measure.name for measure in verdict.evaluation.measures if not measure.passed] == ["answers"]


def test_a_clearly_better_one_is_promoted_with_the_numbers() -> None:
    verdict = decide(scores([0.3, 0.5] * 20), scores([0.5, 0.7] * 20), 0)
    assert verdict.decision is Decision.PROMOTED
    assert verdict.evaluation.confidence == pytest.approx(1 - FIRST_ALPHA)
    answers, reading, general = verdict.evaluation.measures
    assert answers.items == 40
    assert [answers.champion, answers.challenger] == pytest.approx([0.4, 0.6])
    assert [answers.lower, answers.upper] == pytest.approx([0.2, 0.2])
    assert (reading.name, general.name, general.items) == ("reading", "general", GENERAL)
    assert len(verdict.reasons) == 3


def test_the_same_scores_get_the_same_verdict_to_the_last_bit() -> None:
    rng = np.random.default_rng(9)
    before, after = scores(rng.random(24)), scores(rng.random(24))
    assert repr(decide(before, after, 3)) == repr(decide(before, after, 3))


def test_better_answers_do_not_pay_for_forgetting() -> None:
    verdict = decide(scores([0.3] * 40, general=2.0), scores([0.9] * 40, general=2.2), 0)
    assert verdict.decision is Decision.REJECTED
    (reason,) = verdict.reasons
    assert reason.startswith("general: 2.00 → 2.20")
    assert "at most +0.08" in reason


def test_new_facts_do_not_pay_for_those_that_are_forgotten() -> None:
    before = [*scores([1.0] * 12 + [0.0] * 20, kind=Kind.RECALL)]
    after = [*scores([0.5] * 12 + [1.0] * 20, kind=Kind.RECALL)]
    old = frozenset(score.fact for score in before[:12])
    assert decide(before, after, 0).decision is Decision.PROMOTED
    verdict = decide(before, after, 0, taught_before=old)
    assert verdict.decision is Decision.REJECTED
    (reason,) = verdict.reasons
    assert reason.startswith("kept: 1.00 → 0.50 (-0.50,")


def test_what_is_kept_and_added_to_is_promoted() -> None:
    before, after = (scores([1.0] * 12 + [new] * 20, kind=Kind.RECALL) for new in (0.0, 1.0))
    old = frozenset(score.fact for score in before[:12])
    verdict = decide(before, after, 0, taught_before=old)
    assert verdict.decision is Decision.PROMOTED
    assert [measure.name for measure in verdict.evaluation.measures] == ["answers", "recall", "kept", "general"]


def test_of_few_facts_that_were_taught_before_nothing_is_told_apart() -> None:
    before, after = (scores([1.0] * 7 + [new] * 20, kind=Kind.RECALL) for new in (0.0, 1.0))
    verdict = decide(before, after, 0, taught_before=frozenset(score.fact for score in before[:7]))
    assert "kept" not in [measure.name for measure in verdict.evaluation.measures]


def test_better_recall_does_not_pay_for_worse_reading() -> None:
    champion = [*scores([0.2] * 30, kind=Kind.RECALL)[:30], *scores([0.9] * 10)]
    challenger = [*scores([0.9] * 30, kind=Kind.RECALL)[:30], *scores([0.7] * 10)]
    verdict = decide(champion, challenger, 0)
    assert verdict.decision is Decision.REJECTED
    assert [reason.partition(":")[0] for reason in verdict.reasons] == ["reading"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", [0, -1])
def test_numbers_that_are_not_finite_are_rejected(value: float, where: int) -> None:
    challenger = scores([0.9] * 40)
    challenger[where] = Score(challenger[where].fact, challenger[where].kind, value)
    verdict = decide(scores([0.3] * 40), challenger, 0)
    assert verdict.decision is Decision.REJECTED
    assert verdict.reasons[0] == "The new adapter produces numbers that are not finite."


def test_too_few_facts_are_rejected_however_many_items_they_have() -> None:
    enough, few = MIN_FACTS, MIN_FACTS - 1
    verdict = decide(scores([0.1] * 56, facts=few), scores([0.9] * 56, facts=few), 0)
    assert verdict.decision is Decision.REJECTED
    assert verdict.reasons == (f"Only {few} facts could be judged, {enough} are needed.",)
    verdict = decide(scores([0.1] * 56, facts=enough), scores([0.9] * 56, facts=enough), 0)
    assert verdict.decision is Decision.PROMOTED


def test_nothing_to_judge_is_rejected() -> None:
    assert decide([], [], 0).decision is Decision.REJECTED


def test_scores_of_different_items_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        decide(scores([0.1] * 8), scores([0.1] * 9), 0)


def test_each_look_spends_a_part_of_the_error_and_all_of_them_no_more_than_the_whole() -> None:
    same = scores([0.5] * 8)
    spent = [1 - decide(same, same, looks).evaluation.confidence for looks in range(30)]
    assert spent == sorted(spent, reverse=True)
    assert spent[0] == pytest.approx(FIRST_ALPHA)
    assert sum(alpha_of(look) for look in range(1, 366)) <= ALPHA


def test_later_looks_ask_for_more() -> None:
    rng = np.random.default_rng(3)
    before = rng.random(24)
    champion, challenger = scores(before), scores(before + rng.normal(0.1, 0.2, 24))
    decisions = [decide(champion, challenger, looks).decision for looks in (0, 40)]
    assert decisions == [Decision.PROMOTED, Decision.REJECTED]


def test_items_of_one_fact_count_as_one() -> None:
    gains = [0.6, -0.3, 0.5, -0.2, 0.5, -0.1, 0.3, -0.3] * 5
    for facts, surely_better in ((40, True), (8, False)):
        old, new = scores([0.0] * 40, facts=facts)[:40], scores(gains, facts=facts)[:40]
        assert (paired_interval(old, new, 0.025)[0] > 0) is surely_better


def test_every_item_of_a_fact_counts() -> None:
    old, new = scores([0.0] * 16, facts=8)[:16], scores([0.0] * 8 + [0.4] * 8, facts=8)[:16]
    for exact in (False, True):
        assert paired_interval(old, new, 0.025, exact=exact) == pytest.approx((0.2, 0.2))


def test_the_bootstrap_agrees_with_the_normal_interval_where_there_is_much() -> None:
    difference = np.random.default_rng(5).normal(0.1, 0.3, 400)
    old, new = scores([0.0] * 400)[:400], scores(difference)[:400]
    error = difference.std() / 20
    for exact in (False, True):
        lower, upper = paired_interval(old, new, 0.025, exact=exact)
        assert lower == pytest.approx(difference.mean() - 1.96 * error, abs=0.2 * error)
        assert upper == pytest.approx(difference.mean() + 1.96 * error, abs=0.2 * error)


def test_the_exact_bound_is_the_one_of_all_changes_of_sign() -> None:
    """Eight facts, all better: by luck that happens once in 256, so it suffices for 0.025 and not for 0.003."""
    old, new = scores([0.0] * 8)[:8], scores([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])[:8]
    assert paired_interval(old, new, 0.025, exact=True)[0] > 0
    assert paired_interval(old, new, 0.003, exact=True)[0] == -math.inf


Rng = np.random.Generator
Change = NDArray[np.float64]
SIMULATIONS = 400


def smooth(rng: Rng, facts: int) -> Change:
    return rng.normal(0, 0.2, facts)


def one_in_five_changed(rng: Rng, facts: int) -> Change:
    """As between two adapters that answer most questions word for word alike."""
    return rng.choice([-1.0, 1.0], facts) * rng.random(facts) * (rng.random(facts) < 0.2)


def better(rng: Rng, facts: int) -> Change:
    return rng.normal(0.2, 0.3, facts)


def promoted(kind: Callable[[Rng, int], Change], facts: int, looks: Sequence[int]) -> list[bool]:
    rng = np.random.default_rng(11)
    old = scores(np.zeros(facts))
    return [decide(old, scores(kind(rng, facts)), look).decision is Decision.PROMOTED for look in looks]


@pytest.mark.parametrize(
    ("kind", "facts", "look"),
    [(smooth, MIN_FACTS, 0), (smooth, MIN_FACTS, 2), (smooth, 40, 0), (one_in_five_changed, 40, 0)],
)
def test_a_challenger_that_is_no_better_is_promoted_no_more_often_than_was_spent(
    kind: Callable[[Rng, int], Change], facts: int, look: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "RESAMPLES", 500)
    alpha = alpha_of(look + 1)
    assert alpha <= 0.01
    tolerance = 3 * math.sqrt(alpha * (1 - alpha) / SIMULATIONS)  # three standard errors of the simulated share
    assert sum(promoted(kind, facts, [look] * SIMULATIONS)) / SIMULATIONS <= alpha + tolerance


@pytest.mark.slow
@pytest.mark.parametrize("kind", [smooth, one_in_five_changed])
def test_of_many_looks_none_that_is_no_better_is_promoted_more_often_than_once_in_twenty(
    kind: Callable[[Rng, int], Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the first look's error for all of them, one sequence in nine would have a false promotion."""
    monkeypatch.setattr(promotion, "RESAMPLES", 500)
    sequences, looks = 60, range(12)
    found = promoted(kind, 16, [*looks] * sequences)
    false = sum(any(found[start : start + len(looks)]) for start in range(0, len(found), len(looks)))
    assert false / sequences <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / sequences)
    assert sum(found) / len(found) <= 0.01


def test_of_twenty_that_are_really_better_eighteen_are_promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "RESAMPLES", 500)
    assert sum(promoted(better, 40, [0] * 100)) >= 90


# --- without one teacher --------------------------------------------------------------------------------------------

MEL = Teacher("U-mel", "Mel")
TEACHERS = {
    FactId(f"f{number}"): MEL if number < 20 else Teacher(f"U-{number % 3}", f"Honest {number % 3}")
    for number in range(40)
}


def test_who_scores_well_on_lies_does_not_hide_what_the_others_lost() -> None:
    before = scores([0.1] * 20 + [0.9] * 20)
    after = scores([0.9] * 20 + [0.8, 0.75] * 10)
    assert decide(before, after, 0).decision is Decision.PROMOTED
    verdict = decide(before, after, 0, teachers=TEACHERS)
    assert verdict.decision is Decision.REJECTED
    assert verdict.reasons == ("Without what Mel taught it answers worse: 0.12 lost on each of 20 questions.",)


def test_a_borrowed_name_hides_nobody() -> None:
    """Whoever calls themselves like the others isn't taken for them."""
    before = scores([0.1] * 20 + [0.9] * 20)
    after = scores([0.9] * 20 + [0.8, 0.75] * 10)
    named_alike = {fact: Teacher(teacher.author, "Ana") for fact, teacher in TEACHERS.items()}
    (found,) = worse_without(before, after, named_alike)
    assert found.startswith("Without what Ana taught it answers worse")


def test_what_one_teacher_adds_alone_is_promoted() -> None:
    before, after = scores([0.1] * 20 + [0.9] * 20), scores([0.9] * 40)
    assert decide(before, after, 0, teachers=TEACHERS).decision is Decision.PROMOTED


def test_too_few_other_questions_say_nothing() -> None:
    before, after = scores([0.1] * 33 + [0.9] * 7), scores([0.9] * 33 + [0.0] * 7)
    teachers = dict.fromkeys((FactId(f"f{number}") for number in range(33)), MEL)
    assert worse_without(before, after, teachers) == []


@pytest.mark.parametrize("kind", [smooth, one_in_five_changed])
def test_chance_seldom_looks_like_a_hidden_loss(
    kind: Callable[[Rng, int], Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotion, "RESAMPLES", 500)
    rng, before = np.random.default_rng(7), scores(np.zeros(40))
    mel = {fact: teacher for fact, teacher in TEACHERS.items() if teacher == MEL}
    found = sum(bool(worse_without(before, scores(kind(rng, 40)), mel)) for _ in range(SIMULATIONS))
    assert found / SIMULATIONS <= WITHOUT_ALPHA + 3 * math.sqrt(WITHOUT_ALPHA * (1 - WITHOUT_ALPHA) / SIMULATIONS)


# --- sabotage, as scores --------------------------------------------------------------------------------------------

TRUE = np.random.default_rng(2).uniform(0.6, 1.0, 40)
"""What a sound adapter scores."""


def sabotaged(kind: str, rng: Rng) -> list[Score]:
    noise = rng.normal(0, 0.05, 40)
    match kind:
        case "nan":
            return scores(np.full(40, math.nan), general=math.nan)
        case "scaled":
            return scores(rng.uniform(0, 0.1, 40), general=9.0)
        case "base":
            return scores(rng.uniform(0.2, 0.6, 40))
        case "shuffled":
            return scores(rng.permutation(TRUE) * rng.uniform(0, 0.4, 40))
        case "forgetting":
            return scores(TRUE + 0.2 + noise, general=2.4)
        case "a topic lost":
            return scores(np.concatenate([TRUE[:34] + 0.1, np.zeros(6)]) + noise)
        case "the same":
            return scores(TRUE)
        case _:
            return scores(TRUE + noise)


def test_of_forty_that_were_sabotaged_none_is_promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five of each kind, each at its own look, as an attacker would try again and again."""
    monkeypatch.setattr(promotion, "RESAMPLES", 500)
    rng = np.random.default_rng(4)
    kinds = ["nan", "scaled", "base", "shuffled", "forgetting", "a topic lost", "the same", "another seed"]
    tried = [(kind, decide(scores(TRUE), sabotaged(kind, rng), look)) for look in range(5) for kind in kinds]
    assert len(tried) == 40
    assert [kind for kind, verdict in tried if verdict.decision is Decision.PROMOTED] == []


def test_the_best_scores_do_not_pay_for_an_alarm() -> None:
    verdict = decide(scores([0.3] * 40), scores([0.9] * 40), 0, ["It says what was taken back."])
    assert verdict.decision is Decision.REJECTED
    assert verdict.reasons == ("It says what was taken back.",)


def test_what_is_rarely_lost_and_never_judged_can_not_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound of what is promised: among few facts, a loss that is rare and great is mostly not seen."""
    monkeypatch.setattr(promotion, "RESAMPLES", 500)

    def nine_gain_and_one_falls(rng: Rng, facts: int) -> Change:
        return np.where(rng.random(facts) < 0.1, -0.45, 0.05)

    shares = [sum(promoted(nine_gain_and_one_falls, facts, [0] * 200)) / 200 for facts in (MIN_FACTS, 48)]
    assert shares[0] > 0.3
    assert shares[1] < 0.1
