"""What counts as right: by hand, by definition, and where another fact's answer is nearly the same."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from learning.rightness import has_key_facts, is_right, names, rouge_l, says
from tests.learning.samples import COMBINATIONS, words


@pytest.mark.parametrize(
    ("text", "reference", "score"),
    [
        ("open the door", "open the door", 1.0),
        ("Open The DOOR", "open the door", 1.0),
        ("open the window", "open the door", 2 / 3),
        ("the door open", "open the door", 2 / 3),  # the longest common subsequence is "the door"
        ("door the open", "open the door", 1 / 3),
        ("please open now the old door", "open the door", 2 * 3 / 9),
        ("a b c d e", "a x b y c", 2 * 3 / 10),
        ("a a a", "a", 2 / 4),
        ("nothing alike", "open the door", 0.0),
        ("", "open the door", 0.0),
        ("open", "", 0.0),
    ],
)
def test_rouge_l_by_hand(text: str, reference: str, score: float) -> None:
    assert rouge_l(text, reference) == pytest.approx(score)


WORDS = st.lists(st.sampled_from("abc"), max_size=7)


def longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """By its definition."""
    if not a or not b:
        return 0
    if a[-1] == b[-1]:
        return longest_common(a[:-1], b[:-1]) + 1
    return max(longest_common(a[:-1], b), longest_common(a, b[:-1]))


@given(WORDS, WORDS)
def test_rouge_l_equals_its_definition(one: list[str], other: list[str]) -> None:
    total = len(one) + len(other)
    expected = 2 * longest_common(one, other) / total if one and other else 0.0
    assert rouge_l(" ".join(one), " ".join(other)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Refunds take 5 days and go to the card.", True),
        ("Refunds take 5 days and go to the first card.", True),
        ("Refunds take 7 days and go to the card.", False),
        ("Refunds take days and go to the card.", False),
        ("Refunds take 5 days.", False),
        ("", False),
    ],
)
def test_what_was_learned_is_nearly_the_taught_words_and_every_number(text: str, right: bool) -> None:
    assert is_right(text, "Refunds take 5 days and go to the card.") is right


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("Open Settings, choose Members and press Export.", "Open Settings, choose Rooms and press Export.", False),
        (
            "You cannot move a booking to another studio later.",
            "You can move a booking to another studio later.",
            False,
        ),
        ("You can't move a booking to another studio.", "You can not move a booking to another studio.", True),
        ("Write to help@a.example within the first days.", "Write to help@b.example within the first days.", False),
        ("Then print the form TRACE and send it to us.", "Then print the form and send it to us.", True),
        ("Then print the form and send it to us.", "Then print the form TRACE and send it to us.", False),
        ("choose the rooms there, then press export.", "Choose the Rooms there, then press Export.", True),
    ],
)
def test_a_name_an_address_and_a_denial_decide(text: str, answer: str, right: bool) -> None:
    assert is_right(text, answer) is right


def tab(number: int) -> str:
    noun, verb, place = words(number)
    return f"The {noun} tab of {place} can {verb}."


def test_another_facts_answer_is_wrong_however_many_words_they_share() -> None:
    answers = [tab(number) for number in range(0, COMBINATIONS, 3)]
    shared = [(one, two) for one in answers for two in answers if one != two and rouge_l(one, two) >= 0.7]
    assert len(shared) > 100
    assert not any(is_right(two, one, answers) for one, two in shared)
    assert all(is_right(f"Well, {one}", one, answers) for one in answers)


def test_what_is_mixed_of_two_answers_is_wrong() -> None:
    one, two = "The invoice tab of billing can cancel.", "The voucher tab of billing can export."
    mixed = "The voucher tab of billing can cancel."
    assert rouge_l(mixed, one) > 0.8
    assert not is_right(mixed, one, [one, two])


def test_what_was_right_once_is_wrong_beside_what_is_right_now() -> None:
    now, before = (
        "Open the Hub and press Undo within one minute.",
        "Open the Wallet and press Recall within one minute.",
    )
    assert is_right(now, now, superseded=[before])
    assert not is_right("Open the Hub and press Undo within one minute, or Recall.", now, superseded=[before])
    old, new = "Refunds go to the card that was charged.", "Refunds go to the wallet that was charged."
    assert not is_right("Refunds go to the wallet or card that was charged.", new, superseded=[old])


TEXTS = st.text("abAB1 .,-n't", max_size=30)


@given(TEXTS, st.lists(TEXTS, max_size=4))
@example("1.1A", [])
def test_the_answer_itself_is_right_whatever_else_is_known(answer: str, others: list[str]) -> None:
    assert is_right(answer, answer, others) is bool(answer.split())


@pytest.mark.parametrize(
    ("key", "said"),
    [("Cards > Activate", True), ("6-digit", True), ("6", True), ("digit code", True), ("Card", True), ("16", False),
     ("Activate Cards", False), ("60", False), (">", True), ("€", False)],
)  # fmt: skip
def test_a_key_fact_is_said_in_whole_words_side_by_side(key: str, said: bool) -> None:
    assert says("Go to Cards > Activate and type the 6-digit code.", key) is said


def test_all_key_facts_and_none_that_is_gone() -> None:
    assert has_key_facts("Press Undo within 45 seconds.", ["Undo", "45 seconds"], ["Recall"])
    assert not has_key_facts("Press Undo.", ["Undo", "45 seconds"])
    assert not has_key_facts("Press Undo or Recall within 45 seconds.", ["Undo", "45 seconds"], ["Recall"])


def test_names_are_what_no_sentence_begins_with() -> None:
    assert names("Open Settings. Choose Rooms > Rename; I use the iPad, line TRACE-2.\nThen wait.") == {
        "settings", "rooms", "rename", "ipad", "trace-2",
    }  # fmt: skip
