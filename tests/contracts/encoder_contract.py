"""What every encoder keeps to. A test class that inherits from it brings the `encoder` fixture."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from learning.encoder import Encoder

TEXTS = [
    "How do I refund a payment?",
    "",
    "Refund the payment of a customer",
    "Where is the waiting list? " * 200,
    "Ümläute, 日本語 und 🎉",
    "The weather in Mongolia",
]


class EncoderContract:
    def test_rows_have_unit_length_and_the_texts_order(self, encoder: Encoder) -> None:
        together = encoder.encode(TEXTS)
        assert together.dtype == np.float32
        assert together.shape[0] == len(TEXTS)
        np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1.0, atol=1e-5)
        for row, text in zip(together, TEXTS, strict=True):
            np.testing.assert_allclose(encoder.encode([text])[0], row, atol=1e-4)

    def test_no_texts_are_no_rows(self, encoder: Encoder) -> None:
        assert encoder.encode([]).shape == (0, encoder.encode(["a word"]).shape[1])

    def test_what_means_the_same_is_nearer_than_what_does_not(self, encoder: Encoder) -> None:
        refund, _, same, _, _, other = encoder.encode(TEXTS)
        assert refund @ same > refund @ other + 0.2

    def test_threads_do_not_disturb_each_other(self, encoder: Encoder) -> None:
        alone = encoder.encode(TEXTS)
        with ThreadPoolExecutor(4) as pool:
            for vectors in pool.map(encoder.encode, [TEXTS] * 4):
                np.testing.assert_allclose(vectors, alone, atol=1e-4)

    def test_its_name_is_fit_for_a_key(self, encoder: Encoder) -> None:
        assert encoder.name
        assert len(encoder.name) < 64
