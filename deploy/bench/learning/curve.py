"""After so many corrections of every fact: how many questions in words never seen are answered right?

Each round, one more question of every fact is asked; an agent approves a right answer and corrects any other one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deploy.bench.learning.bank import Bank, BankFact
from deploy.bench.learning.marking import is_right
from deploy.bench.learning.product import agent
from deploy.bench.learning.rivals import System

ROUNDS = (1, 2, 6, 12, 24)
APPROVE = "+1"
TEACHER = agent("ana")

OnStep = Callable[[], None]


@dataclass(frozen=True)
class Mark:
    """One test question's result."""

    fact: str
    right: bool
    """In the end: also when the asker had to choose from what was asked back."""
    answered: bool
    asked_back: bool
    likeliest_right: bool
    confidence: float


async def teach_round(system: System, facts: Sequence[BankFact], round: int, on_step: OnStep) -> None:
    for fact in facts:
        reply = await system.ask(fact.taught[round], {fact.id})
        if is_right(reply.text, fact.now):
            await system.react(reply, APPROVE, TEACHER)
        else:
            await system.correct(reply, fact.now.answer, TEACHER)
        on_step()


async def test(system: System, facts: Sequence[BankFact], on_step: OnStep) -> list[Mark]:
    marks = []
    for fact in facts:
        for question in fact.tested:
            reply = await system.ask(question, {fact.id})
            right = reply.is_answered and is_right(reply.text, fact.now)
            likeliest = is_right(reply.likeliest, fact.now)
            marks.append(Mark(fact.id, right, reply.is_answered, reply.asked_back, likeliest, reply.confidence))
            on_step()
    return marks


def rounds_of(bank: Bank, rounds: Sequence[int] = ROUNDS) -> list[int]:
    """Those for which every fact has enough questions."""
    return [each for each in rounds if each <= bank.most_taught]


def steps_of(bank: Bank, rounds: Sequence[int]) -> int:
    tested = sum(len(fact.tested) for fact in bank.facts)
    return max(rounds) * len(bank.facts) + len(rounds) * tested


async def run(system: System, bank: Bank, rounds: Sequence[int], on_step: OnStep) -> dict[int, list[Mark]]:
    """The marks after each of the rounds."""
    marks = {}
    for done in range(1, max(rounds) + 1):
        await teach_round(system, bank.facts, done - 1, on_step)
        if done in rounds:
            marks[done] = await test(system, bank.facts, on_step)
    return marks
