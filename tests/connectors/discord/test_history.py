"""What Discord's history shows of what the bot missed: discord.py reads it from simcord."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.events import Event
from bot.feedback import Gesture
from bot.history import Standing
from tests.connectors.discord.stage import SIMCORDS_NOW, Stage, on_stage
from tests.connectors.discord.test_handing_off import REPLY
from tests.connectors.discord.test_marking import MARKING, replied


def deafen(stage: Stage, monkeypatch: Any, lost: float) -> list[Event]:
    """The connector hears a part of what happens; what it doesn't hear."""
    rng, missed = random.Random(1), list[Event]()
    client = stage.house.bot.connectors[next(iter(stage.house.bot.connectors))].client  # type: ignore[attr-defined]
    heard = client.desk.receive

    class Deaf:
        def __getattr__(self, name: str) -> Any:
            return getattr(stage.house.desk, name)

        async def receive(self, event: Event) -> bool:
            if rng.random() < lost:
                missed.append(event)
                return False
            return bool(await heard(event))

    monkeypatch.setattr(client, "desk", Deaf())
    return missed


async def sweep(stage: Stage, minutes: float = 10.0) -> int:
    """As if so long after the moment at which simcord's clock stands still."""
    stage.house.bot.sweeping.clock = lambda: SIMCORDS_NOW + timedelta(minutes=minutes)
    found = await stage.house.bot.sweeping.sweep()
    await stage.heard()
    return found


@pytest.mark.parametrize(("count", "rooms"), [(12, 1), pytest.param(120, 4, marks=pytest.mark.slow)])
async def test_a_third_of_the_events_is_lost_and_all_is_found(
    tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str], count: int, rooms: int
) -> None:
    """Of the questions, and of the ❌ on their answers. simcord gives a channel's newest hundred messages, whatever
    is asked for, so there are several."""
    async with on_stage(tmp_path) as stage:
        more = [stage.env.guild.create_text_channel(f"room-{number}") for number in range(1, rooms)]
        channels = [stage.channel, *more]
        await sweep(stage, -10)
        missed = deafen(stage, monkeypatch, 0.3)
        for i in range(count):
            await stage.house.teach(f"What is number {i}?", f"It is {i}.")
            await stage.customer.send(channels[i % rooms], f"{stage.bot} What is number {i}?")
        await stage.heard()
        found = await sweep(stage)
        said = [message for channel in channels for message in channel.history()]
        asked = [message.id for message in said if message.author.id == stage.customer.id]
        answers = [message for message in said if message.author.id == stage.env.bot.user.id]
        assert len(missed) > 1
        assert found == len(missed)
        assert sorted(m.reference.message_id for m in answers) == sorted(asked)

        for answer in answers:
            await stage.agent.react(answer, "❌")
        await stage.heard()
        assert await sweep(stage) + await sweep(stage) == sum(event.kind == "reaction" for event in missed) > 0
        gestures = [await rated(stage, answer) for answer in answers]
        assert gestures == [[Gesture.REJECT]] * count
    if count > 12:
        with capsys.disabled():
            print(f"\nDiscord: {len(missed)} of {2 * count} events were lost; all found, 0 double effects, 0 missing")


async def rated(stage: Stage, message: discord.Message) -> list[Gesture]:
    def look(unit: Any) -> list[Gesture]:
        posted = unit.answers.find(str(message.id))
        return [rating.gesture for rating in unit.ratings.of(posted.answer.id)]

    return await stage.house.store.run(look)


async def test_a_question_asked_before_a_restart_is_answered_after_it(tmp_path: Path, monkeypatch: Any) -> None:
    async with on_stage(tmp_path) as stage:
        await sweep(stage, -10)
        deafen(stage, monkeypatch, 1.0)
        await stage.house.teach("Can I pause?", "Yes, 90 days.")
        await stage.customer.send(stage.channel, f"{stage.bot} Can I pause?")
        stage.house.desk.gap.clear()
        await stage.restart()
        assert stage.house.desk.gap.is_set()
        assert await sweep(stage) == 1
        assert stage.channel.last_message.content.startswith("Yes, 90 days.")


async def test_direct_messages_are_looked_up_where_it_has_talked_before(tmp_path: Path, monkeypatch: Any) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.house.teach("Can I pause?", "Yes, 90 days.")
        await stage.customer.send_dm("Can I pause?")
        await stage.heard()
        await sweep(stage, -10)
        deafen(stage, monkeypatch, 1.0)
        await stage.customer.send_dm("Can I pause, please?")
        assert await sweep(stage) == 1


async def test_whoever_is_named_by_the_history_is_looked_up_with_roles(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        answer = await stage.ask("Why is the sky blue?")
        await stage.agent.react(answer, "❌")
        connector = next(iter(stage.house.bot.connectors.values()))
        assert connector.archive is not None
        (floor,) = await connector.archive.channels()
        since = answer.created_at - timedelta(minutes=1)
        seen = [each async for each in connector.archive.look(floor, since, since)]
        standing = [each for each in seen if isinstance(each, Standing)]
        assert [set(each.by) for each in standing if each.by] == [{("❌", str(stage.agent.id))}]


async def test_a_mark_that_was_missed_is_found_and_so_is_its_end(tmp_path: Path, monkeypatch: Any) -> None:
    async with on_stage(tmp_path, policy=MARKING) as stage:
        await sweep(stage, -10)
        _, reply = await replied(stage)
        deafen(stage, monkeypatch, 1.0)
        await stage.customer.react(reply, "🎯")
        await stage.agent.react(reply, "🎯")
        assert [await sweep(stage), await sweep(stage)] == [1, 0]
        (lesson,) = await stage.house.desk.lessons()
        assert (lesson.author_name, lesson.answer) == ("ann", REPLY)
        await stage.agent.unreact(reply, "🎯")
        assert await sweep(stage, 20) == 1
        assert [each.withdrawn_at is None for each in await stage.house.desk.lessons()] == [False]
