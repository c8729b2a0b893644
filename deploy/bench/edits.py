"""Slips of the pen to plant: a word mistyped, another case, other punctuation, two words that changed places."""

import random
from collections.abc import Callable

LETTERS = "abcdefghijklmnopqrstuvwxyz"
Edit = Callable[[str, random.Random], str]


def typo(text: str, rng: random.Random) -> str:
    """One letter more, less, or other, or two that changed places, in some word without digits."""
    words = text.split(" ")
    number = rng.choice([i for i, word in enumerate(words) if word.isalpha() and len(word) > 1])
    word, at = words[number], rng.randrange(len(words[number]) - 1)
    words[number] = rng.choice(
        [
            word[:at] + rng.choice(LETTERS) + word[at:],
            word[:at] + word[at + 1 :],
            word[:at] + rng.choice(LETTERS) + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )
    return " ".join(words)


def other_case(text: str, rng: random.Random) -> str:
    return rng.choice([text.lower(), text.upper(), text.title(), text.swapcase()])


def other_punctuation(text: str, rng: random.Random) -> str:
    return rng.choice([text.rstrip("?.!"), text + "??", text.replace(" ", "  "), text.replace(",", ""), f"“{text}”"])


def words_swapped(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    at = rng.randrange(len(words) - 1)
    words[at], words[at + 1] = words[at + 1], words[at]
    return " ".join(words)


EDITS: tuple[Edit, ...] = (typo, other_case, other_punctuation, words_swapped)
