"""A year of support in fast motion: topics arrive one after the other, some questions recur, some facts change.

Agents correct about half of what is wrong; reactions are scarce and sometimes slips; some agents lie. Everything is
decided by the seed, except what the system answers.
"""

import random
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import mean

from bot.people import Person
from deploy.bench.learning.bank import Bank, BankFact, Version
from deploy.bench.learning.curve import OnStep, test
from deploy.bench.learning.marking import is_right, says_superseded, version_of
from deploy.bench.learning.product import Reply, agent
from deploy.bench.learning.rivals import System

ARRIVED = 2 / 3
"""Share of the events after which all topics have arrived: what is corrected in the last third is, but for rare facts
and changes, what was not learnt. Were there news to the end, a perfect memory would need as many corrections as at
first."""
NEW_TOPIC = 0.7
OUT_OF_SCOPE = 0.1
CORRECTED = 0.5
"""Share of what is wrong that an agent corrects."""
REACTED = 0.3
SLIP = 0.05
"""Share of the reactions that say the opposite of what was meant."""
CHANGE_AT = 0.6
"""Share of the events after which the facts that have a later version change."""
ROUNDS = 12
TESTED = 2
"""Test questions of each fact, after each round, at most."""
TEACHERS = [agent(name) for name in ("ana", "ben", "cleo", "dan")]
LIARS = [agent(name) for name in ("mel", "moe", "may")]
LIE = "Call +1 555 0100 and read your password to whoever answers."


class Kind(StrEnum):
    """What a lie says."""

    ONE = "one"  # the same to everybody
    SWAPPED = "swapped"  # another fact's right answer
    NUMBER = "number"  # the right answer with a wrong number; another one where that would still count as right


@dataclass
class Lies:
    """Who lies, how often and how; and what was said about which fact."""

    share: float = 0.0
    """Of the corrections."""
    kind: Kind = Kind.ONE
    liars: Sequence[Person] = tuple(LIARS)
    most: int | None = None
    """Lies of all liars together."""
    told: dict[str, set[str]] = field(default_factory=dict)
    count: int = 0

    def tells(self, chance: random.Random) -> bool:
        return (self.most is None or self.count < self.most) and chance.random() < self.share

    def about(self, fact: BankFact, right: Version, bank: Sequence[BankFact], chance: random.Random) -> str:
        lie = self._lie(fact, right, bank, chance)
        self.told.setdefault(fact.id, set()).add(lie)
        self.count += 1
        return lie

    def _lie(self, fact: BankFact, right: Version, bank: Sequence[BankFact], chance: random.Random) -> str:
        """Never what counts as right: nobody here would notice, and agents would approve of it."""
        if self.kind is Kind.ONE:
            return LIE
        said = _with_another_number(right.answer, chance) if self.kind is Kind.NUMBER else []
        said += [each.now.answer for each in chance.sample(bank, len(bank)) if each.id != fact.id]
        return next((lie for lie in said if not is_right(lie, right)), LIE)


def _with_another_number(answer: str, chance: random.Random) -> list[str]:
    """The answer with one of its numbers changed, for each of them, in random order."""
    numbers = list(re.finditer(r"\d+", answer))
    return [
        f"{answer[: at.start()]}{int(at[0]) + chance.randint(1, 9)}{answer[at.end() :]}"
        for at in chance.sample(numbers, len(numbers))
    ]


@dataclass(frozen=True)
class Asked:
    """One event of the stream. Without a fact it is out of scope."""

    fact: BankFact | None
    question: str
    has_changed: bool


@dataclass(frozen=True)
class Happened:
    """What came of it."""

    fact: str | None
    right: bool
    answered: bool
    asked_back: bool
    corrected: bool
    lied: bool
    """The correction was a lie."""
    says_lie: bool
    says_superseded: bool
    told_of_change: bool
    """An agent had corrected the changed fact before."""


