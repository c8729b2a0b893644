"""Who opts out is answered; nothing is learnt from what they write, and it is gone within a day."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import BadInput
from bot.events import ReplyMarked
from bot.ids import EventId, new_id
from bot.opting_out import shed
from bot.people import Person, Platform
from bot.retention import Retention
from bot.texts import ENGLISH
from tests.bot.events import AGENT, NOW, THREAD, command, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import House

SHY = Person(Platform.SLACK, "U0SHY00001", "Sina")
OPEN = Person(Platform.SLACK, "U0OPEN0001", "Olga")
WORD = "kanarie"
LATER = NOW + timedelta(days=3650)
"""Answers are as old as their ids, which tell the real time."""


async def say(house: House, text: str, person: Person = SHY, thread: str = "100.1") -> None:
    await house.desk.receive(message(text, person, replace(THREAD, thread=thread)))
    await house.settle()


async def opt(house: House, verb: str, person: Person = SHY) -> None:
    await house.desk.receive(command(verb, person))
    await house.settle()


def readable(folder: Path, word: str = WORD) -> bool:
    return any(word.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_they_are_answered_as_everybody(house: House, chat: FakeConnector) -> None:
    await house.teach("How long is the trial?", "21 days.")
    await opt(house, "optout")
    assert "within a day" in chat.notices[-1].text
    await say(house, "How long is the trial?")
    assert chat.answers[-1].answer.text == "21 days."


async def test_nothing_is_learnt_from_what_they_write(house: House, chat: FakeConnector) -> None:
    await house.teach("How long is the trial?", "21 days.")
    await opt(house, "optout")
    await say(house, f"trial how long {WORD}?")
    known = chat.answers[-1]
    await house.desk.receive(reaction("+1", chat.last_message()))
    await say(house, f"Where do I find {WORD}?", thread="200.1")
    asked = chat.answers[-1].answer
    form = await house.desk.correction_form(asked.id, AGENT, THREAD)
    assert form.question == ""
    marked = ReplyMarked(
        id=EventId(new_id()), place=replace(THREAD, thread="200.1"), person=AGENT, at=NOW,
        reply=chat.last_message(), text="It is on shelf 3.",
    )  # fmt: skip
    await house.desk.receive(marked)
    await house.settle()
    assert chat.notices[-1].text == ENGLISH.retracted_question
    await house.desk.receive(correction(asked.id, "What stands on shelf 3?", "The thing."))
    await house.settle()
    texts = await house.store.run(lambda unit: [each.text for each in unit.lessons.phrasings()])
    assert sorted(texts) == ["How long is the trial?", "What stands on shelf 3?"]
    assert known.answer.question.startswith("trial")


async def test_within_a_day_it_is_gone_from_every_byte(house: House, chat: FakeConnector, tmp_path: Path) -> None:
    await house.teach("How long is the trial?", "21 days.")
    await say(house, f"How long is the trial, {WORD}?", thread="50.1")
    await opt(house, "optout")
    await say(house, f"How long is the trial of {WORD}?")
    await house.desk.receive(reaction("+1", chat.last_message(), SHY))
    await say(house, "How long is the trial?", OPEN, "300.1")
    assert readable(tmp_path)
    assert await house.store.run(lambda unit: shed(unit, NOW)) == 0  # it may still be needed
    removed = await house.store.run(lambda unit: Retention().purge(unit, LATER))
    assert removed["rows of who opted out"] > 0
    await house.store.scrub()
    assert not readable(tmp_path)
    people = await house.store.run(lambda unit: {who.key for who in unit.persons.known()})
    assert people == {OPEN.key}
    assert not readable(tmp_path, SHY.id)
    await say(house, f"How long is the trial, {WORD}?", thread="400.1")  # the wish has outlasted all that
    posted = await house.store.run(lambda unit: unit.answers.get(chat.answers[-1].answer.id))
    assert posted is not None
    assert posted.retracted


async def test_what_a_colleague_still_has_to_answer_waits(house: House, chat: FakeConnector, tmp_path: Path) -> None:
    await opt(house, "optout")
    await say(house, f"Where do I find {WORD}?")
    await house.store.run(lambda unit: shed(unit, LATER))
    (waiting,) = await house.store.run(lambda unit: unit.handoffs.unsolved())
    assert WORD in waiting.question
    place = replace(THREAD, thread="100.1")
    await house.store.run(lambda unit: house.bot.desk.routing.handing_off.solve(unit, place, AGENT, NOW))
    await house.store.run(lambda unit: shed(unit, LATER))
    await house.store.scrub()
    assert not readable(tmp_path)


async def test_whoever_changes_their_mind_is_kept_again(house: House, chat: FakeConnector, tmp_path: Path) -> None:
    await opt(house, "optout")
    await opt(house, "optin")
    await say(house, f"Where do I find {WORD}?")
    await house.store.run(lambda unit: shed(unit, LATER))
    assert readable(tmp_path)
    posted = await house.store.run(lambda unit: unit.answers.get(chat.answers[-1].answer.id))
    assert posted is not None
    assert not posted.retracted


async def test_a_lesson_in_doubt_is_listed_accepted_and_dropped(house: House, chat: FakeConnector) -> None:
    lesson = await house.teach("How long is the pause?", "90 days.")
    await house.store.run(lambda unit: unit.lessons.doubt(lesson.id, "/help/plans.md"))
    assert "1 lessons are in use though their help page has changed" in await give(house, chat, "status")
    assert "plans.md has changed" in await give(house, chat, "review")
    await give(house, chat, f"accept {lesson.id[-8:]}", AGENT)
    assert await give(house, chat, "review") == ENGLISH.nothing_held
    await house.store.run(lambda unit: unit.lessons.doubt(lesson.id, "/help/plans.md"))
    await give(house, chat, f"drop {lesson.id[-8:]}")
    assert [each.withdrawn_at is None for each in await house.desk.lessons()] == [False]
    with pytest.raises(BadInput):
        await house.store.run(lambda unit: house.desk.routing.commands.reviewing.drop(unit, lesson.id, AGENT, NOW))


async def give(house: House, chat: FakeConnector, text: str, person: Person | None = None) -> str:
    await house.desk.receive(command(text, person) if person is not None else command(text))
    await house.settle()
    return chat.notices[-1].text
