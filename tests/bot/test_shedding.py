"""More than can be worked on: questions are handed off as they are kept, all else takes its turn."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot import intake
from bot.answers import AnswerKind
from bot.events import MessageRef, Place
from bot.outgoing import AnswerPost, Outgoing
from bot.policy import Policy
from bot.ports import Unit
from bot.texts import ENGLISH
from storage.database import MUCH
from tests.bot.events import ADMIN, AGENT, THREAD, command, message
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

QUESTION = "Which plan has single sign-on?"
MOST = 3


def thread(number: int) -> Place:
    return replace(THREAD, thread=f"{number}.1")


@pytest.fixture
def go() -> asyncio.Event:
    """Until it is set, no answer is written, and nothing is posted."""
    return asyncio.Event()


@pytest.fixture
async def full(
    tmp_path: Path, chat: FakeConnector, go: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """As many are being answered as may be."""
    monkeypatch.setattr(intake, "MOST_IN_WORK", MOST)
    policy = Policy(staff=STAFF)

    post = chat.deliver

    async def waiting() -> None:
        await go.wait()

    async def posted(outgoing: Outgoing) -> MessageRef | None:
        await go.wait()
        return await post(outgoing)

    monkeypatch.setattr(chat, "deliver", posted)
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as house:
        await house.add_section("Plans", "", "Single sign-on comes with the Forest plan.")
        house.generator.after_word = waiting
        for number in range(MOST):
            await house.desk.receive(message(QUESTION, place=thread(number)))
        yield house
        go.set()
        await house.settle()


async def outbox(house: House) -> list[AnswerPost]:
    """What is to be said, though nothing else was worked off. All of it is still there: nothing is posted yet."""

    def look(unit: Unit) -> list[AnswerPost]:
        return [each for each in unit.outbox.undelivered() if isinstance(each, AnswerPost)]

    return await house.store.run(look)


async def test_one_question_more_is_handed_off_as_it_is_kept(
    full: House, chat: FakeConnector, go: asyncio.Event
) -> None:
    asked = message(QUESTION, place=thread(9))
    assert await full.desk.receive(asked) is True
    (post,) = await outbox(full)
    assert (post.answer.kind, post.answer.text, post.place) == (AnswerKind.HANDOFF, ENGLISH.busy, asked.place)
    assert post.handoff is not None
    assert await full.desk.receive(asked) is False
    go.set()
    await full.settle()
    assert sorted(each.answer.kind for each in chat.answers) == ["grounded"] * MOST + ["handoff"]
    assert (await full.store.run(lambda unit: unit.vitals())).unanswered == 0
    assert len(await full.desk.turns(asked.place)) == 2
    assert await full.desk.receive(message(QUESTION, place=thread(10))) is True
    await full.settle()
    assert chat.answers[-1].answer.kind is AnswerKind.GROUNDED


async def test_those_that_are_handed_off_are_kept_together(full: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "SHED_EVERY_S", 2.0)
    rests = []

    @contextmanager
    def resting() -> Iterator[None]:
        rests.append("begun")
        yield
        rests.append("over")

    full.store.resting = resting
    asked = [message(QUESTION, place=thread(9 + number)) for number in range(MUCH)]
    taken = []
    for each in (*asked, asked[0]):  # one comes twice
        taken.append(asyncio.create_task(full.desk.receive(each)))
        await asyncio.sleep(0)
        await full.store.run(lambda _: None, ahead=True)  # what waits for nothing is done by then
    assert await asyncio.gather(*taken) == [True] * MUCH + [False]
    assert [post.place for post in await outbox(full)] == [each.place for each in asked]
    assert rests == ["begun", "over"]


async def test_who_goes_on_in_a_conversation_that_is_worked_on_waits_for_their_turn(
    full: House, chat: FakeConnector, go: asyncio.Event
) -> None:
    await full.desk.receive(message(f"{QUESTION} Please.", place=thread(0)))
    assert await outbox(full) == []
    go.set()
    await full.settle()
    assert [each.answer.kind for each in chat.answers] == [AnswerKind.GROUNDED] * (MOST + 1)


async def test_what_was_found_in_a_history_is_looked_at(full: House, chat: FakeConnector, go: asyncio.Event) -> None:
    await full.desk.receive(message(QUESTION, place=thread(9)), is_late=True)
    assert await outbox(full) == []
    go.set()
    await full.settle()
    assert [each.answer.kind for each in chat.answers] == [AnswerKind.GROUNDED] * (MOST + 1)


async def test_what_is_no_question_takes_its_turn(full: House, chat: FakeConnector, go: asyncio.Event) -> None:
    await full.desk.receive(command("pause", ADMIN))
    await full.desk.receive(message("I'll have a look.", AGENT, thread(9), mentions=False))
    await full.desk.receive(message("  ", place=thread(10)))
    assert not [each for each in await outbox(full) if each.answer.text == ENGLISH.busy]
    go.set()
    await full.settle()
    assert (await full.desk.status()).paused
    assert ENGLISH.busy not in {each.answer.text for each in chat.answers}
