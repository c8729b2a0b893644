"""Which rows go together, and how they become tensors."""

import random

from hypothesis import given
from hypothesis import strategies as st

from learning.batching import MIN_SHARED, SAME_TEXTS, collate, length_grouped, same_texts, shared_length
from learning.chat_format import NOT_TRAINED, Encoded
from tests.learning.encoded import ragged, row, tokens


@given(st.randoms(use_true_random=False), st.integers(0, 30), st.integers(1, 9))
def test_batches_hold_every_row_once(rng: random.Random, rows: int, batch_size: int) -> None:
    data = [each for shared in (2 * SAME_TEXTS, 40, 0) for each in ragged(rng, rows=rows, shared=shared)]
    batches = length_grouped(data, batch_size, rng)
    assert sorted(id(each) for batch in batches for each in batch) == sorted(map(id, data))
    assert all(1 <= len(batch) <= batch_size for batch in batches)


def test_rows_of_similar_length_go_together() -> None:
    rng = random.Random(0)
    data = [row([i], tokens(rng, length)) for i, length in enumerate([3, 40, 4, 41, 5, 42])]
    batches = length_grouped(data, 3, rng)
    assert sorted(sorted(each.answer_length for each in batch) for batch in batches) == [[3, 4, 5], [40, 41, 42]]


def test_rows_that_begin_alike_go_together_whatever_their_length() -> None:
    rng = random.Random(0)
    first, second = (ragged(rng, rows=8, shared=MIN_SHARED) for _ in range(2))
    batches = length_grouped([*first, *second], 4, rng)
    assert all(shared_length(batch) >= MIN_SHARED for batch in batches)


def test_a_beginning_that_fills_no_batch_does_not_stand_against_similar_length() -> None:
    rng = random.Random(0)
    data = [row(tokens(rng, MIN_SHARED), tokens(rng, length)) for length in [3, 40, 4, 41, 5, 42]]
    batches = length_grouped(data, 3, rng)
    assert sorted(sorted(each.answer_length for each in batch) for batch in batches) == [[3, 4, 5], [40, 41, 42]]


def test_rows_about_the_same_texts_stay_together_and_fill_batches() -> None:
    rng = random.Random(0)
    texts = [ragged(rng, rows=rows, shared=SAME_TEXTS + 1) for rows in (6, 9, 2)]
    single = ragged(rng, rows=2, shared=0)
    batches = length_grouped([*single, *(row for rows in texts for row in rows)], 8, rng)
    together = [
        sorted(len(part) for part in same_texts(batch) if shared_length(part) > SAME_TEXTS) for batch in batches
    ]
    assert sorted(filter(None, together)) == [[2, 6], [8]]  # the ninth row is alone, and goes with the others
    assert sorted(map(len, batches)) == [3, 8, 8]


@given(st.lists(st.integers(1, 5), max_size=4))
def test_parts_hold_every_row_once_and_share_what_they_can(sizes: list[int]) -> None:
    rng = random.Random(0)
    batch = [each for rows in sizes for each in ragged(rng, rows=rows, shared=SAME_TEXTS + 1)]
    parts = same_texts(batch)
    assert sorted(id(row) for part in parts for row in part) == sorted(map(id, batch))
    assert sum(shared_length(part) > SAME_TEXTS for part in parts) == sum(rows > 1 for rows in sizes)


def test_the_same_seed_gives_the_same_batches() -> None:
    data = ragged(random.Random(0), rows=20, shared=5)
    assert length_grouped(data, 4, random.Random(1)) == length_grouped(data, 4, random.Random(1))
    assert length_grouped(data, 4, random.Random(1)) != length_grouped(data, 4, random.Random(2))


def test_no_more_is_shared_than_all_prompts_have() -> None:
    rows = [row([1, 2, 3, 4, 5], [9]), row([1, 2, 3, 7, 5], [9]), row([1, 2, 3, 4], [9])]
    assert shared_length(rows) == 3


def test_the_last_token_of_a_prompt_is_not_shared_nor_is_an_answer() -> None:
    assert shared_length([row([1, 2, 3], [4, 5]), row([1, 2, 3], [4, 6])]) == 2
    assert shared_length([row([1, 2], [3, 4]), row([1, 2, 3], [4, 6])]) == 1


def test_one_row_has_nobody_to_share_with() -> None:
    assert shared_length([row([1, 2, 3], [4])]) == 0


def test_nothing_in_common_is_nothing_shared() -> None:
    assert shared_length([row([1, 2], [3]), row([2, 2], [3])]) == 0


def test_rows_are_padded_on_the_right() -> None:
    ids, labels = collate([row([1, 2], [3]), row([4], [5, 6, 7])])
    assert ids.tolist() == [[1, 2, 3, 0], [4, 5, 6, 7]]
    assert labels.tolist() == [[NOT_TRAINED, NOT_TRAINED, 3, NOT_TRAINED], [NOT_TRAINED, 5, 6, 7]]


def test_a_prompt_can_be_given_the_answer_of_another_row() -> None:
    mixed = row([1, 2], [3]).with_answer_of(row([4, 5, 6], [7, 8]))
    assert mixed == Encoded([1, 2, 7, 8], [NOT_TRAINED, NOT_TRAINED, 7, 8])
