"""Hostile accounts of agents in a team whose members have a record, and what comes of what they try."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from bot.answers import Answer, AnswerKind, Confirmation
from bot.feedback import Gesture, Lesson, LessonSource, Rating, facts_of
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


async def attack(
    house: House, chat: FakeConnector, accounts: int, way: Way, *, trigger: bool, names: Sequence[str] = (),
    topic: Callable[[int], str] = topic, lie: Callable[[int], str] = lie,
) -> Outcome:  # fmt: skip
    """`names`: of colleagues who turn; else the accounts are new."""
    people = [agent(name) for name in names or [f"mel{number}" for number in range(accounts)]]
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
