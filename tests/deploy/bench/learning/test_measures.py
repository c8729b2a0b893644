"""Figures from what happened, on cases that can be counted by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.bench.learning.curve import Mark
from deploy.bench.learning.figures import Figure, over_seeds, share
from deploy.bench.learning.measures import backward_transfer, coverage, forgetting, of_marks, of_stream, plasticity
from deploy.bench.learning.stream import Happened


def mark(confidence: float, *, right: bool, fact: str = "f") -> Mark:
    return Mark(fact, right, answered=True, asked_back=False, likeliest_right=right, confidence=confidence)


def happened(fact: str | None = "f", *, right: bool = True, corrected: bool = False, **others: bool) -> Happened:
    defaults = dict.fromkeys(("asked_back", "lied", "says_lie", "says_superseded", "told_of_change"), False)
    return Happened(fact, right, corrected=corrected, **{"answered": True, **defaults, **others})


def test_a_share_is_the_mean_within_its_interval() -> None:
    figure = share([("a", 1), ("a", 1), ("b", 0), ("c", 1)])
    assert figure.value == 0.75
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < 0.75 < figure.high
    assert figure.of == 4
    assert share([]).value is None


def test_coverage_goes_as_far_as_the_errors_allow() -> None:
    right = [mark(1 - i / 100, right=True) for i in range(19)]
    assert coverage([*right, mark(0.5, right=False), mark(0.4, right=False)]) == 20 / 21  # one of twenty is wrong
    assert coverage([mark(0.9, right=False), mark(0.8, right=True)]) == 0
    assert coverage([]) == 0


def test_what_is_equally_sure_stands_or_falls_together() -> None:
    assert coverage([mark(0.9, right=True), mark(0.9, right=False)]) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_what_coverage_covers_is_wrong_in_at_most_a_twentieth(pairs: list[tuple[float, bool]]) -> None:
    marks = [mark(confidence, right=right) for confidence, right in pairs]
    covered = sorted(marks, key=lambda each: -(each.confidence or 0.0))[: round(coverage(marks) * len(marks))]
    assert sum(not each.likeliest_right for each in covered) <= 0.05 * len(covered)


def test_marks_tell_at_once_from_in_the_end() -> None:
    asked_back = Mark("f", right=True, answered=True, asked_back=True, likeliest_right=False, confidence=0.4)
    figures = of_marks([mark(0.9, right=True), asked_back])
    assert figures["strict"].value == 1
    assert figures["at_once"].value == figures["asked_back"].value == 0.5


def test_effort_compares_the_last_third_with_the_first() -> None:
    events = [happened(right=False, corrected=True)] * 4 + [happened()] * 7 + [happened(right=False, corrected=True)]
    assert of_stream(events)["effort_last_vs_first"].value == -0.75
    assert of_stream(events)["corrections_per_100_first_third"].value == 100
    assert of_stream(events)["corrections_per_100_last_third"].value == 25
    assert of_stream([happened()] * 6)["effort_last_vs_first"].value is None


def test_seeds_and_facts_both_widen_an_interval() -> None:
    apart = over_seeds([{"x": Figure(0.4, 0.3, 0.5)}, {"x": Figure(0.6, 0.5, 0.7)}])["x"]
    same = over_seeds([{"x": Figure(0.5, 0.4, 0.6)}] * 2)["x"]
    assert same.low == pytest.approx(0.4)  # the facts are the same: more seeds say no more of them
    assert apart.low is not None
    assert apart.low < 0.4


def test_transfer_counts_the_first_question_after_a_facts_first_correction() -> None:
    events = [
        happened("a", right=False, corrected=True), happened("b"), happened("a"), happened("a", right=False),
        happened("b", right=False, corrected=True), happened("b", right=False),
    ]  # fmt: skip
    assert of_stream(events)["one_shot_transfer"].value == 0.5


def test_a_lie_counts_where_it_is_given_to_those_who_ask_later() -> None:
    lie = happened("a", right=False, corrected=True, lied=True)
    events = [lie, happened("a", right=False, says_lie=True), happened("a"), happened("b")]
    assert of_stream(events)["poison_success"].value == 0.5


def test_stale_counts_only_after_the_bot_was_told() -> None:
    told = happened("a", right=False, says_superseded=True, told_of_change=True)
    events = [happened("a", right=False, says_superseded=True), told, happened("a", told_of_change=True)]
    assert of_stream(events)["stale"].value == 0.5


def test_what_is_out_of_scope_is_no_question_to_a_fact() -> None:
    figures = of_stream([happened(None, answered=True), happened(None, answered=False), happened("a")])
    assert figures["stream_oos_answered"].value == 0.5
    assert figures["online_accuracy"].of == 1


def test_forgetting_is_what_is_lost_of_the_best() -> None:
    rounds = [{"a": 0.5}, {"a": 1.0, "b": 1.0}, {"a": 0.5, "b": 1.0}]
    assert forgetting(rounds).value == 0.25  # a lost a half, b nothing
    assert forgetting(rounds).of == 2
    assert forgetting([{"a": 1.0}]).value is None


def test_backward_transfer_is_what_later_rounds_did_to_earlier_ones() -> None:
    rounds = [{"a": 0.5}, {"a": 1.0, "b": 1.0}, {"a": 0.75, "b": 0.5}]
    assert backward_transfer(rounds).value == pytest.approx((0.25 - 0.5) / 2)
    assert plasticity(rounds).value == pytest.approx((0.5 + 1.0) / 2)


def test_what_is_not_sure_of_anything_covers_nothing_that_could_be_told() -> None:
    figures = of_marks([Mark("f", True, True, asked_back=False, likeliest_right=False, confidence=None)])
    assert figures["strict"].value == 1
    assert figures["coverage_at_5pct_error"].value is None
    assert figures["coverage_at_5pct_error"].reason


def test_over_seeds_are_means_with_their_spread() -> None:
    figure = over_seeds([{"x": Figure(0.4, of=5, reason="No.")}, {"x": Figure(0.6, of=5, reason="Yes.")}])["x"]
    assert figure.reason == "No. Yes."
    assert figure.value == pytest.approx(0.5)
    assert figure.low == pytest.approx(0.5 - 12.71 * 0.1)
    assert figure.of == 10
    assert over_seeds([{"x": Figure(None, reason="none")}, {"x": Figure(None)}])["x"].value is None
