"""After so many corrections of every fact: how many questions in words never seen are answered right?

Each round, one more question of every fact is asked; an agent approves a right answer and corrects any other one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from deploy.bench.learning.bank import Bank, BankFact
from deploy.bench.learning.marking import is_right
from deploy.bench.learning.product import Reply, agent
from deploy.bench.learning.rivals import System
from deploy.bench.learning.writing import APPROVE, Written

ROUNDS = (1, 2, 6, 12, 24)
ENOUGH = 0.5
"""Of the facts, at least, that must have so many questions to correct; the others are taught all that they have."""
TEACHER = agent("ana")

OnStep = Callable[[], None]
Retrain = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Mark:
    """One test question's result."""

    fact: str
    right: bool
    """In the end: also when the asker had to choose from what was asked back."""
    answered: bool
    asked_back: bool
    likeliest_right: bool
    confidence: float | None
    """None where nothing is said of it."""


async def teach_round(system: System, facts: Sequence[BankFact], round: int, on_step: OnStep) -> None:
    """What is written each time need not be written here: approved or corrected, the question gets a right answer."""
    for fact in facts:
        if round >= len(fact.taught):
            continue
        question = fact.taught[round]
        reply = Reply("", False, question=question)
        if not isinstance(system, Written):
            reply = await system.ask(question, {fact.id})
        if is_right(reply.text, fact.now):
            await system.react(reply, APPROVE, TEACHER)
        else:
            await system.correct(reply, fact.now.answer, TEACHER)
        on_step()


async def test(system: System, facts: Sequence[BankFact], on_step: OnStep) -> list[Mark]:
    asked = [(fact, question) for fact in facts for question in fact.tested]
    replies = await ask_all(system, [(question, {fact.id}) for fact, question in asked], on_step)
    return [_mark(fact, reply) for (fact, _), reply in zip(asked, replies, strict=True)]


async def ask_all(system: System, asked: Sequence[tuple[str, set[str]]], on_step: OnStep) -> list[Reply]:
    """The replies to (question, meant) pairs; nothing is taught in between."""
    replies: list[Reply] = []
    for start in range(0, len(asked), system.at_once):
        part = asked[start : start + system.at_once]
        replies += await asyncio.gather(*(system.ask(question, meant) for question, meant in part))
        for _ in part:
            on_step()
    return replies


def _mark(fact: BankFact, reply: Reply) -> Mark:
    right = reply.is_answered and is_right(reply.text, fact.now)
    likeliest = is_right(reply.likeliest, fact.now)
    return Mark(fact.id, right, reply.is_answered, reply.asked_back, likeliest, reply.confidence)


def rounds_of(bank: Bank, rounds: Sequence[int] = ROUNDS) -> list[int]:
    """Those for which enough facts have enough questions."""
    return [each for each in rounds if bank.share_taught(each) >= ENOUGH]


def steps_of(bank: Bank, rounds: Sequence[int]) -> int:
    tested = sum(len(fact.tested) for fact in bank.facts)
    return sum(min(max(rounds), len(fact.taught)) for fact in bank.facts) + len(rounds) * tested


async def run(
    system: System, bank: Bank, rounds: Sequence[int], on_step: OnStep, retrain: Retrain | None = None
) -> dict[int, list[Mark]]:
    """The marks after each of the rounds. `retrain` is for those that learn by nothing else: before they are tested."""
    marks = {}
    for done in range(1, max(rounds) + 1):
        await teach_round(system, bank.facts, done - 1, on_step)
        if done in rounds:
            if retrain is not None:
                await retrain()
            marks[done] = await test(system, bank.facts, on_step)
    return marks
