"""The two regressions on the keys near a question: what they say, and that the second one is really fitted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.encoder import Vectors
from learning.local_regression import PENALTY, Keys, Numbers, Rows, logistic, ridge

DIMENSIONS = 16


def unit(vectors: Numbers | Vectors) -> Vectors:
    rows: Vectors = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
    return rows


def drawn(seed: int, classes: Rows, spread: float = 1.0) -> tuple[Keys, Vectors, Vectors]:
    """Keys around a centre of each class, in one corner of the space as texts of one product are."""
    rng = np.random.default_rng(seed)
    centres = unit(rng.normal(size=(int(classes.max()) + 1, DIMENSIONS)) + 1.0)
    vectors = unit(centres[classes] + spread * unit(rng.normal(size=(len(classes), DIMENSIONS))))
    question = unit(centres[classes[0]] + spread * unit(rng.normal(size=DIMENSIONS)))
    return Keys(classes, vectors @ question, vectors @ vectors.T), vectors, question


def gradient_descent(vectors: Vectors, classes: Rows, question: Vectors) -> Numbers:
    """The same model in its primal form, fitted the slow way until nothing changes: log-probabilities."""
    inputs = np.column_stack([vectors, np.ones(len(vectors))]).astype(np.float64)
    truth = np.eye(int(classes.max()) + 1)[classes]
    weights = np.zeros((inputs.shape[1], truth.shape[1]))
    for _ in range(20_000):
        weights -= 0.02 * (inputs.T @ (np.exp(log_shares(inputs @ weights)) - truth) + PENALTY * weights)
    return log_shares(np.append(question, 1.0) @ weights)


def log_shares(scores: Numbers) -> Numbers:
    shifted = scores - scores.max(axis=-1, keepdims=True)
    shares: Numbers = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shares


@pytest.mark.parametrize("seed", range(3))
def test_logistic_regression_is_the_one_that_gradient_descent_finds(seed: int) -> None:
    classes = np.repeat(np.arange(3), 4)
    keys, vectors, question = drawn(seed, classes)
    found = log_shares(logistic(keys, 3))
    assert found == pytest.approx(gradient_descent(vectors, classes, question), abs=0.05)


def test_how_far_away_the_keys_are_is_for_ridge_regression_to_say_and_which_is_nearer_for_logistic() -> None:
    keys, _, _ = drawn(1, np.array([0, 0, 1, 1]), spread=0.2)
    far = keys._replace(cosines=keys.cosines - 0.6)
    assert ridge(far, 2).sum() < ridge(keys, 2).sum() - 0.3
    assert log_shares(logistic(far, 2)) == pytest.approx(log_shares(logistic(keys, 2)), abs=0.05)
    assert logistic(far, 2)[0] > logistic(far, 2)[1] + 1


def test_of_a_class_without_a_key_it_thinks_as_of_the_unlikeliest() -> None:
    keys, _, _ = drawn(2, np.array([0, 0, 3, 3]))
    odds = logistic(keys, 5)
    assert odds.argmax() == 0
    assert odds[1] == odds[2] == odds[4] == odds[3] == odds.min()
    assert ridge(keys, 5)[[1, 2, 4]].tolist() == [0, 0, 0]


def test_a_single_class_is_all_there_is() -> None:
    keys, _, _ = drawn(3, np.zeros(5, dtype=np.intp))
    assert logistic(keys, 1).tolist() == [0]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(0, 100))
def test_the_order_of_the_keys_does_not_matter(owners: list[int], seed: int) -> None:
    classes = np.array(owners)
    keys, _, _ = drawn(seed, classes)
    order = np.random.default_rng(seed).permutation(len(owners))
    other = Keys(classes[order], keys.cosines[order], keys.between[np.ix_(order, order)])
    assert logistic(other, 6) == pytest.approx(logistic(keys, 6), abs=1e-3)
    assert ridge(other, 6) == pytest.approx(ridge(keys, 6), abs=1e-3)
