"""The router's probabilities: what raises them, what lowers them, and where its weights come from."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy import Policy
from learning import router
from learning.calibration import Case, Encoded, Entry, World, fact_vectors, fit, read_demo, worlds
from learning.coverage import Coverage, all_known, measure, quarters_unknown, read, upper_bound
from learning.encoder import MpnetEncoder, Vectors
from learning.models import resolve_encoder
from learning.router import CANDIDATES, WEIGHTS, FactVectors, rank
from tests.fakes.encoder import HashingEncoder
from tests.learning.model_cache import CACHE, needs

DEMO = Path(__file__).parents[2] / "deploy" / "demo"
KNOWN_FROM = 0.95
DIMENSIONS = 32


def unit(seed: int, near: Vectors | None = None, cosine: float = 0.0) -> Vectors:
    """A random direction; with `near`, one at exactly that cosine to it."""
    vector = np.random.default_rng(seed).normal(size=DIMENSIONS)
    if near is not None:
        across = vector - (vector @ near) * near
        vector = cosine * near + np.sqrt(1 - cosine**2) * across / np.linalg.norm(across)
    direction: Vectors = (vector / np.linalg.norm(vector)).astype(np.float32)
    return direction


def facts(*phrasings: list[Vectors]) -> FactVectors:
    starts = np.cumsum([0] + [len(of_one) for of_one in phrasings[:-1]])
    answers = np.stack([of_one[0] for of_one in phrasings])
    return FactVectors(np.stack([vector for of_one in phrasings for vector in of_one]), starts, answers)


def with_answers(known: FactVectors, *answers: Vectors) -> FactVectors:
    return FactVectors(known.phrasings, known.starts, np.stack(answers))


def top(question: Vectors, known: FactVectors) -> float:
    return rank(question, known)[0].probability


QUESTION = unit(0)


def test_without_facts_nothing_is_found() -> None:
    nothing = np.zeros((0, DIMENSIONS), dtype=np.float32)
    assert rank(QUESTION, FactVectors(nothing, np.zeros(0, dtype=np.intp), nothing)) == []


def test_the_very_question_is_known_and_a_foreign_one_is_not() -> None:
    assert top(QUESTION, facts([QUESTION])) > KNOWN_FROM
    assert top(QUESTION, facts([unit(1, QUESTION, 0.1)])) < 0.05


def test_probability_grows_with_likeness() -> None:
    found = [top(QUESTION, facts([unit(1, QUESTION, cosine)])) for cosine in (0.2, 0.4, 0.6, 0.8, 0.95)]
    assert found == sorted(found)
    assert found[0] < 0.15
    assert found[-1] > KNOWN_FROM


def test_two_facts_under_one_question_share_its_probability() -> None:
    first, second = rank(QUESTION, facts([QUESTION], [QUESTION]))
    assert first.probability == pytest.approx(second.probability)
    assert first.probability < 0.5


def test_a_close_rival_lowers_it() -> None:
    known = [unit(1, QUESTION, 0.85)]
    alone = top(QUESTION, facts(known))
    assert top(QUESTION, facts(known, [unit(2, QUESTION, 0.8)])) < alone - 0.1


def test_phrasings_of_one_fact_add_up_and_copies_do_not() -> None:
    once = unit(1, QUESTION, 0.5)
    alone = top(QUESTION, facts([once]))
    copied = top(QUESTION, facts([once, once, once]))
    agreeing = top(QUESTION, facts([once, unit(2, QUESTION, 0.5), unit(3, QUESTION, 0.5)]))
    assert agreeing > alone + 0.02
    assert abs(copied - alone) < (agreeing - alone) / 2


def test_an_answer_that_speaks_of_the_question_decides_between_two_facts() -> None:
    known = facts([unit(1, QUESTION, 0.5)], [unit(2, QUESTION, 0.5)])
    first, second = rank(QUESTION, with_answers(known, unit(3, QUESTION, 0.1), unit(4, QUESTION, 0.6)))
    assert first.row == 1
    assert first.probability > 2 * second.probability


def test_preference_finds_more_of_what_is_easily_confused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions and keys scatter around their fact, and all facts lie in one corner of the space."""
    rng = np.random.default_rng(0)
    centres = scattered(rng, np.ones((30, DIMENSIONS), dtype=np.float32), spread=np.sqrt(DIMENSIONS))
    owners = np.repeat(np.arange(30), 4)
    known = FactVectors(scattered(rng, centres[owners]), np.arange(0, 120, 4), scattered(rng, centres))
    meant = np.repeat(owners, 4)
    asked = scattered(rng, centres[meant])

    def found() -> int:
        return sum(rank(question, known)[0].row == fact for question, fact in zip(asked, meant, strict=True))

    with_it = found()
    monkeypatch.setattr(router, "WHICH", (router.WHICH[0], 0.0))
    assert with_it > found() + 8


