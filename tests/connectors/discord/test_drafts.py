"""Answers that grow on Discord: what is shown says that it is unfinished, and never is left behind."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.answers import Answer, AnswerKind
from bot.events import Place
from bot.ids import EventId
from bot.outgoing import AnswerDraft, AnswerPost
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.discord.connector import DiscordConnector
from connectors.discord.drafts import EDIT_EVERY_S
from tests.connectors.discord.stage import on_stage

EVENT = EventId("discord:1")
MARK = f"-# {ENGLISH.still_writing}"
FIRST, WHOLE = "Open Sales.", "Open Sales. Then choose Refund."


@pytest.fixture
async def place(env: Any, channel: Any, alice: Any) -> Place:
    question = await alice.send(channel, "How do I get a refund?")
    return Place(Platform.DISCORD, str(env.guild.id), str(channel.id), str(question.id))


def draft(place: Place, text: str) -> AnswerDraft:
    return AnswerDraft(place=place, in_reply_to=EVENT, to=Person(Platform.DISCORD, "42"), text=text)


def post(place: Place, kind: AnswerKind = AnswerKind.GROUNDED, text: str = WHOLE) -> AnswerPost:
    answer = Answer(kind=kind, question="?", text=text, confidence=1.0, latency_ms=1.0)
    return AnswerPost(place=place, in_reply_to=EVENT, answer=answer)


def said(channel: Any) -> list[str]:
    """What stands below the question."""
    return [message.content for message in channel.history()[1:]]


async def test_a_draft_says_that_it_is_one_and_becomes_the_answer(
    connector: DiscordConnector, channel: Any, place: Place
) -> None:
    now = [100.0]
    connector._drafts.clock = lambda: now[0]
    await connector.draft(draft(place, FIRST))
    assert said(channel) == [f"{FIRST}\n{MARK}"]
    shown = channel.last_message

    await connector.draft(draft(place, WHOLE))  # at once: Discord would ask to go slower
    assert said(channel) == [f"{FIRST}\n{MARK}"]
    now[0] += EDIT_EVERY_S
    await connector.draft(draft(place, WHOLE))
    assert said(channel) == [f"{WHOLE}\n{MARK}"]

    ref = await connector.deliver(post(place))
    assert said(channel) == [f"{WHOLE}\n-# {ENGLISH.generated}"]
    assert ref is not None
    assert ref.id == str(shown.id)
    assert channel.last_message.reference.message_id == int(place.thread or 0)


async def test_a_hand_off_is_a_message_of_its_own_and_the_draft_is_gone(
    connector: DiscordConnector, channel: Any, place: Place
) -> None:
    await connector.draft(draft(place, FIRST))
    await connector.deliver(post(place, AnswerKind.HANDOFF, "No idea."))
    (only,) = said(channel)
    assert only.startswith("No idea.")


async def test_a_draft_that_somebody_deleted_is_no_loss(
    connector: DiscordConnector, env: Any, channel: Any, place: Place
) -> None:
    await connector.draft(draft(place, FIRST))
    await connector.client.get_partial_messageable(channel.id).get_partial_message(channel.last_message.id).delete()
    assert await connector.deliver(post(place)) is not None
    assert said(channel) == [f"{WHOLE}\n-# {ENGLISH.generated}"]


async def test_a_draft_whose_fate_is_unknown_is_looked_for(
    connector: DiscordConnector, channel: Any, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord takes it, and the line breaks before it says so."""
    send = discord.abc.Messageable.send

    async def breaks(self: Any, *args: Any, **options: Any) -> Any:
        await send(self, *args, **options)
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(discord.PartialMessageable, "send", breaks)
        await connector.draft(draft(place, FIRST))
    await connector.draft(draft(place, WHOLE))
    assert said(channel) == [f"{FIRST}\n{MARK}"]
    await connector.deliver(post(place))
    assert said(channel) == [f"{WHOLE}\n-# {ENGLISH.generated}"]


async def test_what_an_earlier_process_left_half_said_is_removed(
    connector: DiscordConnector, channel: Any, alice: Any, place: Place
) -> None:
    await connector.draft(draft(place, FIRST))
    await alice.send(channel, f"I type the same. {MARK}")
    connector._drafts = connector._make_drafts()  # the next process knows of nothing
    connector._drafts.started_at += timedelta(minutes=1)
    await connector.draft(draft(place, FIRST))
    await connector.deliver(post(place))
    assert said(channel) == [f"I type the same. {MARK}", f"{WHOLE}\n-# {ENGLISH.generated}"]


async def test_what_does_not_fit_into_one_message_waits_for_the_answer(
    connector: DiscordConnector, channel: Any, place: Place
) -> None:
    await connector.draft(draft(place, "A sentence. " * 200))
    assert said(channel) == []


async def test_typing_ends_with_the_answer(connector: DiscordConnector, env: Any, place: Place) -> None:
    await connector.draft(draft(place, ""))
    typing = connector._drafts._open[EVENT].typing
    assert typing is not None
    await connector.deliver(post(place, AnswerKind.KNOWN))
    await asyncio.wait([typing])
    assert typing.cancelled()
    assert connector._drafts._open == {}


async def test_a_whole_answer_is_written_before_everybodys_eyes(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        seen: list[str] = []
        await stage.house.add_section("Refunds", "", "Refunds need the front desk. They take a day. That is all.")

        async def after_word() -> None:
            seen.extend(message.content for message in stage.channel.history()[1:])
            await asyncio.sleep(0.01)

        stage.house.generator.after_word = after_word
        answer = await stage.ask("How do refunds work?")
        assert f"Refunds need the front desk.\n{MARK}" in seen
        assert answer.content.startswith("Refunds need the front desk. They take a day. That is all.\n-# Sources")
        assert len(stage.channel.history()) == 2
