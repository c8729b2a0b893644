"""Whoever floods the bot slows nobody else down."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import pace
from bot.answers import AnswerKind
from bot.buttons import Act
from bot.events import ButtonPressed, MessageEdited, Place
from bot.ids import AnswerId, EventId
from bot.outgoing import AnswerEdit
from bot.pace import Pace
from bot.people import Person, Platform
from bot.policy import Policy
from bot.presentation import handoff_lines
from bot.texts import ENGLISH
from tests.bot.events import ADMIN, AGENT, THREAD, chosen, command, message
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

FLOODER = Person(Platform.SLACK, "U-flo", "Flo")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def chat() -> FakeConnector:
    return FakeConnector()


@pytest.fixture
async def house(tmp_path: Path, chat: FakeConnector) -> AsyncIterator[House]:
    policy = Policy(staff=STAFF, asks_a_minute=5)
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as opened:
        yield opened


async def test_of_a_flood_every_question_is_answered_or_on_a_list_and_the_others_are_answered(
    house: House, chat: FakeConnector
) -> None:
    await house.add_section("Trial", "", "The trial lasts 21 days.")
    for number in range(60):
        place = replace(THREAD, thread=f"{number}.1")
        await house.desk.receive(message(f"How long is trial {number}?", FLOODER, place))
    await house.desk.receive(message("How long is the trial?"))
    await house.settle()
    assert chat.answers[-1].answer.kind is AnswerKind.GROUNDED
    told = [post for post in chat.answers if post.answer.text == ENGLISH.too_fast.format(most=5)]
    assert len(told) == 2  # one list, and another one when that is full
    named = [question for post in told for question in await listed(house, post.answer.id)]
    answered = [post.answer.question for post in chat.answers if post not in told]
    assert sorted([*named, *answered]) == sorted(
        [*(f"How long is trial {number}?" for number in range(60)), "How long is the trial?"]
    )
    assert chat.notices == []


async def listed(house: House, handoff: AnswerId) -> list[str]:
    known = await house.store.run(lambda unit: unit.handoffs.get(handoff))
    assert known is not None
    return [known.question, *known.also]


async def test_the_card_shows_the_whole_list_however_often_it_grew(house: House, chat: FakeConnector) -> None:
    for number in range(9):
        await house.desk.receive(message(f"Question {number}?", FLOODER, replace(THREAD, thread=f"{number}.1")))
    await house.settle()
    edits = [each for each in chat.posted if isinstance(each, AnswerEdit)]
    assert edits[-1].handoff is not None
    lines = handoff_lines(edits[-1].handoff, ENGLISH)
    assert lines[1] == ENGLISH.handoff_also.format(questions="“Question 6?”; “Question 7?”; “Question 8?”")


async def test_a_list_that_an_agent_has_taken_grows_no_more(house: House, chat: FakeConnector) -> None:
    for number in range(6):
        await house.desk.receive(message(f"Question {number}?", FLOODER))
    await house.settle()
    taken = chat.answers[-1].answer.id
    await house.desk.receive(
        ButtonPressed(id=EventId("press"), place=THREAD, person=AGENT, at=NOW, act=Act.CLAIM, about=taken)
    )
    await house.desk.receive(message("One more?", FLOODER, replace(THREAD, thread="7.1")))
    await house.settle()
    assert (await listed(house, taken), await listed(house, chat.answers[-1].answer.id)) == (
        ["Question 5?"], ["One more?"],
    )  # fmt: skip


async def test_a_direct_flood_is_listed_in_the_agents_channel(tmp_path: Path, chat: FakeConnector) -> None:
    direct = Place(Platform.SLACK, "T1", "D1", None, is_direct=True)
    agents = Place(Platform.SLACK, "T1", "C9", None)
    policy = Policy(staff=STAFF, asks_a_minute=1, agents_channels={Platform.SLACK: agents})
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as house:
        for number in range(4):
            await house.desk.receive(message(f"Question {number}?", FLOODER, direct))
        await house.settle()
    cards = [each for each in chat.posted if isinstance(each, AnswerEdit)]
    assert {card.place.channel for card in cards} == {"C9"}
    assert cards[-1].handoff is not None
    assert (cards[-1].handoff.question, cards[-1].handoff.also) == ("Question 1?", ("Question 2?", "Question 3?"))


async def test_choices_and_edits_that_come_too_fast_are_listed(house: House, chat: FakeConnector) -> None:
    asked = message("How do I cancel it?", FLOODER)
    for _ in range(4):
        await house.desk.receive(message("Anything?", FLOODER))
    await house.desk.receive(asked)
    await house.settle()
    edited = MessageEdited(
        id=EventId("edit"), place=THREAD, person=FLOODER, at=NOW, message=asked.message, text="How do I end it?",
        posted_at=NOW,
    )  # fmt: skip
    await house.desk.receive(edited)
    await house.settle()
    answer = chat.answers[-1].answer
    await house.desk.receive(chosen(answer, None, FLOODER))
    await house.settle()
    assert await listed(house, answer.id) == ["How do I end it?", "How do I end it?"]


async def test_commands_count_and_admins_dont(house: House, chat: FakeConnector) -> None:
    for _ in range(8):
        await house.desk.receive(command("help", FLOODER))
        await house.desk.receive(command("help", ADMIN))
    await house.settle()
    told = [notice.to for notice in chat.notices if notice.text.startswith(ENGLISH.help)]
    assert (told.count(FLOODER), told.count(ADMIN)) == (5, 8)
    refused = [notice.to for notice in chat.notices if notice.text == ENGLISH.too_fast_command.format(most=5)]
    assert refused == [FLOODER] * 3


async def test_talk_that_is_not_for_the_bot_is_free(house: House, chat: FakeConnector) -> None:
    for number in range(20):
        await house.desk.receive(message(f"Talk {number}", FLOODER, mentions=False))
    await house.desk.receive(message("How long is the trial?", FLOODER))
    await house.settle()
    assert len(chat.answers) == 1
    assert chat.notices == []


def test_a_share_comes_back_after_a_minute_and_a_retry_is_no_second_one() -> None:
    share = Pace(2)
    first, second, third = (EventId(str(number)) for number in range(3))
    assert [share.is_over("p", event, NOW) for event in (first, first, second, third)] == [False, False, False, True]
    assert not share.is_over("p", first, NOW)
    assert not share.is_over("q", third, NOW)
    assert not share.is_over("p", third, NOW + timedelta(minutes=1))


def test_a_list_lasts_for_a_minute() -> None:
    share = Pace(1)
    assert share.list_of("p", NOW) is None
    share.begin_list("p", AnswerId("a"), NOW)
    seconds = (0, 59, 60)
    assert [share.list_of("p", NOW + timedelta(seconds=each)) for each in seconds] == ["a", "a", None]
    assert share.list_of("q", NOW) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MAX_PEOPLE", 3)
    share = Pace(1)
    for number in range(10):
        share.is_over(str(number), EventId("e"), NOW)
    assert len(share._asked) == 3