def scattered(rng: np.random.Generator, centres: Vectors, spread: float = 1.1) -> Vectors:
    away = rng.normal(size=centres.shape)
    moved = centres + spread * away / np.linalg.norm(away, axis=1, keepdims=True)
    unit_length: Vectors = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    return unit_length


def test_where_no_answer_speaks_of_the_question_none_is_likelier() -> None:
    known = facts([unit(1, QUESTION, 0.6)])
    speaking, silent = (with_answers(known, unit(3, QUESTION, cosine)) for cosine in (0.5, 0.0))
    assert top(QUESTION, silent) < top(QUESTION, speaking) - 0.1


@given(st.integers(1, 80), st.integers(0, 5))
def test_the_very_question_is_known_however_few_facts_there_are(count: int, seed: int) -> None:
    """Even if no answer has anything to do with it."""
    vectors = [unit(100 * seed + i + 1) for i in range(count)]
    known = facts([QUESTION], *([vector] for vector in vectors))
    ranked = rank(QUESTION, with_answers(known, unit(9_999, QUESTION, 0.0), *vectors))
    assert ranked[0].row == 0
    assert ranked[0].probability >= Policy().known_from


def test_the_same_likeness_says_less_while_few_facts_are_known() -> None:
    near = unit(1, QUESTION, 0.55)
    crowd = [unit(seed, QUESTION, 0.0) for seed in range(2, 60)]
    few, many = (facts([near], *([vector] for vector in crowd[:count])) for count in (8, 58))
    assert top(QUESTION, few) < top(QUESTION, many)


def test_the_right_fact_is_found_among_a_thousand() -> None:
    crowd = [[unit(seed), unit(seed + 5_000)] for seed in range(1, 1_000)]
    ranked = rank(QUESTION, facts(*crowd[:500], [unit(9_999, QUESTION, 0.9)], *crowd[500:]))
    assert ranked[0].row == 500
    assert ranked[0].probability > KNOWN_FROM
    assert len(ranked) == CANDIDATES


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=4), min_size=1, max_size=30))
def test_they_are_probabilities(seeds: list[list[int]]) -> None:
    ranked = rank(QUESTION, facts(*([unit(seed) for seed in of_one] for of_one in seeds)))
    found = [match.probability for match in ranked]
    assert found == sorted(found, reverse=True)
    assert all(0 <= probability <= 1 for probability in found)
    assert sum(found) <= 1 + 1e-9
    assert len({match.row for match in ranked}) == len(ranked)


# --- the fit and the measurement ------------------------------------------------------------------------------------

ENTRIES = [
    Entry(f"Press {word} in the menu.", (f"How do I {word}?", f"{word} please", f"Where can I {word} it?"))
    for word in "refund archive invite export import rename delete print share merge".split()
]


def test_worlds_teach_and_ask_different_questions() -> None:
    seen_none = False
    for world in worlds(ENTRIES, ["Who won the cup?"], seed=1):
        taught = {question for fact in world.facts for question in fact.questions}
        assert not taught & {case.question for case in world.cases}
        for case in world.cases:
            answers = {entry.answer for entry in ENTRIES if case.question in entry.questions}
            if case.fact is not None:
                assert world.facts[case.fact].answer in answers
            else:
                assert not answers & {fact.answer for fact in world.facts}
                seen_none = seen_none or bool(answers)
    assert seen_none


