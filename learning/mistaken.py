"""Questions that seem to ask for another fact than the one whose answer they were given: the wrong answer was pasted,
or one question was taken for another. They are told, and nothing is judged by them.

Confident learning (Northcutt et al. 2021) with the router in the classifier's place: each question is asked of a memory
that doesn't know it. It is suspected where that memory would be surprised by its answer, and knows one that it would
expect rather. Nearly as many honest questions that are asked roundabout are suspected as wrong ones, where these are
few: it is for people to look at. Knows vectors alone, those that memory keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.feedback import Fact
from bot.holding import RELATED_FROM
from learning.encoder import Vectors
from learning.router import FactVectors, rank

RATHER = 16.0
"""So many times as probable as its own answer is the one that a suspected question seems to ask for."""

MOST_FACTS = 1_000
"""More would keep a dry run waiting."""


@dataclass(frozen=True)
class Mistaken:
    question: str
    answer: str
    """That it was given."""
    rather: str
    """The one that it seems to ask for."""


def mistaken(facts: Sequence[Fact], vectors: Mapping[str, bytes]) -> list[Mistaken]:
    """Most surely mistaken first; of the newest facts. Facts that lack a vector are not looked at.

    `vectors`: of unit length, float32 (D,). `facts`: oldest first.
    """
    newest = facts[-MOST_FACTS:]
    known = [fact for fact in newest if all(text in vectors for text in (fact.lesson.answer, *fact.phrasings))]
    if len(known) < 2:
        return []
    memory = _memory(known, {text: np.frombuffer(raw, dtype=np.float32) for text, raw in vectors.items()})
    questions = [text for fact in known for text in fact.phrasings]
    found: list[tuple[float, Mistaken]] = []
    for row, owner in enumerate(memory.owners):
        other, times = _rather(memory, row, int(owner))
        own, theirs = known[owner].lesson.answer, known[other].lesson.answer
        if times >= RATHER and own != theirs:
            found.append((times, Mistaken(questions[row], own, theirs)))
    return [each for _, each in sorted(found, key=lambda pair: -pair[0])]


def _memory(facts: Sequence[Fact], vectors: Mapping[str, Vectors]) -> FactVectors:
    phrasings = np.stack([vectors[text] for fact in facts for text in fact.phrasings])
    starts = np.cumsum([0, *(len(fact.phrasings) for fact in facts[:-1])])
    return FactVectors(phrasings, starts, np.stack([vectors[fact.lesson.answer] for fact in facts]))


def _rather(memory: FactVectors, row: int, owner: int) -> tuple[int, float]:
    """The likeliest other fact for the question in this row, and how many times as likely it is as the owner; 0 times
    where the owner is no surprise."""
    cosines = memory.phrasings @ memory.phrasings[row]
    cosines[row] = -1.0
    if memory.owners[int(np.argmax(cosines))] == owner:  # nearly all: not worth a closer look
        return owner, 0.0
    ranked = {each.row: each.probability for each in rank(memory.phrasings[row], _without(memory, row, owner))}
    own = ranked.pop(owner, 0.0)
    best = max(ranked, key=lambda each: ranked[each], default=owner)
    return best, ranked.get(best, 0.0) / max(own, 1e-9) if own < RELATED_FROM else 0.0


def _without(memory: FactVectors, row: int, owner: int) -> FactVectors:
    """The memory without a question. Of a fact that has no other one, the answer stands in its place."""
    if np.count_nonzero(memory.owners == owner) == 1:
        phrasings = memory.phrasings.copy()
        phrasings[row] = memory.answers[owner]
        return FactVectors(phrasings, memory.starts, memory.answers)
    starts = memory.starts - (np.arange(len(memory.starts)) > owner)
    return FactVectors(np.delete(memory.phrasings, row, axis=0), starts, memory.answers)
