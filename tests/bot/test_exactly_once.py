"""Events that come twice, late and in any order take effect once."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from bot.events import Event, Place
from bot.people import Platform
from tests.bot.events import CUSTOMER, command, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import House, open_house


async def flood(house: House, chat: FakeConnector, events: list[Event], copies: int, seed: int) -> tuple[int, int]:
    """Send each event so often, shuffled, a hundred at once; how many were answered twice, how many not at all."""
    rng = random.Random(seed)
    sent = events * copies
    rng.shuffle(sent)
    for start in range(0, len(sent), 100):
        await asyncio.gather(*(house.desk.receive(event) for event in sent[start : start + 100]))
    await house.settle()
    effects = Counter(post.in_reply_to for post in chat.posted)
    return sum(effects[each.id] > 1 for each in events), sum(effects[each.id] == 0 for each in events)


def mixture(count: int) -> list[Event]:
    """Questions in threads of five, and commands."""
    events: list[Event] = []
    for i in range(count):
        place = Place(Platform.SLACK, "T1", "C1", f"{i // 5}.1")
        events.append(command("help", CUSTOMER) if i % 4 == 0 else message(f"Question {i}?", place=place))
    return events


async def test_copies_in_any_order_have_one_effect_each(house: House, chat: FakeConnector) -> None:
    assert await flood(house, chat, mixture(12), copies=3, seed=0) == (0, 0)


async def test_the_same_reaction_again_and_again_is_one_rating(house: House, chat: FakeConnector) -> None:
    await house.teach("Can I pause?", "Yes.")
    await house.desk.receive(message("Can I pause?"))
    await house.settle()
    event = reaction("x", chat.last_message())
    await asyncio.gather(*(house.desk.receive(event) for _ in range(10)))
    await house.settle()
    assert len([post for post in chat.posted if post.in_reply_to == event.id]) == 1


@pytest.mark.slow
async def test_a_thousand_duplicated_and_reordered_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chat = FakeConnector()
    async with open_house(tmp_path, lambda _: [chat]) as house:
        events = mixture(250)
        double, missing = await flood(house, chat, events, copies=4, seed=1)
    with capsys.disabled():
        print(f"\n1,000 events, 250 different ones: {double} double effects, {missing} missing")
    assert (double, missing) == (0, 0)
