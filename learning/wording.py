"""Compares texts by the words that carry their meaning. Knows nothing of what the texts are for."""

from functools import lru_cache

from bot.support import content_words, jaccard

NEAR_DUPLICATE = 0.7
FEW_WORDS = 3
"""A text of fewer is within many others by chance."""
KEPT = 32_768  # the same texts are compared with each other all the time


def near_duplicate(a: str, b: str) -> bool:
    """True when two texts say nearly the same words."""
    if not _distinct(a) or not _distinct(b):
        return a.strip().lower() == b.strip().lower()
    return likeness(a, b) >= NEAR_DUPLICATE


def quotes(a: str, b: str) -> bool:
    """True when the words of one text stand as they are within the other, whatever is around them."""
    one, other = (" ".join(_words(text)) for text in (a, b))
    short, long = sorted((one, other), key=len)
    return len(short.split()) >= FEW_WORDS and f" {short} " in f" {long} "


def repeats(a: str, b: str) -> bool:
    """True when one text gives the other's words away."""
    return near_duplicate(a, b) or quotes(a, b)


def likeness(a: str, b: str) -> float:
    """Jaccard similarity of two texts' content words, in [0, 1]."""
    return jaccard(_distinct(a), _distinct(b))


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
