"""What memory would answer to questions that nobody has asked: more examples of each fact, for the adapter to learn.

Memory knows new ways of asking for a fact far better than an adapter that has seen six of them. So questions are made
up of those that were taught, by leaving out, putting together and exchanging words; memory says which fact each asks
for, and where it is sure, that is one more example. The questions need not make sense: they show where, among all that
might be asked, memory draws its lines.

Knowledge distillation by data augmentation: Tang et al. 2019, "Distilling Task-Specific Knowledge from BERT into Simple
Neural Networks". Memory here is made of the examples alone; knows nothing of what the bot's own has besides.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bot.prompting import closed_book_prompt
from learning.encoder import Encoder, Vectors
from learning.examples import Example, Kind, question_of
from learning.recipe import Recipe
from learning.router import FactVectors, rank
from learning.wording import repeats

SURE = 0.5
"""The least probability of a fact that a made-up question counts as asking for."""
TRIED = 1.3
"""Made up for each that is wanted: memory is sure of four in five."""
NEAR = 10
"""Another question that one is put together with is among so many nearest to it, of the same fact or another."""
LEAST_WORDS = 2
LEFT_OUT, JOINED = 0.4, 0.4
"""Shares of the ways of making one up; in the others, words are exchanged."""


def imagine(examples: Sequence[Example], judged: Sequence[Example], encoder: Encoder, recipe: Recipe) -> list[Example]:
    """As many made-up questions as the recipe wants, or about so many, with the answers of the facts that memory takes
    them for.

    `examples`: those that are trained on; the closed-book ones are what memory is made of. `judged`: items whose
    questions must stay unseen. The same arguments give the same examples. Encoding takes about 30 ms a question on one
    core.
    """
    each, taught = recipe.imagined_in_all, _fact_by_fact(recalled(examples))
    if not taught or not each:
        return []
    secret = [question_of(item) for item in judged if item.kind is not Kind.GENERAL]
    questions = [question_of(example) for example in taught]
    vectors, known = _memory(taught, encoder)
    rng = random.Random(recipe.seed)
    made = dict.fromkeys(_make_up(questions, vectors, round(TRIED * each), rng))
    new = [text for text in made if not any(repeats(text, question) for question in secret)]
    found = [rank(vector, known)[0] for vector in encoder.encode(new)]
    sure = [(text, best.row) for text, best in zip(new, found, strict=True) if best.probability >= SURE]
    chosen = rng.sample(sure, min(len(sure), each * len(taught)))
    return [replace(taught[known.starts[row]], messages=tuple(closed_book_prompt(text))) for text, row in chosen]


def recalled(examples: Sequence[Example]) -> list[Example]:
    return [example for example in examples if example.kind is Kind.RECALL]


def _fact_by_fact(examples: Sequence[Example]) -> list[Example]:
    order = {fact: place for place, fact in enumerate(dict.fromkeys(example.fact for example in examples))}
    return sorted(examples, key=lambda example: order[example.fact])


def _memory(taught: Sequence[Example], encoder: Encoder) -> tuple[Vectors, FactVectors]:
    """The questions' vectors (N, D), and a memory of these questions and their answers."""
    vectors = encoder.encode([question_of(example) for example in taught])
    starts = [i for i, example in enumerate(taught) if i == 0 or example.fact != taught[i - 1].fact]
    answers = encoder.encode([taught[start].answer for start in starts])
    return vectors, FactVectors(vectors, np.array(starts, dtype=np.intp), answers)


# --- making up --------------------------------------------------------------------------------------------------------


def _make_up(questions: Sequence[str], vectors: Vectors, each: int, rng: random.Random) -> list[str]:
    words = [question.split() for question in questions]
    vocabulary = [word for some in words for word in some]
    made: list[str] = []
    for i, own in enumerate(words):
        near = np.argsort(-(vectors @ vectors[i]), kind="stable")[1 : NEAR + 1]
        others = [words[j] for j in near]
        made += (" ".join(_another(own, others, vocabulary, rng)) for _ in range(each))
    return [text for text in made if len(text.split()) >= LEAST_WORDS and text not in questions]


def _another(
    words: Sequence[str], others: Sequence[Sequence[str]], vocabulary: Sequence[str], rng: random.Random
) -> list[str]:
    way = rng.random()
    if way < LEFT_OUT:
        return _thinned(words, rng)
    if way < LEFT_OUT + JOINED and others:
        return _joined(words, rng.choice(others), rng)
    return _exchanged(words, vocabulary, rng)


def _thinned(words: Sequence[str], rng: random.Random) -> list[str]:
    """Without some of its words: random deletion (Wei & Zou 2019, "EDA"), of more or fewer."""
    share = rng.uniform(0.1, 0.5)
    return [word for word in words if rng.random() >= share]


def _joined(words: Sequence[str], others: Sequence[str], rng: random.Random) -> list[str]:
    """A part of it and a smaller part of another question, in either order."""
    parts = [_end(words, rng.uniform(0.4, 1.0), rng), _end(others, rng.uniform(0.2, 0.8), rng)]
    return [word for part in rng.sample(parts, 2) for word in part]


def _end(words: Sequence[str], share: float, rng: random.Random) -> Sequence[str]:
    """So much of it, from its beginning or to its end."""
    count = max(1, round(share * len(words)))
    return words[:count] if rng.random() < 0.5 else words[-count:]


def _exchanged(words: Sequence[str], vocabulary: Sequence[str], rng: random.Random) -> list[str]:
    """A quarter of its words exchanged for any that were taught."""
    return [rng.choice(vocabulary) if rng.random() < 0.25 else word for word in words]
