"""Two regressions that are fitted for one question, on the keys nearest to it, and then forgotten.

Both say which class the question belongs to. Ridge regression says how far it follows from each class's keys: near 0
for all of them where the question is far from everything. Logistic regression takes it for granted that one of them is
meant, and says which: it learns what tells neighbours apart, be they near or far, and so ranks better where each class
has few keys.

Knows nothing of facts, answers or encoders: classes are numbers, and keys are known by their cosines alone.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learning.encoder import Vectors

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]

SHARPNESS = 1.0
"""How fast a key's say fades with distance: exp(SHARPNESS * (cosine - 1)). So slowly that even far keys take part in
deciding what a direction means; at 4 the ranking is worse on every data set."""
RIDGE = 0.1
PENALTY = 0.1
"""Of the logistic regression, half of it on the squared norm. Three times as much or as little ranks as well; a third
is surer than it is right."""
STEPS = 20
"""After 10 and after 60 the ranking is nearly the same."""
CURVATURE = 0.5
"""The softmax's second derivative never exceeds this times the identity (Böhning 1992)."""


class Keys(NamedTuple):
    """The keys near a question."""

    classes: Rows
    """(keys,): what each belongs to."""
    cosines: Vectors
    """(keys,): of the question and each."""
    between: Vectors
    """(keys, keys): cosine of each two."""


def ridge(keys: Keys, classes: int) -> Numbers:
    """(classes,): the question's predicted membership in each, about 0 to 1. Near-duplicates count as one key."""
    kernel = np.exp(SHARPNESS * (keys.between - 1)) + RIDGE * np.eye(len(keys.cosines))
    says = np.linalg.solve(kernel, np.exp(SHARPNESS * (keys.cosines - 1)))
    return np.bincount(keys.classes, weights=says, minlength=classes).astype(np.float64)


def logistic(keys: Keys, classes: int) -> Numbers:
    """(classes,): the log odds of each, but for a constant. What has no key here counts as the unlikeliest.

    Multinomial kernel logistic regression, fitted by majorising (Böhning, Multinomial logistic regression algorithm,
    1992): with the bound in the curvature's place, each step is a ridge regression on `working`, and all steps have the
    same matrix. So it is inverted once, and a step is one product.
    """
    present, of = np.unique(keys.classes, return_inverse=True)
    truth = np.eye(len(present), dtype=np.float32)[of]
    smoother, asked = _smoothers(keys)
    scores = np.zeros_like(truth)
    for _ in range(STEPS):
        working = truth - _softmax(scores) + CURVATURE * scores
        scores = smoother @ working
    found = asked @ working
    odds = np.full(classes, found.min(), dtype=np.float64)
    odds[present] = found
    return odds


def _smoothers(keys: Keys) -> tuple[Vectors, Vectors]:
    """What turns values at the keys into ridge regression's at the keys (keys, keys), and at the question (keys,).

    The kernel is the cosine, and one, which stands for an intercept.
    """
    kernel = keys.between + 1
    bounded = CURVATURE * kernel + PENALTY * np.eye(len(kernel), dtype=np.float32)
    solved = np.linalg.solve(bounded, np.column_stack([kernel, keys.cosines + 1])).astype(np.float32, copy=False)
    return solved[:, :-1], solved[:, -1]  # the first is symmetric


def _softmax(scores: Vectors) -> Vectors:
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    total: Vectors = shares / shares.sum(axis=1, keepdims=True)
    return total
