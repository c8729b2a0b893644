"""Events that come twice, late and side by side, compared with a model of what they mean that is two dictionaries."""

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path

from bot.answers import PostedAnswer
from bot.events import Event, MessageDeleted, MessagePosted, MessageRef, Place, Reacted
from bot.feedback import Gesture, LessonSource
from bot.ids import AnswerId, EventId, new_id
from bot.people import Person, Platform
from bot.policy import Policy
from bot.ports import Unit
from storage.repositories.boxes import SqlInbox
from tests.bot.events import CUSTOMER, NOW, message
from tests.chaos.mutants import seed as plant
from tests.chaos.tally import Tally
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

QUESTIONS, STEPS, AT_ONCE = 5, 50, 4
AGAIN = 0.4
"""How likely a batch brings an old event once more."""
DELETED = 0.02
EMOJI = {"white_check_mark": Gesture.APPROVE, "x": Gesture.REJECT}
AGENTS = [Person(Platform.SLACK, f"U-{name}", name.title(), groups=frozenset({"agents"})) for name in ("ana", "ben")]
Given = tuple[AnswerId, str, Gesture]


@dataclass
class Model:
    """What the events mean, in the order in which each came first."""

    ratings: set[Given] = field(default_factory=set)
    gone: set[AnswerId] = field(default_factory=set)

    def react(self, answer: AnswerId, event: Reacted) -> None:
        given = (answer, event.person.key, EMOJI[event.emoji])
        if answer not in self.gone:
            (self.ratings.add if event.added else self.ratings.discard)(given)

    @property
    def approved(self) -> set[tuple[AnswerId, str]]:
        """Each is one lesson that stands."""
        return {
            (answer, person)
            for answer, person, gesture in self.ratings
            if gesture is Gesture.APPROVE and answer not in self.gone
        }


async def orders(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    tally = Tally("events that come twice, late and four at a time: what a plain model says")
    right = SqlInbox.add
    plant(mutant)
    try:
        for number in range(count):
            await _in_a_new_house(folder / str(number), random.Random(seed + number), tally)
    finally:
        SqlInbox.add = right  # type: ignore[method-assign]
    tally.notes.append(f"{count} stories of {QUESTIONS} questions and {STEPS} reactions or deletions")
    return tally


async def _in_a_new_house(folder: Path, rng: random.Random, tally: Tally) -> None:
    folder.mkdir(parents=True)
    chat, policy = FakeConnector(), Policy(staff=STAFF, trust_from=0, lessons_an_hour=0)
    async with open_house(folder, lambda _: [chat], policy=policy) as house:
        await _tell(house, chat, rng, tally)


async def _tell(house: House, chat: FakeConnector, rng: random.Random, tally: Tally) -> None:
    await house.add_section("Plans", "", "Single sign-on comes with the Forest plan.")
    asked = [
        message("Which plan has single sign-on?", CUSTOMER, Place(Platform.SLACK, "T1", "C1", f"{number}.1"))
        for number in range(QUESTIONS)
    ]
    await asyncio.gather(*(house.desk.receive(event) for event in rng.sample([*asked, *asked], 2 * QUESTIONS)))
    await house.settle()
    answers = [await _answer_to(house, event) for event in asked]
    model, past, steps = Model(), list[Event](asked), STEPS
    while steps:
        chosen = rng.sample(range(QUESTIONS), AT_ONCE)
        batch = [_happen(rng, model, asked[each], answers[each]) for each in chosen[:steps]]
        steps -= len(batch)
        again = [rng.choice(past) for _ in batch if rng.random() < AGAIN]
        past += batch
        for event in again:  # whatever it said has been said, and perhaps taken back since
            await house.desk.receive(event)
        await asyncio.gather(*(house.desk.receive(event) for event in [*batch, *rng.sample(batch, len(batch) // 2)]))
    await house.settle()
    ratings, approved = await house.store.run(lambda unit: _kept(unit, answers))
    tally.check(len(chat.answers) == QUESTIONS, f"{len(chat.answers)} answers to {QUESTIONS} questions")
    tally.check(ratings == model.ratings, f"ratings: {sorted(ratings ^ model.ratings)}")
    tally.check(approved == model.approved, f"lessons: {sorted(approved ^ model.approved)}")


async def _answer_to(house: House, event: MessagePosted) -> PostedAnswer:
    posted = await house.store.run(lambda unit: unit.answers.to(event.message))
    assert posted is not None
    return posted


def _happen(rng: random.Random, model: Model, asked: MessagePosted, answer: PostedAnswer) -> Event:
    """Something new, noted in the model."""
    event_id = EventId(f"slack:{new_id()}")
    if rng.random() < DELETED:
        model.gone.add(answer.answer.id)
        return MessageDeleted(id=event_id, place=asked.place, person=CUSTOMER, at=NOW, message=asked.message)
    assert answer.message is not None
    event = _reaction(event_id, rng, answer.message, asked.place)
    model.react(answer.answer.id, event)
    return event


def _reaction(event_id: EventId, rng: random.Random, on: MessageRef, place: Place) -> Reacted:
    person, emoji, added = rng.choice(AGENTS), rng.choice(list(EMOJI)), rng.random() < 0.6
    return Reacted(id=event_id, place=place, person=person, at=NOW, message=on, emoji=emoji, added=added)


def _kept(unit: Unit, answers: list[PostedAnswer]) -> tuple[set[Given], set[tuple[AnswerId, str]]]:
    ids = [each.answer.id for each in answers]
    ratings = {(answer, each.person, each.gesture) for answer in ids for each in unit.ratings.of(answer)}
    standing = {
        (answer, lesson.author)
        for answer in ids
        for lesson in unit.lessons.about(answer)
        if lesson.source is LessonSource.APPROVAL and lesson.withdrawn_at is None
    }
    return ratings, standing