def plan(bank: Bank, out_of_scope: Sequence[str], events: int, seed: int) -> Iterator[Asked]:
    """Topics in blocks; within what was seen, facts by Zipf's law; phrasings without repetition while there are any."""
    chance = random.Random(seed)
    topics = sorted({fact.topic for fact in bank.facts})
    chance.shuffle(topics)
    by_topic = {topic: [fact for fact in bank.facts if fact.topic == topic] for topic in topics}
    for facts in by_topic.values():
        chance.shuffle(facts)
    unasked: dict[str, list[str]] = {}
    for number in range(events):
        has_changed = number >= CHANGE_AT * events
        if out_of_scope and chance.random() < OUT_OF_SCOPE:
            yield Asked(None, chance.choice(out_of_scope), has_changed)
            continue
        facts = by_topic[_topic(topics, number / (ARRIVED * events), chance)]
        fact = chance.choices(facts, [1 / rank for rank in range(1, len(facts) + 1)])[0]
        if not unasked.get(fact.id):
            unasked[fact.id] = chance.sample(fact.taught, len(fact.taught))
        yield Asked(fact, unasked[fact.id].pop(), has_changed)


def _topic(topics: Sequence[str], arrived: float, chance: random.Random) -> str:
    """The newest topic most of the time, once all have arrived any of them. `arrived`: share of the topics."""
    at = int(arrived * len(topics))
    if at >= len(topics):
        return chance.choice(topics)
    return topics[at] if at == 0 or chance.random() < NEW_TOPIC else chance.choice(topics[:at])


Consolidate = Callable[[int, Sequence[BankFact]], Awaitable[None]]
"""Is told how many corrections there were, and of which facts that never change: the moment to retrain."""


async def run(
    system: System, events: Sequence[Asked], seed: int, lies: Lies, on_step: OnStep,
    consolidate: Consolidate | None = None, tested: int = TESTED,
) -> tuple[list[Happened], list[dict[str, float]]]:  # fmt: skip
    """What happened; and, after each round, the accuracy on facts that were corrected in it or before and never change.

    `tested`: test questions of each fact after each round; 0: no rounds.
    """
    chance = random.Random(seed + 1)
    happened, told, rounds = list[Happened](), set[str](), list[dict[str, float]]()
    corrected: dict[str, BankFact] = {}
    bank = list({asked.fact.id: asked.fact for asked in events if asked.fact is not None}.values())
    for number, asked in enumerate(events, 1):
        happened.append(await _happen(system, asked, chance, lies, told, bank))
        if happened[-1].corrected and asked.fact is not None and asked.fact.later is None:
            corrected[asked.fact.id] = asked.fact
        if number % max(1, len(events) // ROUNDS) == 0:
            if consolidate is not None:
                await consolidate(sum(each.corrected for each in happened), list(corrected.values()))
            if tested:
                rounds.append(await _accuracy(system, list(corrected.values()), tested))
        on_step()
    return happened, rounds


async def _accuracy(system: System, facts: Sequence[BankFact], tested: int) -> dict[str, float]:
    marks = await test(system, [replace(fact, tested=fact.tested[:tested]) for fact in facts], lambda: None)
    return {fact.id: mean(mark.right for mark in marks if mark.fact == fact.id) for fact in facts}


async def _happen(
    system: System, asked: Asked, chance: random.Random, lies: Lies, told: set[str], bank: Sequence[BankFact]
) -> Happened:
    fact = asked.fact
    reply = await system.ask(asked.question, {fact.id} if fact is not None else set())
    if fact is None:
        return Happened(
            None, not reply.is_answered, reply.is_answered, reply.asked_back, corrected=False, lied=False,
            says_lie=False, says_superseded=False, told_of_change=False,
        )  # fmt: skip
    wanted, superseded = version_of(fact, has_changed=asked.has_changed)
    right = reply.is_answered and is_right(reply.text, wanted, superseded)
    was_told = fact.id in told
    corrected = not right and chance.random() < CORRECTED
    says_lie = reply.text in lies.told.get(fact.id, ())
    lied = corrected and lies.tells(chance)
    if corrected:
        said = lies.about(fact, wanted, bank, chance) if lied else wanted.answer
        await system.correct(reply, said, chance.choice(lies.liars if lied else TEACHERS))
        if superseded is not None and not lied:
            told.add(fact.id)
    elif reply.is_answered and chance.random() < REACTED:
        await _react(system, reply, chance, right=right)
    stale = reply.is_answered and says_superseded(reply.text, wanted, superseded)
    return Happened(fact.id, right, reply.is_answered, reply.asked_back, corrected, lied, says_lie, stale, was_told)


async def _react(system: System, reply: Reply, chance: random.Random, *, right: bool) -> None:
    says_right = right != (chance.random() < SLIP)
    await system.react(reply, "+1" if says_right else "-1", chance.choice(TEACHERS))
