"""Texts that say otherwise than what is known by heart, so that reading pays and knowing does not.

Where a text says what the adapter also learns closed book, it learns to answer from memory whatever it is shown. So
numbers are other ones, and answers stand under another question (Neeman et al. 2022, "DisentQA").
"""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from learning.examples import Entry

VARIED = 0.7
"""Share of the times that numbers are changed."""
EXCHANGED = 0.6
"""Share of the groups whose entries have each other's answers."""
NUMBER = re.compile(r"\d+")


def exchanged(group: Sequence[Entry], rng: random.Random) -> list[Entry]:
    """Entries that are shown together, mostly each with the answer of the next."""
    if rng.random() >= EXCHANGED:
        return list(group)
    following = [*group[1:], *group[:1]]
    return [replace(entry, answer=other.answer) for entry, other in zip(group, following, strict=True)]


def renumbered(group: Sequence[Entry], rng: random.Random) -> list[Entry]:
    """Entries that are shown together, mostly with other numbers."""
    numbers = other_numbers([text for entry in group for text in (entry.title, entry.answer, *entry.questions)], rng)
    return [
        replace(
            entry,
            title=with_numbers(numbers, entry.title),
            answer=with_numbers(numbers, entry.answer),
            questions=tuple(with_numbers(numbers, question) for question in entry.questions),
        )
        for entry in group
    ]


def other_numbers(texts: Iterable[str], rng: random.Random) -> Mapping[str, str]:
    """Another number of as many digits for each in the texts, or none at all."""
    if rng.random() >= VARIED:
        return {}
    known = dict.fromkeys(number for text in texts for number in NUMBER.findall(text))
    return {number: str(rng.randint(10 ** (len(number) - 1), 10 ** len(number) - 1)) for number in known}


def with_numbers(numbers: Mapping[str, str], text: str) -> str:
    return NUMBER.sub(lambda found: numbers.get(found.group(), found.group()), text)
