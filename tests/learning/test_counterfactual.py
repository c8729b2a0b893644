"""What is read says otherwise than what is known, and says it consistently."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from bot.ids import FactId
from learning.counterfactual import EXCHANGED, VARIED, exchanged, other_numbers, renumbered, with_numbers
from learning.examples import Entry

GROUP = [
    Entry(FactId("price"), "What does Grove cost?", "Grove costs 9 dollars for 12 seats.", ("price of 12 seats?",)),
    Entry(FactId("refund"), "Refunds?", "Within 21 days, to the card.", ("money back after 21 days?",)),
    Entry(FactId("export"), "Exports?", "Open Settings and choose Export.", ("how to export",)),
]
TIMES = 2_000
NUMBER = re.compile(r"\d+")


def test_a_share_of_the_groups_has_each_others_answers() -> None:
    rng = random.Random(0)
    drawn = [exchanged(GROUP, rng) for _ in range(TIMES)]
    apart = [group for group in drawn if group != GROUP]
    assert abs(len(apart) / TIMES - EXCHANGED) < 0.05
    for group in apart:
        assert sorted(entry.answer for entry in group) == sorted(entry.answer for entry in GROUP)
        assert all(entry.answer != own.answer for entry, own in zip(group, GROUP, strict=True))
        assert [(each.fact, each.title, each.questions) for each in group] == [
            (each.fact, each.title, each.questions) for each in GROUP
        ]


def test_an_entry_that_is_shown_alone_keeps_its_answer() -> None:
    assert all(exchanged(GROUP[:1], random.Random(seed)) == GROUP[:1] for seed in range(20))


def test_a_number_is_the_same_one_wherever_it_stands() -> None:
    rng = random.Random(0)
    changed = 0
    for _ in range(TIMES):
        price, refund, export = renumbered(GROUP, rng)
        assert NUMBER.findall(price.answer)[1] == NUMBER.findall(price.questions[0])[0]
        assert NUMBER.findall(refund.answer) == NUMBER.findall(refund.questions[0])
        assert export == GROUP[2]
        changed += (price, refund) != tuple(GROUP[:2])
    assert abs(changed / TIMES - VARIED) < 0.05


@given(st.text(alphabet="0123456789 .ax", max_size=40), st.integers(0, 99))
def test_only_numbers_change_and_they_stay_as_long(text: str, seed: int) -> None:
    changed = with_numbers(other_numbers([text], random.Random(seed)), text)
    assert NUMBER.sub("#", changed) == NUMBER.sub("#", text)
    assert [len(each) for each in NUMBER.findall(changed)] == [len(each) for each in NUMBER.findall(text)]
