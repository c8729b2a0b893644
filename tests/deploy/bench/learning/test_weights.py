"""The one retraining of the benchmark."""

import pytest

from deploy.bench.learning import stages
from deploy.bench.learning.weights import split
from learning.dataset import MIN_LESSONS
from tests.deploy.bench.learning.banks import bank, fact


@pytest.mark.parametrize("size", [stages.QUICK, stages.FULL])
def test_enough_is_taught_to_be_trained_on(size: stages.Size) -> None:
    parts = split(bank(*(fact(f"thing {n}") for n in range(size.trained_facts))))
    assert len(parts.taught) >= MIN_LESSONS
    assert parts.unseen
