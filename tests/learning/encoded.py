"""Rows of random tokens, for what doesn't care what they mean."""

import random

from learning.chat_format import NOT_TRAINED, Encoded

VOCABULARY = 300


def tokens(rng: random.Random, count: int) -> list[int]:
    return [rng.randrange(VOCABULARY) for _ in range(count)]


def row(prompt: list[int], answer: list[int], rejected: list[int] | None = None) -> Encoded:
    other = row(prompt, rejected) if rejected is not None else None
    return Encoded(prompt + answer, [NOT_TRAINED] * len(prompt) + answer, other)


def ragged(rng: random.Random, *, rows: int, shared: int, pairs: bool = False) -> list[Encoded]:
    """Rows of different lengths whose prompts begin with the same tokens and go on differently."""
    prefix = tokens(rng, shared)
    return [
        row(
            [*prefix, i, *tokens(rng, rng.randrange(9))],
            tokens(rng, rng.randrange(1, 12)),
            tokens(rng, rng.randrange(1, 12)) if pairs and i % 3 != 2 else None,
        )
        for i in range(rows)
    ]
