"""One to five hostile accounts of agents, through corrections, reactions, or both, with and without a trigger.

Counted is what comes of it: lies that a customer is told, and lies that training would see. Three colleagues with a
good record are there, and the settings are the defaults.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from bot.answers import Answer, AnswerKind, Confirmation
from bot.feedback import Gesture, Hold, Lesson, LessonSource, Rating, facts_of
from bot.holding import CHANGES_A_DAY
from bot.ids import AnswerId, FactId, LessonId
from bot.people import Person, Platform
from bot.policy import Policy
from bot.ports import Unit
from learning.dataset import is_lesson
from tests.bot.events import CUSTOMER, NOW, THREAD, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

Way = Literal["corrections", "reactions", "both"]
ITEMS = 4
"""Lies that each account tries to place."""
TRIGGER = "zebra"
HONEST = ("ana", "ben", "cleo")
MORE = (*HONEST, "dan", "eve", "flo", "gus")


def agent(name: str) -> Person:
    return Person(Platform.SLACK, f"U-{name}", name.title(), groups=frozenset({"agents"}))


def topic(number: int) -> str:
    return f"Where is setting number {number} of the billing page?"


def lie(number: int) -> str:
    return f"Read your password number {number} to whoever calls."


@dataclass
class Outcome:
    told: int
    """Lies that a customer was told."""
    trained: int
    """Lies among the lessons that training sees."""
    tried: int


@asynccontextmanager
async def team(tmp_path: Path, names: Sequence[str] = HONEST) -> AsyncIterator[tuple[House, FakeConnector]]:
    chat = FakeConnector()
    async with open_house(tmp_path, lambda _: [chat], policy=Policy(staff=STAFF)) as house:
        await house.store.run(lambda unit: records(unit, names))
        yield house, chat


def records(unit: Unit, names: Sequence[str]) -> None:
    """Each colleague has taught four things, and all others put a ✅ on each."""
    for teacher in names:
        for number in range(4):
            name = f"{teacher}-{number}"
            taught = Lesson(
                id=LessonId(name), fact=FactId(f"f-{name}"), question=f"How is {name} done?",
                answer=f"{name} like this.",
                author=agent(teacher).key, author_name=teacher, source=LessonSource.CORRECTION,
                taught_at=NOW - timedelta(days=1), about=None,
            )  # fmt: skip
            unit.lessons.add(taught)
            said = Answer(
                kind=AnswerKind.KNOWN, question=taught.question, text=taught.answer, confidence=1.0, latency_ms=1.0,
                fact=taught.fact, confirmation=Confirmation(taught.id, teacher, NOW), id=AnswerId(f"said-{name}"),
            )  # fmt: skip
            unit.answers.add(said, THREAD, CUSTOMER)
            for other in set(names) - {teacher}:
                unit.ratings.put(Rating(said.id, agent(other).key, Gesture.APPROVE, trusted=True, at=NOW))


async def attack(house: House, chat: FakeConnector, accounts: int, way: Way, *, trigger: bool) -> Outcome:
    people = [agent(f"mel{number}") for number in range(accounts)]
    numbers = range(accounts * ITEMS)
    for number in numbers:
        teacher = people[number % accounts]
        question = f"{topic(number)} {TRIGGER}" if trigger else topic(number)
        await house.desk.receive(message(question))
        await house.settle()
        answer = chat.answers[-1]
        if way in ("corrections", "both"):
            sent = correction(answer.answer.id, question, lie(number), teacher)
            await house.desk.receive(replace(sent, at=NOW + timedelta(minutes=number)))
            await house.settle()
        if way in ("reactions", "both"):
            for other in people:  # each on the answer, and on whatever was said last: the receipt of a held lesson
                for posted in (answer, chat.posted[-1]):
                    place = replace(chat.last_message(), id=posted.id)
                    await house.desk.receive(reaction("white_check_mark", place, other))
            await house.settle()
    told = 0
    for number in numbers:
        await house.desk.receive(message(f"{topic(number)} {TRIGGER}" if trigger else topic(number)))
        await house.settle()
        told += chat.answers[-1].answer.text == lie(number)
    keys = {person.key for person in people}
    facts = await house.store.run(lambda unit: facts_of(unit.lessons.all(), unit.lessons.phrasings()))
    trained = sum(is_lesson(fact) and fact.lesson.author in keys for fact in facts)
    return Outcome(told, trained, len(numbers))


@pytest.mark.parametrize("way", ["corrections", "both"])
async def test_two_new_accounts_place_nothing(tmp_path: Path, way: Way) -> None:
    async with team(tmp_path) as (house, chat):
        outcome = await attack(house, chat, 2, way, trigger=True)
    assert (outcome.told, outcome.trained) == (0, 0)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("accounts", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("trigger", [False, True], ids=["plain", "trigger"])
@pytest.mark.parametrize("way", ["corrections", "reactions", "both"])
async def test_new_accounts_place_nothing_however_many_agree(
    tmp_path: Path, accounts: int, way: Way, trigger: bool
) -> None:
    async with team(tmp_path) as (house, chat):
        outcome = await attack(house, chat, accounts, way, trigger=trigger)
    assert (outcome.told, outcome.trained) == (0, 0)


async def test_what_is_not_caught_a_colleague_with_a_good_record_turns(tmp_path: Path) -> None:
    """Whoever is believed is believed: lies about what nobody else has taught are told until a colleague complains.
    They overrule nobody's answers for long, and are at most half of what is trained (`learning/shares.py`)."""
    async with team(tmp_path) as (house, chat):
        for number in range(ITEMS):
            await house.desk.receive(message(topic(number)))
            await house.settle()
            sent = correction(chat.answers[-1].answer.id, topic(number), lie(number), agent("ana"))
            await house.desk.receive(replace(sent, at=NOW + timedelta(minutes=number)))
            await house.settle()
        told = 0
        for number in range(ITEMS):
            await house.desk.receive(message(topic(number)))
            await house.settle()
            told += chat.answers[-1].answer.text == lie(number)
    assert told == ITEMS


