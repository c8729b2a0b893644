"""The encoders keep to one contract."""

import pytest

from learning.encoder import DIMENSIONS, Encoder, MiniLmEncoder
from learning.models import resolve_encoder
from tests.contracts.encoder_contract import EncoderContract
from tests.fakes.encoder import HashingEncoder
from tests.learning.model_cache import CACHE, needs


class TestHashingEncoder(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Encoder:
        return HashingEncoder()


@pytest.fixture(scope="module")
def minilm() -> Encoder:
    return MiniLmEncoder(resolve_encoder(CACHE))


@needs("all-minilm-l6-v2")
class TestMiniLm(EncoderContract):
    @pytest.fixture
    def encoder(self, minilm: Encoder) -> Encoder:
        return minilm

    def test_a_paraphrase_without_shared_words_is_near(self, encoder: Encoder) -> None:
        asked, meant, other = encoder.encode(["I want my money back", "How do refunds work?", "How do I add a room?"])
        assert asked.shape == (DIMENSIONS,)
        assert asked @ meant > asked @ other + 0.2
