"""The encoders keep to one contract."""

import csv

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

from learning.encoder import DIMENSIONS, PROJECTION, TUNING, Encoder, MpnetEncoder, add_lora, mean_pooled, unit
from learning.models import resolve_encoder
from tests.contracts.encoder_contract import EncoderContract
from tests.fakes.encoder import HashingEncoder
from tests.learning.model_cache import CACHE, needs
from tests.learning.test_held_out import DEMO


class TestHashingEncoder(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Encoder:
        return HashingEncoder()


@pytest.fixture(scope="module")
def mpnet() -> Encoder:
    return MpnetEncoder(resolve_encoder(CACHE))


@needs("all-mpnet-base-v2")
class TestMpnet(EncoderContract):
    @pytest.fixture
    def encoder(self, mpnet: Encoder) -> Encoder:
        return mpnet

    def test_a_paraphrase_without_shared_words_is_near(self, encoder: Encoder) -> None:
        asked, meant, other = encoder.encode(["I want my money back", "How do refunds work?", "How do I add a room?"])
        assert asked.shape == (DIMENSIONS,)
        assert asked @ meant > asked @ other + 0.2

    def test_half_as_many_numbers_tell_the_same(self, encoder: Encoder) -> None:
        """Of texts that no part of the encoder was made from."""
        folder = resolve_encoder(CACHE)
        model = AutoModel.from_pretrained(folder).eval()
        add_lora(model, TUNING)
        with DEMO.open(encoding="utf-8", newline="") as file:
            texts = [row["question"] for row in csv.DictReader(file)][:30]
        inputs = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            whole = unit(mean_pooled(model, inputs)).numpy()
        half = encoder.encode(texts)
        np.testing.assert_allclose(half @ half.T, whole @ whole.T, atol=0.04)


def test_no_direction_is_kept_twice() -> None:
    projection = load_file(TUNING / PROJECTION)["projection"].float()
    assert projection.shape[1] == DIMENSIONS
    torch.testing.assert_close(projection.T @ projection, torch.eye(DIMENSIONS), atol=2e-3, rtol=0)
