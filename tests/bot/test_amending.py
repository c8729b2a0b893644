"""An accepted correction mends what the bot said before, once, and nothing that an agent has settled."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.answers import Answer, AnswerKind
from bot.events import Place
from bot.ids import LessonId
from bot.outgoing import AnswerEdit, Notice
from bot.people import Person, Platform
from bot.ports import Unit
from bot.texts import ENGLISH
from tests.bot.events import ADMIN, AGENT, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import House

QUESTION = "Can I pause my pass?"
WRONG, RIGHT = "Yes, 30 days.", "Yes, for 90 days, in the settings of the pass."
OTHER = "Dogs are welcome in the garden studio between nine and noon."
HELP = "Pause my pass: a pass can be paused for 30 days."


def thread(number: int) -> Place:
    return Place(Platform.SLACK, "T1", "C1", f"{number}.1")


async def ask(house: House, chat: FakeConnector, number: int, question: str = QUESTION) -> Answer:
    asker = Person(Platform.SLACK, f"U-{number}", f"Asker {number}")
    await house.desk.receive(message(question, asker, thread(number)))
    await house.settle()
    return chat.answers[-1].answer


async def correct(house: House, answer: Answer, text: str = RIGHT, question: str = QUESTION) -> None:
    now = datetime.now(UTC)
    await house.desk.receive(replace(correction(answer.id, question, text), at=now))
    await house.settle()


async def look(house: House) -> int:
    sent = await house.bot.amending.look()
    await house.settle()
    return sent


def edits(chat: FakeConnector) -> list[tuple[str | None, str]]:
    """In which threads an answer was rewritten, and to what."""
    return [(each.place.thread, each.answer.text) for each in chat.posted if isinstance(each, AnswerEdit)]


def told(chat: FakeConnector, text: str) -> list[Notice]:
    return [each for each in chat.notices if each.text.startswith(text.partition("{")[0])]


@pytest.fixture
async def answered(house: House, chat: FakeConnector) -> list[Answer]:
    """The same wrong fact was served in three threads."""
    await house.teach(QUESTION, WRONG)
    return [await ask(house, chat, number) for number in range(3)]


async def test_the_same_fact_is_mended_where_it_was_served_and_askers_are_told_once(
    house: House, chat: FakeConnector, answered: list[Answer]
) -> None:
    await correct(house, answered[0])
    assert await look(house) == 5  # three edits, two who don't know yet
    assert await look(house) == 0
    assert sorted(edits(chat), key=str) == [(f"{number}.1", RIGHT) for number in range(3)]
    notices = told(chat, ENGLISH.amended)
    assert sorted((each.place.thread, each.calls.id if each.calls else None) for each in notices) == [
        ("1.1", "U-1"), ("2.1", "U-2")
    ]  # fmt: skip


async def test_what_the_router_takes_for_the_same_question_is_mended(house: House, chat: FakeConnector) -> None:
    await house.add_section("Passes", "", HELP)
    written = [await ask(house, chat, number, question) for number, question in enumerate([QUESTION, "pause my pass?"])]
    assert {answer.kind for answer in written} == {AnswerKind.GROUNDED}
    await house.add_section("Classes", "", "Cancel my class: a class is cancelled at the desk.")
    await ask(house, chat, 2, "Cancel my class?")
    await correct(house, written[0])
    await look(house)
    assert sorted(edits(chat), key=str) == [("0.1", RIGHT), ("1.1", RIGHT)]


async def test_an_answer_of_long_ago_is_left_alone(house: House, chat: FakeConnector, answered: list[Answer]) -> None:
    await correct(house, answered[0])
    amending = replace(house.bot.amending, clock=lambda: datetime.now(UTC) + timedelta(days=8))
    assert await amending.look() == 0


@pytest.mark.parametrize("settled", ["ticked", "corrected", "deleted"])
async def test_what_an_agent_has_settled_is_left_alone(
    house: House, chat: FakeConnector, answered: list[Answer], settled: str
) -> None:
    where = await house.store.run(lambda unit: unit.answers.get(answered[1].id))
    assert where is not None
    assert where.message is not None
    await correct(house, answered[0])
    if settled == "ticked":
        await house.desk.receive(reaction("white_check_mark", where.message))
    elif settled == "corrected":
        await correct(house, answered[1], OTHER, "Are dogs allowed?")
    else:
        await house.store.run(lambda unit: unit.answers.retract(answered[1].id))
    await house.settle()
    await look(house)
    assert RIGHT not in [text for place, text in edits(chat) if place == "1.1"]


async def test_a_correction_that_waits_for_review_mends_nothing_until_it_is_accepted(
    house: House, chat: FakeConnector, answered: list[Answer]
) -> None:
    def hold(unit: Unit) -> LessonId:
        lesson = unit.lessons.about(answered[0].id)[-1]
        house.desk.routing.capturing.reviewing.hold(unit, lesson, "untrusted", thread(0))  # type: ignore[arg-type]
        return lesson.id

    await correct(house, answered[0])
    held = await house.store.run(hold)
    assert await look(house) == 0
    accept = house.desk.routing.capturing.reviewing.accept
    await house.store.run(lambda unit: accept(unit, held, ADMIN, datetime.now(UTC)))
    assert await look(house) == 5


async def test_a_later_correction_mends_what_an_earlier_one_has_mended(
    house: House, chat: FakeConnector, answered: list[Answer]
) -> None:
    await correct(house, answered[0])
    await look(house)
    await correct(house, answered[0], "Yes, for 120 days, in the settings of the pass.")
    assert await look(house) == 5
    assert {text for _, text in edits(chat)[3:]} == {"Yes, for 120 days, in the settings of the pass."}


async def test_a_correction_that_is_taken_back_is_told_and_nothing_is_rewritten(
    house: House, chat: FakeConnector, answered: list[Answer]
) -> None:
    await correct(house, answered[0])
    await look(house)
    rewritten = len(edits(chat))
    lesson = await house.store.run(lambda unit: unit.lessons.about(answered[0].id)[-1])
    await house.store.run(lambda unit: unit.lessons.withdraw(lesson.id, datetime.now(UTC)))
    assert [await look(house), await look(house)] == [3, 0]
    assert len(edits(chat)) == rewritten
    called = [each.calls.id for each in told(chat, ENGLISH.amended_taken_back) if each.calls]
    assert sorted(called) == ["U-0", "U-1", "U-2"]


async def test_two_processes_mend_once(house: House, chat: FakeConnector, answered: list[Answer]) -> None:
    await correct(house, answered[0])
    sent = await asyncio.gather(house.bot.amending.look(), replace(house.bot.amending).look())
    assert sorted(sent) == [0, 5]


async def test_amending_proves_no_teacher(house: House, chat: FakeConnector, answered: list[Answer]) -> None:
    """Nobody has asked for the new words yet, however often they stand there."""
    await correct(house, answered[0])
    await look(house)
    lesson = await house.store.run(lambda unit: unit.lessons.about(answered[0].id)[-1])
    assert await house.store.run(lambda unit: unit.teaching.served([lesson.id])) == {}


async def test_the_amended_answer_is_the_one_that_is_rated_and_followed(
    house: House, chat: FakeConnector, answered: list[Answer]
) -> None:
    await correct(house, answered[0])
    await look(house)
    posted = await house.store.run(lambda unit: unit.answers.last_in(thread(1)))
    assert posted is not None
    assert posted.message is not None
    assert posted.answer.text == RIGHT
    await house.desk.receive(reaction("x", posted.message, AGENT))
    await house.settle()
    assert [r.gesture for r in await house.store.run(lambda unit: unit.ratings.of(posted.answer.id))] == ["reject"]
    turns = await house.desk.turns(thread(1))
    assert [turn.text for turn in turns] == [QUESTION, RIGHT]
