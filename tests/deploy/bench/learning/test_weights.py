"""The one retraining of the benchmark."""

import pytest

from deploy.bench.learning import stages
from deploy.bench.learning.weights import _open_book, split
from learning.dataset import MIN_LESSONS
from tests.deploy.bench.learning.banks import bank, fact
from tests.fakes.encoder import HashingEncoder


@pytest.mark.parametrize("size", [stages.QUICK, stages.FULL])
def test_enough_is_taught_to_be_trained_on(size: stages.Size) -> None:
    parts = split(bank(*(fact(f"thing {n}") for n in range(size.trained_facts))))
    assert len(parts.taught) >= MIN_LESSONS
    assert parts.unseen


def test_entries_stand_in_the_prompt_as_memory_ranks_them() -> None:
    facts = [fact("card"), fact("loan"), fact("cash")]
    for asked_for in facts:
        others = [other for other in facts if other is not asked_for]
        prompt = _open_book(asked_for, asked_for.taught[0], others, HashingEncoder())[0].content
        places = [prompt.index(other.now.answer) for other in facts]
        assert min(places) == prompt.index(asked_for.now.answer)
        assert len(set(places)) == 3
        mistaken = _open_book(asked_for, others[0].taught[0], others, HashingEncoder())[0].content
        assert mistaken.index(others[0].now.answer) < mistaken.index(asked_for.now.answer)
