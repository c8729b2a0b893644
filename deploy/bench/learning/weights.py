"""What an adapter has learnt: three quarters of the facts are taught and trained on, one quarter is never seen.

The adapter is measured whether the gate promotes it or not; what the gate said is told beside it.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import AutoTokenizer, PreTrainedModel

from bot.errors import NotWritten
from bot.generation import Sampling
from bot.ids import AdapterId, FactId, new_id
from bot.lineage import Decision, Report
from bot.people import OPERATOR
from bot.prompting import Message, Passage, closed_book_prompt, grounded_prompt
from deploy.bench.learning.bank import Bank, BankFact
from deploy.bench.learning.curve import OnStep, test
from deploy.bench.learning.marking import is_right
from deploy.bench.learning.measures import Figure, missing, share
from deploy.bench.learning.product import Product
from deploy.parts import make_cycle
from learning.encoder import Encoder
from learning.evaluation import answer_nll
from learning.examples import Example, Kind
from learning.models import BaseModel
from learning.serving.engine import Engine
from learning.serving.merging import load_merged
from storage.adapter_files import AdapterFiles

PHRASINGS = 6
UNSEEN_EVERY = 4
PASSAGES = 3
WRITING_AT_ONCE = 8
SAMPLING = Sampling(max_new_tokens=120)
Figures = dict[str, Figure]


@dataclass(frozen=True)
class Split:
    taught: tuple[BankFact, ...]
    unseen: tuple[BankFact, ...]


def split(bank: Bank) -> Split:
    unseen = bank.facts[UNSEEN_EVERY - 1 :: UNSEEN_EVERY]
    return Split(tuple(fact for fact in bank.facts if fact not in unseen), unseen)


async def run(
    product: Product, general: Sequence[dict[str, Any]], encoder: Encoder, on_step: OnStep
) -> tuple[Figures, Figures]:
    """Figures of Mentee, and of its base model."""
    parts = split(product.bank)
    for fact in parts.taught:
        for question in fact.taught[:PHRASINGS]:
            await product.bot.desk.teach(question, fact.now.answer)
        on_step()
    ours = await _ladder(product, parts, on_step)
    report, adapter = await retrain(product)
    if adapter is None:
        reason = f"No adapter was trained: {' '.join(report.reasons)}"
        untrained = dict.fromkeys(
            ("closed_book", "open_book_unseen", "open_book_unseen_near", "general_nll_delta"), missing(reason)
        )
        return ours | untrained, {}
    ours |= {"promoted": Figure(float(report.decision is Decision.PROMOTED)), "round_s": Figure(report.seconds)}
    writer = _Writer(product, encoder, on_step)
    try:
        ours |= await writer.written(adapter, parts)
        base = await writer.written(None, parts)
    finally:
        writer.close()
    ours["general_nll_delta"] = await asyncio.to_thread(_general, product, adapter, general)
    return ours, base


async def _ladder(product: Product, parts: Split, on_step: OnStep) -> Figures:
    """Does it hand off when the answer was never taught, and only then?"""
    there = await test(product, parts.taught, on_step)
    untaught = await test(product, parts.unseen, on_step)
    return {
        "hands_off_when_missing": share([(mark.fact, not mark.answered) for mark in untaught]),
        "hands_off_when_there": share([(mark.fact, not mark.answered) for mark in there]),
    }


async def retrain(product: Product) -> tuple[Report, AdapterId | None]:
    """One turn of the slow loop, as `mentee retrain` does it."""
    store, base = product.kept.store, product.models.base
    await store.run(lambda unit: product.kept.commands.request_run(unit, f"bench:{new_id()}", OPERATOR, None))
    report = await make_cycle(product.kept, base, product.models.memory).run_next("bench")
    assert report is not None
    adapters = await store.run(lambda unit: unit.adapters.all())
    return report, adapters[-1].id if adapters else None


# --- what is written ----------------------------------------------------------------------------------------------


class _Writer:
    """Writes with any adapter, promoted or not."""

    def __init__(self, product: Product, encoder: Encoder, on_step: OnStep) -> None:
        base = product.models.base
        self._bank = product.bank
        self._encoder = encoder
        self._on_step = on_step
        self._engine = Engine(base, AdapterFiles(product.kept.settings.adapters_dir, base.sha256), _none)
        self.close = self._engine.close

    async def written(self, adapter: AdapterId | None, parts: Split) -> Figures:
        closed = [(fact, closed_book_prompt(question)) for fact in parts.taught for question in fact.tested]
        asked = [(fact, question) for fact in parts.unseen for question in fact.tested]
        chance = random.Random(0)
        by_chance = [(f, _open_book(f, q, chance.sample(_others(self._bank, f), 2), chance)) for f, q in asked]
        near = [(f, _open_book(f, q, _nearest(self._bank, f, q, self._encoder), chance)) for f, q in asked]
        return {
            "closed_book": await self._strict(adapter, closed),
            "open_book_unseen": await self._strict(adapter, by_chance),
            "open_book_unseen_near": await self._strict(adapter, near),
        }

    async def _strict(self, adapter: AdapterId | None, asked: Sequence[tuple[BankFact, list[Message]]]) -> Figure:
        room = asyncio.Semaphore(WRITING_AT_ONCE)

        async def one(fact: BankFact, prompt: list[Message]) -> tuple[str, float]:
            async with room:
                try:
                    written = await self._engine.generate_with(adapter, prompt, SAMPLING)
                except NotWritten:
                    return fact.id, 0.0
            self._on_step()
            return fact.id, float(is_right(written.text, fact.now))

        return share(await asyncio.gather(*(one(fact, prompt) for fact, prompt in asked)))


async def _none() -> AdapterId | None:
    """No adapter is live: each text names its own."""
    return None


def _open_book(fact: BankFact, question: str, others: Sequence[BankFact], chance: random.Random) -> list[Message]:
    """The right entry among three, in random order."""
    passages = [Passage(each.taught[0], each.now.answer) for each in (fact, *others)]
    chance.shuffle(passages)
    return grounded_prompt(question, passages)


def _others(bank: Bank, fact: BankFact) -> list[BankFact]:
    return [other for other in bank.facts if other is not fact]


def _nearest(bank: Bank, fact: BankFact, question: str, encoder: Encoder) -> list[BankFact]:
    others = _others(bank, fact)
    vectors = encoder.encode([question, *(other.taught[0] for other in others)])
    nearest = np.argsort(-(vectors[1:] @ vectors[0]), kind="stable")[: PASSAGES - 1]
    return [others[i] for i in nearest]


# --- what was forgotten -------------------------------------------------------------------------------------------


def _general(product: Product, adapter: AdapterId, rows: Sequence[dict[str, Any]]) -> Figure:
    """How much less likely good answers to everyday questions have become, in nats per token."""
    if not rows:
        return missing("No --general file was given.")
    base = product.models.base
    folder = AdapterFiles(product.kept.settings.adapters_dir, base.sha256).folder(adapter)
    before, after = (_nll(base, load_merged(base, each), rows) for each in (None, folder))
    return share([(str(i), late - early) for i, (early, late) in enumerate(zip(before, after, strict=True))])


def _nll(base: BaseModel, model: PreTrainedModel, rows: Sequence[dict[str, Any]]) -> list[float]:
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    examples = [Example(FactId(""), Kind.GENERAL, (Message("user", row["question"]),), row["answer"]) for row in rows]
    return [answer_nll(model, tokenizer, example) for example in examples]
