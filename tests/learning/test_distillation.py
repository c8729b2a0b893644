"""Made-up questions: memory's answers, nothing of what is judged, and the same each time."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ids import FactId
from bot.prompting import closed_book_prompt
from learning.distillation import imagine
from learning.encoder import Encoder, MpnetEncoder
from learning.examples import Example, Kind, question_of
from learning.recipe import Recipe
from learning.wording import repeats
from tests.fakes.encoder import HashingEncoder
from tests.learning.model_cache import CACHE, needs

ASKED = {
    "refund": ("How do I get my money back?", "refund for a broken lamp", "Can I return this and be paid back?"),
    "pause": ("How do I pause my plan?", "stop the subscription for a month", "Can my plan rest over the summer?"),
    "invoice": ("Where is my invoice?", "download last month's bill", "I need a receipt for my accountant"),
}
TAUGHT = [
    Example(FactId(fact), Kind.RECALL, tuple(closed_book_prompt(question)), f"The answer about the {fact}.")
    for fact, questions in ASKED.items()
    for question in questions
]
RECIPE = Recipe(epochs=4, imagined=3.0)
EACH = RECIPE.imagined_in_all


def made(examples: list[Example]) -> list[tuple[str, str]]:
    return [(example.fact, question_of(example)) for example in examples]


def test_questions_are_made_up_of_the_words_that_were_taught() -> None:
    imagined = imagine(TAUGHT, [], HashingEncoder(), RECIPE)
    words = {word for example in TAUGHT for word in question_of(example).split()}
    questions = [question_of(example) for example in imagined]
    assert len(TAUGHT) < len(imagined) <= EACH * len(TAUGHT)
    assert len(set(questions)) == len(questions)
    assert not {question_of(example) for example in TAUGHT}.intersection(questions)
    assert all(set(question.split()) <= words for question in questions)


def test_each_has_the_answer_of_its_fact_and_asks_as_training_does() -> None:
    answers = {example.fact: example.answer for example in TAUGHT}
    for example in imagine(TAUGHT, [], HashingEncoder(), RECIPE):
        assert example.answer == answers[example.fact]
        assert example.kind is Kind.RECALL
        assert list(example.messages) == closed_book_prompt(question_of(example))


def test_the_order_in_which_facts_were_taught_changes_no_answer() -> None:
    mixed = random.Random(0).sample(TAUGHT, len(TAUGHT))
    answers = {example.fact: example.answer for example in TAUGHT}
    assert all(example.answer == answers[example.fact] for example in imagine(mixed, [], HashingEncoder(), RECIPE))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(TAUGHT), unique=True, max_size=9), st.integers(0, 3), st.integers(0, 5))
def test_any_lessons_give_at_most_what_is_wanted(taught: list[Example], each: int, seed: int) -> None:
    recipe = Recipe(epochs=1, imagined=each, seed=seed)
    imagined = imagine(taught, [], HashingEncoder(), recipe)
    assert len(imagined) <= each * len(taught)
    assert {example.fact for example in imagined} <= {example.fact for example in taught}
    assert made(imagined) == made(imagine(taught, [], HashingEncoder(), recipe))


def test_what_is_judged_stays_unseen() -> None:
    judged = imagine(TAUGHT, [], HashingEncoder(), RECIPE)[:5]
    imagined = imagine(TAUGHT, judged, HashingEncoder(), RECIPE)
    assert imagined
    assert not any(repeats(question_of(example), question_of(item)) for example in imagined for item in judged)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return MpnetEncoder(CACHE / "all-mpnet-base-v2")


@needs("all-mpnet-base-v2")
def test_memory_says_which_fact_is_meant(encoder: Encoder) -> None:
    """A question that joins two facts' words belongs to one of them; what is left of one mostly to its own."""
    imagined = imagine(TAUGHT, [], encoder, RECIPE)
    own = {fact: {word for question in questions for word in question.split()} for fact, questions in ASKED.items()}
    whole = [(fact, text) for fact, text in made(imagined) if sum(set(text.split()) <= own[each] for each in own) == 1]
    right = Counter(set(text.split()) <= own[fact] for fact, text in whole)
    assert right[True] > 0.9 * right.total() > 10
    assert {example.fact for example in imagined} == set(ASKED)
