"""Compares texts by the words that carry their meaning. Knows nothing of what the texts are for."""

from functools import lru_cache

from bot.support import content_words

NEAR_DUPLICATE = 0.7
KEPT = 8_192  # the same texts are compared with each other all the time


def near_duplicate(a: str, b: str) -> bool:
    """True when two texts say nearly the same words (Jaccard similarity of their content words)."""
    first, second = _distinct(a), _distinct(b)
    if not first or not second:
        return a.strip().lower() == b.strip().lower()
    return len(first & second) / len(first | second) >= NEAR_DUPLICATE


def share_within(text: str, other: str) -> float:
    """Share of a text's content words that the other one has, in [0, 1]."""
    words, known = _words(text), _distinct(other)
    return sum(word in known for word in words) / len(words) if words else 0.0


@lru_cache(KEPT)
def _words(text: str) -> tuple[str, ...]:
    return tuple(content_words(text))


@lru_cache(KEPT)
def _distinct(text: str) -> frozenset[str]:
    return frozenset(_words(text))
