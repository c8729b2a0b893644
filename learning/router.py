"""How probably each known fact answers a question, "none of them" included. Works on vectors alone.

A conditional logit: every candidate fact has a score, and so has "none"; the softmax over them is the probability.
A fact's score weighs two things:
- nearest: cosine of the question and the fact's nearest phrasing;
- agreement: what kernel ridge regression over the nearest keys predicts, so that several keys of a fact count together,
  and near-duplicates only once. Keys are the phrasings and the answer's own text: what is asked for roundabout is often
  nearer to its answer than to another roundabout question.
There is nothing to refit when a lesson arrives: it only brings vectors. The weights were fitted on the demo data
(learning/calibration.py) and measured on other products (learning/coverage.py).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learning.encoder import Vectors

CANDIDATES = 10
NEAR_KEYS = 128
SHARPNESS = 1.0
"""How fast a key's say fades with distance: exp(SHARPNESS * (cosine - 1)). So slowly that even far keys take part in
deciding what a direction means; at 4 the ranking is worse on every data set."""
RIDGE = 0.1
FEW_FACTS = 50
MOST_FEW = 1.5
"""While fewer are known, the odds of "none" grow as they are fewer, since most of what is asked was not taught yet; in
log odds, and never so far that the very question that was taught isn't known."""

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]


class Weights(NamedTuple):
    nearest: float
    agreement: float
    none: float
    none_answer: float
    """"None" shrinks with the best cosine of the question and a candidate's answer: phrasings are many, and one of them
    is near to almost anything that is asked; a text that speaks of it is rarer."""


WEIGHTS = Weights(nearest=6.0, agreement=9.0, none=8.80, none_answer=-5.44)


@dataclass(frozen=True)
class FactVectors:
    """The facts' vectors, row by row. The phrasings of one fact stand together."""

    phrasings: Vectors
    """(phrasings, D)"""
    starts: Rows
    """(facts,): where each fact's phrasings begin."""
    answers: Vectors
    """(facts, D)"""

    @property
    def owners(self) -> Rows:
        """(phrasings,): the fact that each phrasing belongs to."""
        counts = np.diff(self.starts, append=len(self.phrasings))
        return np.repeat(np.arange(len(self.starts)), counts)


class Evidence(NamedTuple):
    rows: Rows
    """The candidate facts, nearest first."""
    features: Numbers
    """(candidates, 2): nearest, agreement."""
    best_answer: float
    """Cosine of the question and the nearest of the candidates' answers."""


class Ranked(NamedTuple):
    row: int
    probability: float


def rank(question: Vectors, facts: FactVectors, weights: Weights = WEIGHTS) -> list[Ranked]:
    """The candidates for a question vector (D,), most probable first. What is missing to 1 is "none of them"."""
    if not len(facts.starts):
        return []
    evidence = weigh(question, facts)
    scores = evidence.features @ weights[:2]
    none = few_facts(facts) + weights.none + weights.none_answer * evidence.best_answer
    shares = np.exp(np.append(scores, none) - max(scores.max(), none))
    probabilities = shares[:-1] / shares.sum()
    order = np.argsort(-probabilities, kind="stable")
    return [Ranked(int(evidence.rows[i]), float(probabilities[i])) for i in order]


def few_facts(facts: FactVectors) -> float:
    """What is added to the score of "none" while few facts are known: log odds."""
    return min(MOST_FEW, max(0.0, math.log(FEW_FACTS / len(facts.starts))))


def weigh(question: Vectors, facts: FactVectors) -> Evidence:
    """What speaks for the facts nearest to the question; there must be at least one fact."""
    cosines = facts.phrasings @ question
    nearest = np.maximum.reduceat(cosines, facts.starts)
    rows = np.argsort(-nearest, kind="stable")[:CANDIDATES]
    answers = facts.answers @ question
    agreement = _agreement(np.concatenate([cosines, answers]), facts)
    features = np.stack([nearest[rows], agreement[rows]], axis=1).astype(np.float64)
    return Evidence(rows, features, float(answers[rows].max()))


def _agreement(cosines: Vectors, facts: FactVectors) -> Numbers:
    """Kernel ridge regression on the keys near the question: each fact's predicted membership, about 0 to 1.

    `cosines`: of the question and each phrasing, then each answer.
    """
    count = min(NEAR_KEYS, len(cosines))
    near = np.sort(np.argpartition(-cosines, count - 1)[:count])
    phrasings, answers = np.split(near, [np.searchsorted(near, len(facts.phrasings))])
    answers = answers - len(facts.phrasings)
    vectors = np.concatenate([facts.phrasings[phrasings], facts.answers[answers]])
    kernel = np.exp(SHARPNESS * (vectors @ vectors.T - 1)) + RIDGE * np.eye(count)
    says = np.linalg.solve(kernel, np.exp(SHARPNESS * (cosines[near] - 1)))
    owners = np.concatenate([np.searchsorted(facts.starts, phrasings, side="right") - 1, answers])
    return np.bincount(owners, weights=says, minlength=len(facts.starts)).astype(np.float64)
