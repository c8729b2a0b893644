"""The index finds what exact search finds, while entries come and go; beyond its exact size nearly always."""

import threading

import numpy as np
import pytest

import learning.vector_index
from learning.encoder import Vectors
from learning.vector_index import VectorIndex

DIMENSIONS = 96  # not a multiple of 64
Index = VectorIndex[int, int]


def directions(number: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((number, DIMENSIONS), dtype=np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def unit(vectors: Vectors) -> Vectors:
    each: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return each


def filled(vectors: Vectors) -> Index:
    index = Index()
    for key, vector in enumerate(vectors):
        index.put(key, [(key, vector)])
    return index


def found(index: Index, question: Vectors, count: int = 5) -> list[int]:
    return [each.value for each in index.nearest(question, count)]


def exact(vectors: Vectors, question: Vectors, count: int = 5) -> list[int]:
    best: list[int] = np.argsort(-(vectors @ question), kind="stable")[:count].tolist()
    return best


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few thousand entries are many then."""
    for name, value in (("EXACT_UP_TO", 500), ("LONG_LIST", 800), ("SHORTLIST", 400), ("BLOCK", 1_000)):
        monkeypatch.setattr(learning.vector_index, name, value)


def test_an_empty_index_finds_nothing() -> None:
    assert Index().nearest(directions(1, 0)[0], 5) == []


def test_a_small_index_is_exact_to_the_last_digit() -> None:
    vectors = directions(2_000, 1)
    for question in directions(20, 2):
        near = filled(vectors[:300]).nearest(question, 5)
        cosines = vectors[:300] @ question
        assert [each.value for each in near] == exact(vectors[:300], question)
        assert [each.cosine for each in near] == pytest.approx(sorted(cosines, reverse=True)[:5], abs=1e-6)
        assert all(np.array_equal(each.vector, vectors[each.value]) for each in near)


def test_of_equal_ones_the_older_comes_first() -> None:
    vectors = np.repeat(directions(1, 1), 6, axis=0)
    assert found(filled(vectors), vectors[0], 3) == [0, 1, 2]


@pytest.mark.usefixtures("small_blocks")
def test_a_large_index_finds_nearly_all_of_the_nearest() -> None:
    vectors, questions = directions(5_500, 1), directions(50, 2)
    questions = questions + 3 * vectors[:50]  # every question has an entry that is meant
    index = filled(vectors)
    hits = [set(found(index, question, 10)) & set(exact(vectors, question, 10)) for question in questions]
    assert sum(map(len, hits)) >= 0.8 * 10 * len(questions)
    assert all(found(index, question, 1) == exact(vectors, question, 1) for question in questions)


@pytest.mark.usefixtures("small_blocks")
def test_it_finds_them_too_where_most_components_tell_little() -> None:
    """As those of a projection to its strongest directions. By the signs of what is given it would be 61 %."""
    scale = (0.97 ** np.arange(DIMENSIONS)).astype(np.float32)
    vectors, questions = (unit(directions(number, seed) * scale) for number, seed in ((5_500, 1), (50, 2)))
    questions = questions + 3 * vectors[:50]
    index = filled(vectors)
    hits = [set(found(index, question, 10)) & set(exact(vectors, question, 10)) for question in questions]
    assert sum(map(len, hits)) >= 0.95 * 10 * len(questions)


@pytest.mark.usefixtures("small_blocks")
def test_of_equally_many_signs_those_count_more_in_which_the_question_is_strong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The nearest entry stands behind ones that are as near by their signs alone, and the shortlist holds one."""
    monkeypatch.setattr(learning.vector_index, "SHORTLIST", 1)
    question = np.repeat(np.array([0.01, 1.0, 2.0], dtype=np.float32), DIMENSIONS // 3)
    weak, middle, strong = (question.copy() for _ in range(3))
    for entry, third in ((weak, 0), (middle, 1), (strong, 2)):
        entry[third * DIMENSIONS // 3 : third * DIMENSIONS // 3 + 20] *= -1
    index = filled(np.array([strong, middle, weak, *directions(600, 1)]))
    assert found(index, question, 3) == [2]


@pytest.mark.usefixtures("small_blocks")
def test_many_that_are_equal_are_all_candidates() -> None:
    vectors = np.repeat(directions(1, 1), 1_500, axis=0)
    assert found(filled(vectors), vectors[0], 3) == [0, 1, 2]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("entries", [300, 3_500])
def test_what_was_replaced_or_removed_is_not_found(entries: int) -> None:
    vectors = directions(entries, 1)
    index = filled(vectors)
    index.remove(7)
    index.remove(entries + 1)  # was never there
    index.put(8, [(8, -vectors[8])])
    assert 7 not in found(index, vectors[7])
    assert 8 not in found(index, vectors[8])
    assert found(index, -vectors[8], 1) == [8]
    assert len(index) == entries - 1


def test_removed_rows_are_used_again() -> None:
    vectors = directions(100, 1)
    index = filled(vectors)
    for key in range(100):
        index.remove(key)
    assert found(index, vectors[0]) == []
    for key, vector in enumerate(vectors):
        index.put(key, [(key, vector)])
    assert index._rows._count == 100
    assert [found(index, vector, 1) for vector in vectors] == [[key] for key in range(100)]


def test_a_key_may_have_several_values() -> None:
    vectors = directions(3, 1)
    index = Index()
    index.put(1, [(10, vectors[0]), (20, vectors[1])])
    index.put(2, [(30, vectors[2])])
    assert [found(index, vector, 1) for vector in vectors] == [[10], [20], [30]]
    index.put(1, [])
    assert found(index, vectors[0]) == [30]


@pytest.mark.usefixtures("small_blocks")
def test_searching_while_entries_are_replaced_never_mixes_them_up() -> None:
    """Every value names its vector's seed: a search must never give a value the cosine of another one's vector."""
    vectors = directions(2_400, 1)
    index = filled(vectors[:1_200])

    def replace() -> None:
        for key in range(1_200):
            index.remove(key)
            index.put(1_200 + key, [(1_200 + key, vectors[1_200 + key])])

    writing = threading.Thread(target=replace)
    writing.start()
    searched = 0
    while writing.is_alive() or searched == 0:
        question = vectors[searched % len(vectors)]
        for each in index.nearest(question, 5):
            assert each.cosine == pytest.approx(float(vectors[each.value] @ question), abs=1e-5)
        searched += 1
    writing.join()
    assert [found(index, vectors[key], 1) for key in range(1_200, 1_210)] == [[key] for key in range(1_200, 1_210)]
