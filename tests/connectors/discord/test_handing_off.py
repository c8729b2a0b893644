"""A hand-off on a Discord server: called out, taken, answered, learnt. Against simcord."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.policy import Policy
from bot.texts import ENGLISH
from deploy.wiring import utc_now
from tests.connectors.discord.stage import Stage, on_stage

QUESTION = "May I bring my parrot?"
REPLY = "Birds are welcome in the garden studio, on a leash: write to birds@studio.example."


async def reply(stage: Stage, asked: Any, text: str = REPLY) -> Any:
    """The agent answers the customer's message; the bot's offer, if it makes one, comes after it."""
    root = asked.reference.message_id
    question = next(message for message in stage.channel.history() if message.id == root)
    return await stage.agent.send(stage.channel, text, reply_to=question)


async def test_it_is_taken_answered_and_learnt_with_one_click(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        asked = await stage.ask(QUESTION)
        assert f"> Question: {QUESTION}\n> Tried: no known answer is near" in asked.content

        refused = await stage.customer.click(asked, label=ENGLISH.claim_button)
        await stage.heard()
        assert [each.content for each in refused.followups] == [ENGLISH.handoff_not_agent]

        await stage.restart()
        await stage.agent.click(asked, label=ENGLISH.claim_button)
        await stage.heard()
        assert "🟡 Taken by ann" in _now(stage, asked).content

        said = await reply(stage, asked)
        offer = await stage.heard()
        assert offer.id != said.id
        await stage.agent.click(offer, label=ENGLISH.learn_button)
        receipt = await stage.heard()
        assert receipt.content.startswith("Noted, thank you ann.")
        assert "🟢 Solved by ann" in _now(stage, asked).content
        assert _now(stage, asked).components == []

        assert (await stage.ask(QUESTION)).content.startswith(REPLY)


async def test_a_reply_that_was_deleted_before_the_click_is_not_learnt(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        said = await reply(stage, await stage.ask(QUESTION))
        offer = await stage.heard()
        await stage.agent.delete(said)
        pressed = await stage.agent.click(offer, label=ENGLISH.learn_button)
        await stage.heard()
        assert [each.content for each in pressed.followups] == [ENGLISH.reply_gone]
        assert await stage.house.desk.lessons() == []


async def test_the_message_menu_marks_a_reply_as_the_right_answer(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        asked = await stage.ask(QUESTION)
        said = await reply(stage, asked)
        await stage.heard()
        by_customer = await stage.customer.context_menu(stage.channel, ENGLISH.right_answer_menu, said)
        await stage.heard()
        assert by_customer.response.content == ENGLISH.not_agent

        await stage.agent.context_menu(stage.channel, ENGLISH.right_answer_menu, said)
        await stage.heard()
        assert "🟢 Solved by ann" in _now(stage, asked).content
        assert (await stage.ask(QUESTION)).content.startswith(REPLY)


async def test_the_agents_are_called_again(tmp_path: Path) -> None:
    async with on_stage(tmp_path, agents_mention="700000000000000001") as stage:
        asked = await stage.ask(QUESTION)
        reminding = replace(stage.house.bot.reminding, clock=lambda: utc_now() + Policy().remind_after)
        assert await reminding.look() == 1
        reminder = await stage.heard()
        assert reminder.content.endswith("<@&700000000000000001>")
        assert reminder.reference.message_id == asked.reference.message_id


def _now(stage: Stage, message: Any) -> Any:
    return next(each for each in stage.channel.history() if each.id == message.id)
