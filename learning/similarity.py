"""Which texts say the same, as far as training and judging must be kept apart: by their words, and by what they mean.

Knows nothing of encoders: the vectors are those that memory keeps.
"""

import re
from collections.abc import Callable, Mapping

import numpy as np

from learning.wording import near_duplicate

SAME = 0.8
"""Cosine from which two questions surely ask for the same fact."""
PARAPHRASE = 0.74
"""Cosine from which two texts seem to say the same. Chosen on tests/learning/paraphrases_dev.csv: a lower one finds few
paraphrases more, and takes many more texts for the same that aren't."""
PARAPHRASE_WITH_NUMBER = 0.5
"""The same where both name the same number: whoever words a rule anew leaves its numbers, and another rule has others.
Chosen on the same texts."""

Alike = Callable[[str, str], bool]
Vectors = Mapping[str, bytes]
"""Those of texts, of unit length, float32 (D,). Texts without one are compared by their words alone."""

_NUMBER = re.compile(r"\d{2,}")
"""Single digits count steps, and stand in any text."""


def alike_by(vectors: Vectors) -> Alike:
    """Whether two texts seem to say the same."""
    cosine = _cosine(vectors)
    numbers = {text: frozenset(_NUMBER.findall(text)) for text in vectors}

    def alike(a: str, b: str) -> bool:
        near = cosine(a, b)
        if near >= PARAPHRASE or (near >= PARAPHRASE_WITH_NUMBER and not numbers[a].isdisjoint(numbers[b])):
            return True
        return near_duplicate(a, b)

    return alike


def same_by(vectors: Vectors) -> Alike:
    """Whether two texts surely say the same."""
    cosine = _cosine(vectors)
    return lambda a, b: near_duplicate(a, b) or cosine(a, b) >= SAME


def _cosine(vectors: Vectors) -> Callable[[str, str], float]:
    read = {text: np.frombuffer(raw, dtype=np.float32) for text, raw in vectors.items()}

    def cosine(a: str, b: str) -> float:
        first, second = read.get(a), read.get(b)
        return float(first @ second) if first is not None and second is not None else 0.0

    return cosine