def test_fitted_weights_value_likeness() -> None:
    fitted = fit(list(worlds(ENTRIES, ["Who won the cup?", "Recipe for bread"])), HashingEncoder())
    assert fitted.nearest > 0
    assert fitted.none > 0


def test_measuring_counts_what_is_served_and_what_is_wrong() -> None:
    taught = (Entry("Press refund.", ("How do I refund a payment?",)), Entry("Press print.", ("How do I print it?",)))
    cases = (
        Case("How do I refund a payment?", 0),
        Case("How do I print it?", 0),  # served with the other fact: wrong
        Case("Who won the football cup?", None),
        Case("How do I print it", None),  # served, though nothing answers it
    )
    world = World(taught, cases)
    texts = [text for entry in taught for text in (entry.answer, *entry.questions)]
    counts = measure([world], Encoded(HashingEncoder(), [*texts, *(case.question for case in cases)]))
    assert counts == Coverage(known=2, first=1, served=2, wrong=1, offered=0, none=2, none_served=1)


def test_what_is_covered_goes_down_to_the_last_place_where_few_enough_are_wrong() -> None:
    sure = [(1 - i / 100, True) for i in range(20)]
    assert Coverage(marks=[(0.5, False), *sure, (0.4, False)]).covered() == pytest.approx(21 / 22)
    assert Coverage(marks=[(0.5, False), *sure]).covered(0.04) == pytest.approx(20 / 21)
    assert Coverage(marks=[(0.9, False), (0.8, True)]).covered() == 0
    assert Coverage().covered() == 0


def test_a_data_set_is_read_by_its_splits(tmp_path: Path) -> None:
    rows = [("a", "stream", "a1"), ("a", "train", "a2"), ("a", "test", "a3"), ("b", "stream", "b1"), ("b", "dev", "b2")]
    lines = (f'{{"fact": "{f}", "answer": "A {f}", "split": "{s}", "question": "{q}"}}' for f, s, q in rows)
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    found = read(tmp_path / "data.jsonl", phrasings=1, split="test")
    assert [fact.taught for fact in found] == [Entry("A a", ("a1",)), Entry("A b", ("b1",))]
    assert all_known(found, ["x"]).cases == (Case("a3", 0), Case("x", None))
    assert Case("a3", None) in next(quarters_unknown(found)).cases


def test_the_bound_is_clopper_and_pearsons() -> None:
    assert upper_bound(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59), abs=1e-6)
    assert upper_bound(5, 100) == pytest.approx(0.1023, abs=1e-3)
    assert upper_bound(0, 0) == 1.0


@pytest.mark.slow
def test_the_weights_are_what_the_demo_data_give() -> None:
    entries, unanswerable = read_demo(DEMO)
    fitted = fit(list(worlds(entries, unanswerable)), MpnetEncoder(resolve_encoder(CACHE)))
    assert fitted == pytest.approx(WEIGHTS, abs=0.02)


@needs("all-mpnet-base-v2")
def test_the_demo_is_answered_from_memory_only_when_it_is_known() -> None:
    """The questions that nothing in the demo answers, against all of its FAQ."""
    entries, unanswerable = read_demo(DEMO)
    encoded = Encoded(
        MpnetEncoder(resolve_encoder(CACHE)),
        [*unanswerable, *(text for entry in entries for text in (entry.answer, *entry.questions))],
    )
    known = fact_vectors(entries, encoded)
    assert not [q for q, v in zip(unanswerable, encoded(unanswerable), strict=True) if top(v, known) >= KNOWN_FROM]
    own = [entry.questions[0] for entry in entries]
    served = [rank(vector, known)[0] for vector in encoded(own)]
    assert all(match.row == row for row, match in enumerate(served))
    assert sum(match.probability >= KNOWN_FROM for match in served) >= 0.9 * len(own)
