"""What was read before is found again, within a bound of memory."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from learning.serving.prefixes import LEAST, Prefixes


def states(tokens: list[int]) -> torch.Tensor:
    """Something that tells which tokens it was computed from: (2, 1, T, 1)."""
    return torch.tensor(tokens, dtype=torch.float32).reshape(1, 1, -1, 1).expand(2, -1, -1, -1).clone()


PROMPT = list(range(40))


def test_a_prompt_that_goes_on_differently_is_read_from_there() -> None:
    prefixes = Prefixes(10_000)
    prefixes.keep(PROMPT, states(PROMPT))
    length, kept = prefixes.longest([*PROMPT[:30], 99, 98])
    assert length == 30
    assert kept is not None
    assert kept[0, 0, :30, 0].tolist() == PROMPT[:30]


def test_of_a_prompt_that_is_known_to_its_end_the_last_token_is_left() -> None:
    prefixes = Prefixes(10_000)
    prefixes.keep(PROMPT, states(PROMPT))
    assert prefixes.longest(PROMPT)[0] == len(PROMPT) - 1


def test_a_short_beginning_is_not_worth_it() -> None:
    prefixes = Prefixes(10_000)
    prefixes.keep(PROMPT, states(PROMPT))
    assert prefixes.longest([*PROMPT[: LEAST - 1], 99, 98]) == (0, None)


def test_a_longer_one_takes_the_place_of_what_it_begins_with() -> None:
    prefixes = Prefixes(10_000)
    prefixes.keep(PROMPT[:20], states(PROMPT[:20]))
    prefixes.keep(PROMPT, states(PROMPT))
    assert prefixes.bytes == states(PROMPT).nbytes


def test_what_was_not_used_for_longest_goes_first() -> None:
    first, second, third = ([n] * 20 for n in (1, 2, 3))
    prefixes = Prefixes(2 * states(first).nbytes)
    prefixes.keep(first, states(first))
    prefixes.keep(second, states(second))
    assert prefixes.longest([*first, 9])[0] == 20
    prefixes.keep(third, states(third))
    assert [prefixes.longest([*each, 9])[0] for each in (first, second, third)] == [20, 0, 20]


def test_what_is_larger_than_the_bound_is_not_kept() -> None:
    prefixes = Prefixes(100)
    prefixes.keep(PROMPT, states(PROMPT))
    assert prefixes.bytes == 0


@given(st.lists(st.lists(st.integers(0, 1), min_size=LEAST, max_size=30), max_size=12), st.data())
def test_nothing_wrong_is_ever_given_and_the_bound_is_kept(prompts: list[list[int]], data: st.DataObject) -> None:
    prefixes = Prefixes(600)
    for prompt in prompts:
        prefixes.keep(prompt, states(prompt))
        assert prefixes.bytes <= 600
        asked = [*data.draw(st.sampled_from(prompts)), 1]
        length, kept = prefixes.longest(asked)
        if kept is not None:
            assert kept[0, 0, :length, 0].tolist() == asked[:length]


def test_the_latest_are_the_last_that_were_kept() -> None:
    prefixes = Prefixes(10**9)
    prompts = [tuple(range(start, start + 20)) for start in (100, 200, 300)]
    for prompt in prompts:
        prefixes.keep(prompt, torch.zeros(1))
    assert [prefixes.latest(number) for number in (0, 2, 9)] == [[], prompts[1:], prompts]
