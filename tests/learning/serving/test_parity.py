"""A converted model is compared with transformers by what it would write next."""

from math import inf, nan

import pytest
from transformers import AutoTokenizer

from learning.models import BaseModel
from learning.serving.merging import load_merged
from learning.serving.parity import ASKED, PROMPTS, TOKENS, Probe, mean_difference, probe

OURS = [Probe([1, 2], {7: -0.5, 8: -1.0}), Probe([1, 2, 7], {9: -0.1})]


@pytest.mark.parametrize(
    ("told", "difference"),
    [
        ([{7: -0.5, 8: -1.0, 3: -4.0}, {9: -0.1}], 0.0),
        ([{7: -0.6, 8: -1.2}, {9: -0.4}], 0.2),
        ([{7: -0.5}, {9: -0.1}], inf),
        ([{7: -0.5, 8: nan}, {9: -0.1}], inf),
        ([{7: -0.5, 8: -1.0}, None], 0.0),
        ([None, None], inf),
    ],
    ids=["the same", "others less likely", "one missing", "no number", "half told", "nothing told"],
)
def test_likely_tokens_are_compared(told: list[dict[int, float] | None], difference: float) -> None:
    assert mean_difference(OURS, told) == pytest.approx(difference)


def test_a_model_whose_numbers_are_not_finite_equals_nothing() -> None:
    assert mean_difference([Probe([1], {7: nan})], [{7: nan}]) == inf


def test_probes_follow_the_text_that_transformers_writes(base: BaseModel) -> None:
    probes = probe(load_merged(base, None), AutoTokenizer.from_pretrained(base.folder))
    assert len(probes) == len(PROMPTS) * TOKENS
    for i, each in enumerate(probes):
        assert 1 <= len(each.likely) <= ASKED
        if i % TOKENS:
            likeliest = max(probes[i - 1].likely.items(), key=lambda item: item[1])[0]
            assert each.ids == [*probes[i - 1].ids, likeliest]
