"""The way out: who waits for whom, and what becomes of what was posted and could not be marked."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest

from bot.delivery import Delivery
from bot.errors import DatabaseError
from bot.events import MessageRef, Place
from bot.outgoing import Notice, Outgoing
from bot.people import Platform
from bot.ports import Store, Unit
from storage.database import SqlStore
from tests.bot.events import THREAD
from tests.databases import open_store
from tests.fakes.connector import FakeConnector
from tests.tasks import beside

T = TypeVar("T")
SLOW, QUICK = replace(THREAD, channel="C-slow"), replace(THREAD, channel="C-quick")


@dataclass
class Hanging(FakeConnector):
    """One whose platform takes nothing in a channel until it is let go."""

    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        if outgoing.place == SLOW:
            await self.let_go.wait()
        return await super().deliver(outgoing)


@dataclass
class Unmarking:
    """A store that takes no marks for a while: the disk is full."""

    store: Store
    is_full: bool = False

    async def run(self, work: Callable[[Unit], T], *, ahead: bool = False) -> T:
        def worked(unit: Unit) -> T:
            if self.is_full:
                unit.outbox.delivered = _full  # type: ignore[method-assign, assignment]
            return work(unit)

        return await self.store.run(worked, ahead=ahead)


def _full(*_: object) -> None:
    raise DatabaseError("The disk is full.")


def delivery_of(store: Store, chat: FakeConnector) -> Delivery:
    return Delivery(
        store, {Platform.SLACK: chat}, asyncio.Event(), on_failure=lambda outgoing, problem: None,
        on_given_up=lambda unit, outgoing: None, on_delivered=lambda outgoing: None,
    )  # fmt: skip


async def say(delivery: Delivery, place: Place, text: str) -> None:
    await delivery.store.run(lambda unit: unit.outbox.add(Notice(place=place, text=text)))
    delivery.news.set()


async def posted(chat: FakeConnector, count: int) -> list[str]:
    async with asyncio.timeout(20):
        while len(chat.notices) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return [notice.text for notice in chat.notices]


async def undelivered(delivery: Delivery) -> int:
    return len(await delivery.store.run(lambda unit: unit.outbox.undelivered()))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


async def test_a_place_that_hangs_holds_up_itself_alone(store: SqlStore) -> None:
    chat = Hanging(Platform.SLACK)
    delivery = delivery_of(store, chat)
    async with beside(delivery.run()):
        await say(delivery, SLOW, "slow 1")
        await say(delivery, QUICK, "quick 1")
        assert await posted(chat, 1) == ["quick 1"]
        await say(delivery, SLOW, "slow 2")
        await say(delivery, QUICK, "quick 2")
        assert await posted(chat, 2) == ["quick 1", "quick 2"]
        chat.let_go.set()
        assert (await posted(chat, 4))[2:] == ["slow 1", "slow 2"]


async def test_nothing_is_posted_twice_however_often_it_is_looked_at(store: SqlStore) -> None:
    """News, and looks from elsewhere, while places are being delivered to."""
    chat = FakeConnector()
    delivery = delivery_of(store, chat)
    async with beside(delivery.run()):
        for number in range(60):
            await say(delivery, replace(THREAD, channel=f"C{number % 4}"), str(number))
            await asyncio.gather(delivery.sweep(), delivery.sweep())
        for channel in range(4):
            there = [int(notice.text) for notice in chat.notices if notice.place.channel == f"C{channel}"]
            assert there == list(range(channel, 60, 4))
    assert await undelivered(delivery) == 0


async def test_what_was_posted_and_could_not_be_marked_is_not_posted_again(store: SqlStore) -> None:
    chat, full = FakeConnector(), Unmarking(store, is_full=True)
    delivery = delivery_of(full, chat)
    await say(delivery, QUICK, "once")
    for _ in range(3):
        with pytest.raises(DatabaseError):
            await delivery.sweep()
    assert await undelivered(delivery) == 1
    full.is_full = False
    await delivery.sweep()
    assert [notice.text for notice in chat.notices] == ["once"]
    assert await undelivered(delivery) == 0


async def test_a_store_that_fails_ends_the_run_so_that_it_is_told_and_begun_again(store: SqlStore) -> None:
    chat, full = FakeConnector(), Unmarking(store, is_full=True)
    delivery = delivery_of(full, chat)
    await say(delivery, QUICK, "once")
    with pytest.raises(DatabaseError):
        await asyncio.wait_for(delivery.run(), 20)
    full.is_full = False
    async with beside(delivery.run()):
        await say(delivery, QUICK, "twice")
        assert await posted(chat, 2) == ["once", "twice"]


@dataclass
class Failing(FakeConnector):
    """One whose platform takes nothing in a channel."""

    attempts: int = 0

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        if outgoing.place == SLOW:
            self.attempts += 1
            raise RuntimeError("It doesn't want to.")
        return await super().deliver(outgoing)


async def test_news_of_other_places_use_up_no_attempts(store: SqlStore) -> None:
    chat = Failing()
    delivery = delivery_of(store, chat)
    delivery.clock = lambda: 0.0  # the time for the next attempt never comes
    async with beside(delivery.run()):
        await say(delivery, SLOW, "never taken")
        for number in range(5):
            await say(delivery, QUICK, str(number))
            assert (await posted(chat, number + 1))[-1] == str(number)
    assert chat.attempts == 1
    await delivery.sweep()
    assert chat.attempts == 2
