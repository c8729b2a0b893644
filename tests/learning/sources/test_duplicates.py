"""Near-duplicates: every planted slip of the pen is found, and what differs in meaning is kept apart."""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.bench.edits import EDITS, words_swapped
from learning.sources.duplicates import keys, near, same_answer, same_question, words_of
from learning.sources.staging import FAQ, Staged, Staging

DEMO = Path(__file__).parents[3] / "deploy" / "demo"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def demo_entries() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name in ("faq.csv", "lessons.csv"):
        with (DEMO / name).open(encoding="utf-8", newline="") as file:
            found += [(row["question"], row["answer"]) for row in csv.DictReader(file)]
    return found


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Staging]:
    with Staging(tmp_path / "staging.db") as opened:
        yield opened


def add(staging: Staging, number: int, question: str, answer: str) -> tuple[int | None, bool]:
    """The id of the first that says the same, and whether it contradicts an earlier one."""
    entry = Staged(FAQ, "faq.csv", number, str(number), question, answer)
    staging.put(entry)
    return (entry.group, False) if staging.compare(entry) is None else (None, True)


def test_planted_near_duplicates_are_found_and_nothing_else_is(staging: Staging) -> None:
    entries, rng = demo_entries(), random.Random(7)
    assert [add(staging, i, *entry) for i, entry in enumerate(entries)] == [(None, False)] * len(entries)
    found = planted = 0
    for number, (question, answer) in enumerate(entries):
        for edit in EDITS:
            planted += 1
            in_answer = edit is not words_swapped and rng.random() < 0.5
            edited = (question, edit(answer, rng)) if in_answer else (edit(question, rng), answer)
            group, _ = add(staging, 10_000 + planted, *edited)
            found += group == number + 1  # ids count from one
    assert planted == 4 * len(entries)
    assert found / planted >= 0.99


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("What does error QB-417 mean?", "What does error QB-418 mean?"),
        ("How much does the Grove plan cost?", "How much does the Forest plan cost?"),
        ("Can I enable it?", "Can I disable it?"),
        ("How long is the trial?", "How long is the free trial?"),
        ("Is it 10 or 20?", "Is it 10 or 2?"),
    ],
)
def test_other_questions_stay_apart(first: str, second: str) -> None:
    assert not near(words_of(first), words_of(second))
    assert not same_question(words_of(first), words_of(second))


def test_the_same_question_with_another_answer_is_a_contradiction(staging: Staging) -> None:
    assert add(staging, 1, "How long is the trial?", "21 days.") == (None, False)
    assert add(staging, 2, "how long is the trial", "14 days.") == (None, True)
    assert add(staging, 3, "How long is the trial", "21 days") == (1, False)
    assert add(staging, 4, "How do I go from Seed to Grove?", "Choose Upgrade.") == (None, False)
    assert add(staging, 5, "How do I go from Grove to Seed?", "Choose Downgrade.") == (None, False)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Open Settings › Billing.", "Open settings, Billing", True),
        ("Open Settings, then Billing.", "Open Setings, then Billing.", True),
        ("You can.", "You can not.", False),
        ("You can cancel it.", "You can't cancel it.", False),
        ("We open at 9 am on Mondays.", "We open at 9 pm on Mondays.", False),
        ("Choose plan A.", "Choose plan B.", False),
        ("It takes 14 days.", "It takes 15 days.", False),
        ("Choose the left one.", "Choose the right one.", False),
    ],
)
def test_answers_are_compared_word_by_word(first: str, second: str, same: bool) -> None:
    assert same_answer(words_of(first), words_of(second)) is same


@given(st.lists(st.text(LETTERS, min_size=1, max_size=9), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_whatever_is_near_shares_a_key(words: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(words))
    word, cut = words[at], rng.randrange(len(words[at]) + 1)
    variants = [
        word[:cut] + rng.choice(LETTERS) + word[cut:],
        word[:cut] + word[cut + 1 :],
        word[:cut] + rng.choice(LETTERS) + word[cut + 1 :],
        word[:cut] + word[cut : cut + 2][::-1] + word[cut + 2 :],
    ]
    edited = [*words[:at], rng.choice(variants), *words[at + 1 :]]
    rng.shuffle(edited)
    first, second = words_of(" ".join(words)), words_of(" ".join(edited))
    if near(first, second):
        assert set(keys(first)) & set(keys(second))
