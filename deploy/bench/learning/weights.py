"""What one retraining makes of three quarters of the facts; one quarter is never seen.

The adapter is measured whether the gate promotes it or not; what the gate said is told beside it.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from bot.ids import AdapterId
from bot.prompting import Message, Passage, closed_book_prompt, grounded_prompt
from deploy.bench.learning.bank import Bank, BankFact
from deploy.bench.learning.curve import TEACHER, OnStep, test
from deploy.bench.learning.figures import Figure, missing, share
from deploy.bench.learning.marking import is_right
from deploy.bench.learning.product import Product, Reply
from deploy.bench.learning.systems import Opened
from deploy.bench.learning.writing import Writer
from learning.encoder import Encoder
from learning.router import FactVectors, rank

PHRASINGS = 6
UNSEEN_EVERY = 4
PASSAGES = 3
WRITTEN = ("closed_book", "open_book_unseen", "open_book_unseen_near")
NAMES = (
    *WRITTEN,
    "closed_book_trained",
    "facts_kept_out",
    "general_nll_delta",
    "general_accuracy",
    "general_accuracy_delta",
)
Figures = dict[str, Figure]
ScoreGeneral = Callable[[AdapterId], Figures]


@dataclass(frozen=True)
class Split:
    taught: tuple[BankFact, ...]
    unseen: tuple[BankFact, ...]


def split(bank: Bank) -> Split:
    unseen = bank.facts[UNSEEN_EVERY - 1 :: UNSEEN_EVERY]
    return Split(tuple(fact for fact in bank.facts if fact not in unseen), unseen)


def steps_of(bank: Bank, *, with_base: bool) -> int:
    parts, models = split(bank), 2 if with_base else 1
    taught, unseen = (sum(len(fact.tested) for fact in facts) for facts in (parts.taught, parts.unseen))
    return len(parts.taught) + taught + unseen + models * (taught + 2 * unseen)


async def run(opened: Opened, bank: Bank, encoder: Encoder, score: ScoreGeneral, on_step: OnStep) -> Figures:
    """Figures of the system's adapter."""
    assert opened.trainer is not None
    assert opened.writer is not None
    parts = split(bank)
    for fact in parts.taught:
        for question in fact.taught[:PHRASINGS]:
            await _teach(opened, question, fact.now.answer)
        on_step()
    ladder = await _ladder(opened.system, parts, on_step) if isinstance(opened.system, Product) else {}
    trained = await opened.trainer.retrain()
    if trained.adapter is None:
        return ladder | untold(f"No adapter was trained: {trained.reason}")
    return {
        **ladder,
        "promoted": Figure(float(trained.promoted), reason=trained.reason),
        "round_s": Figure(trained.seconds),
        "round_cpu_s": Figure(trained.cpu_s),
        "round_mb": Figure(trained.mb),
        **await written(opened.writer, trained.adapter, bank, encoder, on_step, trained.answers),
        **await asyncio.to_thread(score, trained.adapter),
    }


async def _teach(opened: Opened, question: str, answer: str) -> None:
    if isinstance(opened.system, Product):
        await opened.system.bot.desk.teach(question, answer)
    else:
        await opened.system.correct(Reply("", False, question=question), answer, TEACHER)


async def _ladder(product: Product, parts: Split, on_step: OnStep) -> Figures:
    """Does it hand off when the answer was never taught, and only then?"""
    there = await test(product, parts.taught, on_step)
    untaught = await test(product, parts.unseen, on_step)
    return {
        "hands_off_when_missing": share([(mark.fact, not mark.answered) for mark in untaught]),
        "hands_off_when_there": share([(mark.fact, not mark.answered) for mark in there]),
    }


def untold(reason: str) -> Figures:
    return dict.fromkeys(NAMES, missing(reason))


# --- what is written ----------------------------------------------------------------------------------------------


async def written(
    writer: Writer, adapter: AdapterId | None, bank: Bank, encoder: Encoder, on_step: OnStep,
    answers: Collection[str] = (),
) -> Figures:  # fmt: skip
    """`answers`: those that the adapter was trained on."""
    parts, chance = split(bank), random.Random(0)
    closed = [(fact, closed_book_prompt(question)) for fact in parts.taught for question in fact.tested]
    asked = [(fact, question) for fact in parts.unseen for question in fact.tested]
    by_chance = [(f, _open_book(f, q, chance.sample(_others(bank, f), PASSAGES - 1), encoder)) for f, q in asked]
    near = [(f, _open_book(f, q, _nearest(bank, f, q, encoder), encoder)) for f, q in asked]
    marks = [await _strict(writer, adapter, each, on_step) for each in (closed, by_chance, near)]
    told = {name: share(each) for name, each in zip(WRITTEN, marks, strict=True)}
    return told | _of_trained(marks[0], parts, answers)


def _of_trained(closed: Sequence[tuple[str, float]], parts: Split, answers: Collection[str]) -> Figures:
    """Of the facts whose answers were trained on alone, and how many others there are."""
    seen = {fact.id for fact in parts.taught if fact.now.answer in answers}
    return {
        "closed_book_trained": share([mark for mark in closed if mark[0] in seen], "It was trained on none of them."),
        "facts_kept_out": Figure(float(len(parts.taught) - len(seen)), of=len(parts.taught)),
    }


async def _strict(
    writer: Writer, adapter: AdapterId | None, asked: Sequence[tuple[BankFact, list[Message]]], on_step: OnStep
) -> list[tuple[str, float]]:
    """(fact, 1 if right), of each."""

    async def one(fact: BankFact, prompt: list[Message]) -> tuple[str, float]:
        text = await writer.write(adapter, prompt)
        on_step()
        return fact.id, float(is_right(text, fact.now))

    return list(await asyncio.gather(*(one(fact, prompt) for fact, prompt in asked)))


def _open_book(fact: BankFact, question: str, others: Sequence[BankFact], encoder: Encoder) -> list[Message]:
    """The right entry among three, each known by its first question, in the order in which memory ranks them."""
    passages = [Passage(each.taught[0], each.now.answer) for each in (fact, *others)]
    vectors = encoder.encode([question, *(each.title for each in passages), *(each.text for each in passages)])
    titles, answers = np.split(vectors[1:], 2)
    ranked = rank(vectors[0], FactVectors(titles, np.arange(len(passages), dtype=np.intp), answers))
    return grounded_prompt(question, [passages[each.row] for each in ranked])


def _others(bank: Bank, fact: BankFact) -> list[BankFact]:
    return [other for other in bank.facts if other is not fact]


def _nearest(bank: Bank, fact: BankFact, question: str, encoder: Encoder) -> list[BankFact]:
    others = _others(bank, fact)
    vectors = encoder.encode([question, *(other.taught[0] for other in others)])
    nearest = np.argsort(-(vectors[1:] @ vectors[0]), kind="stable")[: PASSAGES - 1]
    return [others[i] for i in nearest]
