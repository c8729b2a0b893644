"""The one retraining of the benchmark."""

from collections.abc import Sequence

import pytest

from bot.ids import AdapterId
from bot.prompting import Message
from deploy.bench.learning import stages
from deploy.bench.learning.weights import _open_book, split, written
from deploy.bench.learning.writing import Writer
from learning.dataset import MIN_LESSONS
from tests.deploy.bench.learning.banks import bank, fact
from tests.fakes.encoder import HashingEncoder


class Reciting(Writer):
    """Says "It is NAME." where a name that it knows is asked for."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known

    async def write(self, adapter: AdapterId | None, prompt: list[Message]) -> str:
        asked = prompt[-1].content
        return next((f"It is {name}." for name in self._known if f"{name} tested?" in asked), "")


@pytest.mark.parametrize("size", [stages.QUICK, stages.FULL])
def test_enough_is_taught_to_be_trained_on(size: stages.Size) -> None:
    parts = split(bank(*(fact(f"thing {n}") for n in range(size.trained_facts))))
    assert len(parts.taught) >= MIN_LESSONS
    assert parts.unseen


async def test_what_was_trained_on_is_told_beside_all_that_was_taught() -> None:
    taught = bank(*(fact(f"thing {n}") for n in range(8)))
    learned = split(taught).taught[:4]
    by_heart, answers = Reciting([each.id for each in learned]), [each.now.answer for each in learned]
    figures = await written(by_heart, AdapterId("v1"), taught, HashingEncoder(), lambda: None, answers)
    assert figures["facts_kept_out"].value == 2
    assert figures["closed_book"].value == pytest.approx(4 / 6)
    assert figures["closed_book_trained"].value == 1
    nothing = await written(by_heart, None, taught, HashingEncoder(), lambda: None)
    assert nothing["facts_kept_out"].value == 6
    assert "trained on none" in nothing["closed_book_trained"].reason


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
