"""The retrieval benchmark's material, and its way from a lesson to the search that finds it."""

import numpy as np

from deploy.bench import lesson
from deploy.bench.report import open_bench
from deploy.bench.retrieval import NEARNESS, make_entries, read_texts


def test_no_question_is_among_the_texts() -> None:
    texts, asked = read_texts()
    assert len(texts) > 500
    assert len(asked) > 100
    assert not set(texts) & set(asked)


def test_entries_are_real_vectors_and_noisy_mixtures_of_two() -> None:
    real = np.eye(10, 400, dtype=np.float32)
    entries = np.empty((2_000, 400), dtype=np.float32)
    make_entries(entries, real, seed=0)
    assert np.array_equal(entries[:10], real)
    assert np.allclose(np.linalg.norm(entries, axis=1), 1)
    own = np.linalg.norm(entries[10:, :10], axis=1)  # what lies in the real vectors' plane
    assert abs(own.mean() - NEARNESS) < 0.02


def test_every_lesson_is_found_by_the_next_search() -> None:
    with open_bench("lessons", None) as bench:
        lesson.run(bench, facts=30)
    indexing, found = bench.rows
    assert "30 facts" in indexing.workload
    assert len(found.values) == lesson.LESSONS
