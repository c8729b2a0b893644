"""Drafts are copies, and those that never come true become rare."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from learning.serving.drafting import LONG, LONGEST_PAUSE, NGRAM, SHORT, Drafting

TOKENS = st.lists(st.integers(0, 4), max_size=40)


def test_what_followed_the_same_words_is_drafted() -> None:
    assert Drafting().draft([1, 2, 3, 4, 5, 9, 1, 2, 3], 3) == [4, 5, 9]


def test_of_several_places_the_latest_is_taken() -> None:
    assert Drafting().draft([1, 2, 3, 4, 0, 1, 2, 3, 5, 0, 1, 2, 3], 1) == [5]


def test_nothing_is_drafted_where_nothing_recurs() -> None:
    assert Drafting().draft([1, 2, 3, 4, 5, 6], 3) == []


@given(TOKENS, st.integers(-1, 8))
def test_a_draft_is_a_copy_from_behind_the_same_ending(tokens: list[int], most: int) -> None:
    draft = Drafting().draft(tokens, most)
    assert len(draft) <= max(0, most)
    if draft:
        wanted = [*tokens[-NGRAM:], *draft]
        assert any(tokens[i : i + len(wanted)] == wanted for i in range(len(tokens)))


@given(TOKENS, st.lists(st.integers(1, 3), max_size=20))
def test_while_a_text_grows_it_is_what_a_fresh_look_finds(tokens: list[int], steps: list[int]) -> None:
    growing, length = Drafting(), 0
    for step in steps:
        length += step
        assert (
            growing.draft(tokens[:length], SHORT)
            == Drafting().draft(tokens[:length], SHORT)
            == looked_up(tokens[:length])
        )


def looked_up(tokens: list[int]) -> list[int]:
    places = range(len(tokens) - NGRAM - 1, -1, -1)
    same = (start + NGRAM for start in places if tokens[start : start + NGRAM] == tokens[-NGRAM:])
    return tokens[behind : behind + SHORT] if (behind := next(same, None)) is not None else []


def test_drafts_that_fail_become_rare_and_one_that_holds_brings_them_back() -> None:
    drafting, tokens, tries = Drafting(), [7] * 10, []
    for _ in range(200):
        if draft := drafting.draft(tokens, 2):
            tries.append(len(tokens))
            drafting.learn(len(draft), 0, len(tokens))
        tokens.append(7)
    pauses = [b - a for a, b in itertools.pairwise(tries)]
    assert pauses[:5] == [1, 2, 4, 8, 16]
    assert set(pauses[5:]) == {LONGEST_PAUSE}
    while not drafting.draft(tokens, 2):
        tokens.append(7)
    drafting.learn(2, 1, len(tokens))
    drafting.learn(2, 0, len(tokens))
    tokens.append(7)
    assert drafting.draft(tokens, 2)


def test_a_draft_that_was_right_to_its_end_is_followed_by_a_longer_one() -> None:
    drafting, tokens = Drafting(), [*range(40), *range(NGRAM)]
    assert len(drafting.draft(tokens, 99)) == SHORT
    for accepted, then in ((SHORT, LONG), (LONG, LONG), (LONG - 1, SHORT)):
        drafting.learn(len(drafting.draft(tokens, 99)), accepted, len(tokens))
        assert len(drafting.draft(tokens, 99)) == then