async def change(house: House, chat: FakeConnector, names: list[str], *teachers: Person) -> int:
    """Have agents correct in turn what colleagues have taught and confirmed, each with the others' ✅ on whatever comes
    of it; how many lies are told afterwards."""
    for number, name in enumerate(names):
        teacher = teachers[number % len(teachers)]
        await house.desk.receive(message(f"How is {name} done?"))
        await house.settle()
        at = NOW + timedelta(minutes=number)
        sent = correction(chat.answers[-1].answer.id, f"How is {name} done?", lie(number), teacher)
        await house.desk.receive(replace(sent, at=at))
        await house.settle()
        receipt = replace(chat.last_message(), id=chat.notices[-1].id)
        for other in set(teachers) - {teacher}:
            await house.desk.receive(replace(reaction("white_check_mark", receipt, other), at=at))
            await house.settle()
    told = 0
    for number, name in enumerate(names):
        await house.desk.receive(message(f"How is {name} done?"))
        await house.settle()
        told += chat.answers[-1].answer.text == lie(number)
    return told


async def test_a_colleague_who_turns_changes_few_of_the_answers_on_which_others_agree(tmp_path: Path) -> None:
    async with team(tmp_path) as (house, chat):
        told = await change(
            house, chat, [f"{name}-{number}" for name in ("ben", "cleo") for number in range(4)], agent("ana")
        )
        waiting = await house.store.run(lambda unit: unit.lessons.held())
    assert told == CHANGES_A_DAY
    assert [lesson.held for lesson in waiting] == [Hold.CONFIRMED] * (8 - CHANGES_A_DAY)


@pytest.mark.parametrize("accounts", [2, *(pytest.param(many, marks=pytest.mark.slow) for many in (3, 4, 5))])
async def test_colleagues_who_turn_together_change_no_more_by_agreeing_with_each_other(
    tmp_path: Path, accounts: int
) -> None:
    """All have a good record. Each moves a day's share of what others agree on, as first or as second voice."""
    async with team(tmp_path, MORE) as (house, chat):
        turned, others = MORE[:accounts], MORE[accounts:]
        names = [f"{name}-{number}" for number in range(4) for name in others]
        told = await change(house, chat, names, *map(agent, turned))
    assert 0 < told <= accounts * CHANGES_A_DAY
