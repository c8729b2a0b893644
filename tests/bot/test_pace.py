"""Whoever floods the bot slows nobody else down."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import pace
from bot.ids import EventId
from bot.pace import Pace
from bot.people import Person, Platform
from bot.policy import Policy
from bot.texts import ENGLISH
from tests.bot.events import ADMIN, THREAD, command, message
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


async def test_a_flood_is_cut_off_and_the_others_are_answered(house: House, chat: FakeConnector) -> None:
    await house.add_section("Trial", "", "The trial lasts 21 days.")
    for number in range(100):
        place = replace(THREAD, thread=f"{number}.1")
        await house.desk.receive(message("How long is the trial?", FLOODER, place))
    await house.desk.receive(message("How long is the trial?"))
    await house.settle()
    assert len(house.generator.prompts) == 5 + 1
    assert [post.answer.question for post in chat.answers][-1] == "How long is the trial?"
    assert [(notice.to, notice.text) for notice in chat.notices] == [(FLOODER, ENGLISH.too_fast.format(most=5))]


async def test_commands_count_and_admins_dont(house: House, chat: FakeConnector) -> None:
    for _ in range(8):
        await house.desk.receive(command("help", FLOODER))
        await house.desk.receive(command("help", ADMIN))
    await house.settle()
    told = [notice.to for notice in chat.notices if notice.text == ENGLISH.help]
    assert (told.count(FLOODER), told.count(ADMIN)) == (5, 8)


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


def test_it_is_said_once_a_minute() -> None:
    share = Pace(1)
    seconds = (0, 1, 59, 60, 61)
    told = [share.is_to_be_told("p", NOW + timedelta(seconds=each)) for each in seconds]
    assert told == [True, False, False, True, False]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MAX_PEOPLE", 3)
    share = Pace(1)
    for number in range(10):
        share.is_over(str(number), EventId("e"), NOW)
    assert len(share._asked) == 3
