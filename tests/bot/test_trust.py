"""Who is believed: the Beta distribution, and what must hold whatever people say of each other's lessons."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.feedback import Lesson, LessonSource
from bot.ids import FactId, LessonId
from bot.trust import GOOD_FROM, MOST, PROVEN_AFTER, Opinion, Records, Trust, beta_cdf, lower_bound, of_shared, weigh
from tests.bot.events import NOW

FROM = 0.4
PEOPLE = ("slack:ana", "slack:ben", "slack:cleo", "slack:mel")
ANA, BEN, CLEO, MEL = PEOPLE


def said(agrees: bool, witness: str, teacher: str = MEL, *lessons: str) -> list[Opinion]:
    return [Opinion(LessonId(each), teacher, witness, agrees) for each in lessons or ("l1",)]


def of_ana_or_ben(number: int, witness: str, agrees: bool) -> Opinion:
    """A lesson has one teacher."""
    return Opinion(LessonId(f"l{number}"), PEOPLE[number % 2], witness, agrees)


opinions = st.lists(
    st.builds(of_ana_or_ben, st.integers(1, 4), st.sampled_from(PEOPLE[2:]), st.booleans()), max_size=12
)


def believed(*given: list[Opinion], **records: object) -> Trust:
    return weigh(Records([each for of_one in given for each in of_one], **records), FROM)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("x", "a", "b", "p"),
    [(0.3, 1, 1, 0.3), (0.5, 4, 1, 0.5**4), (0.2, 1, 3, 1 - 0.8**3), (0.5, 7, 7, 0.5), (0.6, 2, 2, 0.648)],
)
def test_the_distribution_where_it_can_be_worked_out_by_hand(x: float, a: float, b: float, p: float) -> None:
    assert math.isclose(beta_cdf(x, a, b), p, rel_tol=1e-9)


@given(st.floats(1, 200), st.floats(1, 200))
def test_the_bound_is_where_a_twentieth_lies_below(a: float, b: float) -> None:
    assert abs(beta_cdf(lower_bound(a, b), a, b) - 0.05) < 0.02
    assert lower_bound(a + 1, b) >= lower_bound(a, b) >= lower_bound(a, b + 1)


@given(opinions, st.randoms())
def test_the_order_in_which_things_are_said_changes_nothing(told: list[Opinion], chance: random.Random) -> None:
    shuffled = chance.sample(told, len(told))
    assert weigh(Records(shuffled), FROM) == weigh(Records(told), FROM)


@given(opinions)
def test_one_more_good_word_never_harms(given_opinions: list[Opinion]) -> None:
    """Of somebody who says nothing of the others."""
    before = weigh(Records(given_opinions), FROM)
    after = weigh(Records([*given_opinions, *said(True, CLEO, ANA, "l6")]), FROM)
    assert after.of(ANA) >= before.of(ANA)


def test_nobody_is_doubted_before_anybody_complains() -> None:
    assert not believed().is_low(MEL)
    assert not believed(said(True, ANA)).is_low(MEL)


def test_a_record_becomes_good_by_agreement_of_several_and_not_of_one_alone_for_ever() -> None:
    assert not believed(said(True, BEN, ANA)).is_good(ANA)
    assert believed(said(True, BEN, ANA, "l1", "l2"), said(True, CLEO, ANA, "l1", "l2", "l3")).is_good(ANA)
    many = believed(said(True, BEN, ANA, *map(str, range(100))))
    assert many.of(ANA) == pytest.approx(lower_bound(4 + MOST * many_weight(), 1), abs=1e-3)


def many_weight() -> float:
    return lower_bound(4, 1)


def test_one_persons_word_against_anothers_is_no_disrepute_but_two_are() -> None:
    against = said(False, BEN, MEL, "l1", "l2", "l3")
    assert believed(against).of(MEL) < FROM
    assert not believed(against).is_low(MEL)
    assert believed(against, said(False, CLEO, MEL)).is_low(MEL)


def test_a_complaint_of_somebody_with_a_good_record_is_enough() -> None:
    good = [*said(True, BEN, ANA, "a1", "a2", "a3"), *said(True, CLEO, ANA, "a1", "a2", "a3")]
    assert believed(good).of(ANA) >= GOOD_FROM
    assert believed(good, said(False, ANA)).is_low(MEL)


def test_what_was_said_often_without_a_complaint_is_out_of_date_rather_than_untrue() -> None:
    against = [*said(False, BEN), *said(False, CLEO)]
    often = {LessonId("l1"): PROVEN_AFTER * 3}
    assert believed(against).is_low(MEL)
    assert not believed(against, served=often).is_low(MEL)


def test_what_a_colleague_stood_behind_balances_a_complaint() -> None:
    assert not believed(said(True, ANA), said(False, BEN)).is_low(MEL)


def test_two_who_are_mostly_each_others_witnesses_are_one_voice() -> None:
    both_good = [opinion for who in (ANA, MEL) for other in (BEN, CLEO) for opinion in praise(other, who, 4)]
    mostly = max(4, int(MOST)) * 2  # as many as of the others together
    assert believed(both_good, praise(ANA, MEL, mostly), praise(ANA, BEN, 4)).are_independent(ANA, MEL)
    beyond = believed(both_good, praise(ANA, MEL, mostly + 1), praise(CLEO, BEN, 4), praise(MEL, BEN, 4))
    assert all(map(beyond.is_good, (ANA, BEN, MEL)))
    assert not beyond.are_independent(ANA, MEL)
    assert not beyond.are_independent(MEL, ANA)
    assert beyond.are_independent(BEN, MEL)


def test_two_who_are_alone_are_each_others_second_opinion() -> None:
    assert believed(praise(ANA, BEN, 20), praise(BEN, ANA, 20)).are_independent(ANA, BEN)


def praise(witness: str, teacher: str, count: int) -> list[Opinion]:
    """Of as many lessons, which others may stand behind as well."""
    return said(True, witness, teacher, *(f"{teacher}-{number}" for number in range(count)))


# --- lessons of one fact say something of each other -----------------------------------------------------------------


def lesson(id: str, author: str, answer: str) -> Lesson:
    return Lesson(
        id=LessonId(id), fact=FactId("f"), question="How?", answer=answer, author=author, author_name=author,
        source=LessonSource.CORRECTION, taught_at=NOW,
    )  # fmt: skip


def test_the_same_answer_is_an_agreement_of_both() -> None:
    found = of_shared([lesson("1", ANA, "so"), lesson("2", BEN, "so")])
    assert {(each.teacher, each.witness, each.agrees) for each in found} == {(ANA, BEN, True), (BEN, ANA, True)}


def test_what_stands_in_the_end_decides_who_was_right() -> None:
    found = of_shared([lesson("1", ANA, "so"), lesson("2", MEL, "other"), lesson("3", BEN, "so")])
    assert {(each.teacher, each.witness, each.agrees) for each in found} == {
        (ANA, BEN, True), (BEN, ANA, True), (MEL, BEN, False),
    }  # fmt: skip
