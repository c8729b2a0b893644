"""An agent's bullseye on a colleague's reply on a Discord server. Against simcord."""

from pathlib import Path
from typing import Any

import pytest

from bot.feedback import DEFAULT_EMOJI, Gesture
from bot.policy import Policy
from bot.texts import ENGLISH
from tests.connectors.discord.stage import Stage, on_stage
from tests.connectors.discord.test_handing_off import QUESTION, REPLY
from tests.house import STAFF

MARKING = Policy(staff=STAFF, emoji={**DEFAULT_EMOJI, "🎯": Gesture.MARK})


async def replied(stage: Stage) -> tuple[Any, Any]:
    """The bot's hand-off, and the admin's reply to what was asked."""
    asked = await stage.ask(QUESTION)
    question = next(each for each in stage.channel.history() if each.id == asked.reference.message_id)
    reply = await stage.admin.send(stage.channel, REPLY, reply_to=question)
    await stage.heard()
    return asked, reply


async def test_a_bullseye_on_a_reply_teaches_it_until_it_is_taken_away(tmp_path: Path) -> None:
    async with on_stage(tmp_path, policy=MARKING) as stage:
        asked, reply = await replied(stage)
        await stage.customer.react(reply, "🎯")
        await stage.heard()
        assert await stage.house.desk.lessons() == []
        await stage.agent.react(reply, "🎯")
        await stage.heard()
        (lesson,) = await stage.house.desk.lessons()
        assert (lesson.question, lesson.answer, lesson.author_name) == (QUESTION, REPLY, "ann")
        now = next(each for each in stage.channel.history() if each.id == asked.id)
        assert "🟢 Solved by ann" in now.content
        assert (await stage.ask(QUESTION)).content.startswith(REPLY)

        await stage.restart()
        await stage.agent.unreact(reply, "🎯")
        assert (await stage.heard()).content.endswith(ENGLISH.withdrawn)
        assert [each.withdrawn_at is None for each in await stage.house.desk.lessons()] == [False]


@pytest.mark.parametrize(("status", "told"), [(403, "reply_hidden"), (404, "reply_gone")])
async def test_a_reply_that_cannot_be_read_is_told_of(tmp_path: Path, status: int, told: str) -> None:
    async with on_stage(tmp_path, policy=MARKING) as stage:
        _, reply = await replied(stage)
        stage.env.inject_error("GET", "/channels/*/messages/*", status=status)
        await stage.agent.react(reply, "🎯")
        expected = getattr(ENGLISH, told).format(menu=ENGLISH.right_answer_menu)
        assert (await stage.heard()).content.endswith(expected)
        assert await stage.house.desk.lessons() == []


async def test_without_the_message_content_intent_it_says_that_it_cannot_read(tmp_path: Path) -> None:
    async with on_stage(tmp_path, policy=MARKING, message_content=False) as stage:
        _, reply = await replied(stage)
        await stage.agent.react(reply, "🎯")
        told = await stage.heard()
        assert told.content.endswith(ENGLISH.reply_hidden.format(menu=ENGLISH.right_answer_menu))


async def test_it_means_nothing_as_long_as_the_operator_has_named_no_emoji(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        _, reply = await replied(stage)
        requests = len(stage.env.http_requests)
        await stage.agent.react(reply, "🎯")
        await stage.heard()
        assert await stage.house.desk.lessons() == []
        assert len(stage.env.http_requests) == requests
