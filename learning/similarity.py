"""Which texts say the same, as far as training and judging must be kept apart: by their words, and by what they mean.

Knows nothing of encoders: the vectors are those that memory keeps.
"""

from collections.abc import Callable, Mapping

import numpy as np

from learning.wording import near_duplicate

PARAPHRASE = 0.8
"""Cosine from which two texts count as saying the same. Of the questions of two help centres, 2 to 3 % have one so near
that has another answer, and 3 to 8 % of their answers."""

Alike = Callable[[str, str], bool]


def alike_by(vectors: Mapping[str, bytes]) -> Alike:
    """Texts without a vector are compared by their words alone. `vectors`: of unit length, float32 (D,)."""
    read = {text: np.frombuffer(raw, dtype=np.float32) for text, raw in vectors.items()}

    def alike(a: str, b: str) -> bool:
        if near_duplicate(a, b):
            return True
        first, second = read.get(a), read.get(b)
        return first is not None and second is not None and float(first @ second) >= PARAPHRASE

    return alike
