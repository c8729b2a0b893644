"""How probably each known fact answers a question, "none of them" included. Works on vectors alone.

A nested logit of two steps. First, whether any of the candidate facts answers: each has a score, and so has "none"; the
share that a softmax leaves to the facts is the probability that one of them is meant. Then, which: it is divided among
them by the softmax of other scores, since what tells neighbours apart says little of how far away they all are.
Scores weigh three things:
- nearest: cosine of the question and the fact's nearest phrasing;
- agreement: what kernel ridge regression over the nearest keys predicts, so that several keys of a fact count together,
  and near-duplicates only once;
- preference: the log odds that kernel logistic regression over the same keys gives it (learning/local_regression.py).
Keys are the phrasings and the answer's own text: what is asked for roundabout is often nearer to its answer than to
another roundabout question.
There is nothing to refit when a lesson arrives: it only brings vectors. The weights were fitted on the demo data
(learning/calibration.py) and measured on other products (learning/coverage.py).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from learning.encoder import Vectors
from learning.local_regression import Keys, Numbers, Rows, logistic, ridge

CANDIDATES = 10
NEAR_KEYS = 128
FEW_FACTS = 50
MOST_FEW = 1.5
"""While fewer are known, the odds of "none" grow as they are fewer, since most of what is asked was not taught yet; in
log odds, and never so far that the very question that was taught isn't known."""


class Weights(NamedTuple):
    """Of the first step."""

    nearest: float
    agreement: float
    none: float
    none_answer: float
    """"None" shrinks with the best cosine of the question and a candidate's answer: phrasings are many, and one of them
    is near to almost anything that is asked; a text that speaks of it is rarer."""


WEIGHTS = Weights(nearest=5.0, agreement=12.0, none=11.06, none_answer=-7.89)
WHICH = (7.0, 1.0)
"""Of the second step, agreement and preference: chosen by which fact comes first on a bank's development questions,
among those at which as few of the served ones are wrong."""


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
    """(candidates, 3): nearest, agreement, preference."""
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
    scores = evidence.features[:, :2] @ weights[:2]
    none = few_facts(facts) + weights.none + weights.none_answer * evidence.best_answer
    known = 1 - _softmax(np.append(scores, none))[-1]
    probabilities = known * _softmax(evidence.features[:, 1:] @ WHICH)
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
    keys = _near(np.concatenate([cosines, answers]), facts)
    told = (nearest, ridge(keys, len(facts.starts)), logistic(keys, len(facts.starts)))
    features = np.stack([each[rows] for each in told], axis=1).astype(np.float64)
    return Evidence(rows, features, float(answers[rows].max()))


def _near(cosines: Vectors, facts: FactVectors) -> Keys:
    """`cosines`: of the question and each phrasing, then each answer."""
    count = min(NEAR_KEYS, len(cosines))
    near = np.sort(np.argpartition(-cosines, count - 1)[:count])
    phrasings, answers = np.split(near, [np.searchsorted(near, len(facts.phrasings))])
    answers = answers - len(facts.phrasings)
    vectors = np.concatenate([facts.phrasings[phrasings], facts.answers[answers]])
    owners = np.concatenate([np.searchsorted(facts.starts, phrasings, side="right") - 1, answers])
    return Keys(owners, cosines[near], vectors @ vectors.T)


def _softmax(scores: Numbers) -> Numbers:
    shares = np.exp(scores - scores.max())
    total: Numbers = shares / shares.sum()
    return total
