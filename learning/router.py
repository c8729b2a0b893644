"""How probably each known fact answers a question, "none of them" included. Works on vectors alone.

A conditional logit: every candidate fact has a score, and so has "none"; the softmax over them is the probability.
A fact's score weighs three things:
- nearest: cosine of the question and the fact's nearest phrasing;
- agreement: what kernel ridge regression over the nearest phrasings predicts, so that several phrasings of a fact
  count together, and near-duplicates only once;
- answer: cosine of the question and the fact's answer.
There is nothing to refit when a lesson arrives: it only brings vectors. The weights were fitted on the demo data
(learning/calibration.py) and measured on other products (learning/coverage.py).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learning.encoder import Vectors

CANDIDATES = 10
NEAR_PHRASINGS = 64
SHARPNESS = 4.0
"""How fast a phrasing's say fades with distance: exp(SHARPNESS * (cosine - 1))."""
RIDGE = 0.1

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]


class Weights(NamedTuple):
    nearest: float
    agreement: float
    answer: float
    none: float
    none_nearest: float
    """"None" grows with the best cosine too: near things that are not the same are the rule, not the exception."""


WEIGHTS = Weights(nearest=11.19, agreement=5.61, answer=3.0, none=6.26, none_nearest=4.02)


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
    """(candidates, 3): nearest, agreement, answer."""


class Ranked(NamedTuple):
    row: int
    probability: float


def rank(question: Vectors, facts: FactVectors, weights: Weights = WEIGHTS) -> list[Ranked]:
    """The candidates for a question vector (D,), most probable first. What is missing to 1 is "none of them"."""
    if not len(facts.starts):
        return []
    evidence = weigh(question, facts)
    scores = evidence.features @ weights[:3]
    none = weights.none + weights.none_nearest * evidence.features[0, 0]
    shares = np.exp(np.append(scores, none) - max(scores.max(), none))
    probabilities = shares[:-1] / shares.sum()
    order = np.argsort(-probabilities, kind="stable")
    return [Ranked(int(evidence.rows[i]), float(probabilities[i])) for i in order]


def weigh(question: Vectors, facts: FactVectors) -> Evidence:
    """What speaks for the facts nearest to the question; there must be at least one fact."""
    cosines = facts.phrasings @ question
    nearest = np.maximum.reduceat(cosines, facts.starts)
    rows = np.argsort(-nearest, kind="stable")[:CANDIDATES]
    agreement = _agreement(cosines, facts)[rows]
    answers = facts.answers[rows] @ question
    return Evidence(rows, np.stack([nearest[rows], agreement, answers], axis=1).astype(np.float64))


def _agreement(cosines: Vectors, facts: FactVectors) -> Numbers:
    """Kernel ridge regression on the phrasings near the question: each fact's predicted membership, about 0 to 1."""
    count = min(NEAR_PHRASINGS, len(cosines))
    near = np.argpartition(-cosines, count - 1)[:count]
    vectors = facts.phrasings[near]
    kernel = np.exp(SHARPNESS * (vectors @ vectors.T - 1)) + RIDGE * np.eye(count)
    says = np.linalg.solve(kernel, np.exp(SHARPNESS * (cosines[near] - 1)))
    owners = np.searchsorted(facts.starts, near, side="right") - 1
    return np.bincount(owners, weights=says, minlength=len(facts.starts)).astype(np.float64)
