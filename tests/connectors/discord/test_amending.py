"""A correction rewrites an earlier answer on Discord, which can then be rated anew. Against simcord."""

from dataclasses import replace
from pathlib import Path

from bot.feedback import Gesture
from bot.texts import ENGLISH
from tests.connectors.discord.stage import SIMCORDS_NOW, on_stage
from tests.connectors.discord.test_history import rated

QUESTION = "Can I pause my pass?"
HELP = "Pause my pass: a pass can be paused for 30 days."
RIGHT = "Yes, for 90 days, in the settings of the pass."


async def test_a_correction_rewrites_an_earlier_answer_and_calls_its_asker(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.house.add_section("Passes", "", HELP)
        earlier, corrected = await stage.ask(QUESTION), await stage.ask("Please, can I pause my pass?")
        await stage.agent.react(corrected, "✏️")
        offer = await stage.heard()
        form = await stage.agent.click(offer, label=ENGLISH.offer_button)
        await stage.agent.submit_modal(form, {"question": QUESTION, "text": RIGHT})
        await stage.heard()
        await replace(stage.house.bot.amending, clock=lambda: SIMCORDS_NOW).look()
        notice = await stage.heard()
        assert notice.content.endswith(f"<@{stage.customer.id}>")
        assert notice.reference.message_id == earlier.reference.message_id
        now = {message.id: message.content for message in stage.channel.history()}
        assert now[earlier.id].startswith(RIGHT)
        assert now[corrected.id].startswith(RIGHT)


async def test_a_rewritten_answer_is_rated_anew(tmp_path: Path) -> None:
    """Where the cross is taken away and put again: Discord's answers have no buttons for it."""
    async with on_stage(tmp_path) as stage:
        await stage.house.add_section("Passes", "", HELP)
        answer = await stage.ask(QUESTION)
        await stage.customer.react(answer, "❌")
        await stage.heard()
        assert await rated(stage, answer) == [Gesture.REJECT]
        await stage.agent.react(answer, "✏️")
        form = await stage.agent.click(await stage.heard(), label=ENGLISH.offer_button)
        await stage.agent.submit_modal(form, {"question": QUESTION, "text": RIGHT})
        await stage.heard()
        await replace(stage.house.bot.amending, clock=lambda: SIMCORDS_NOW).look()
        await stage.heard()
        assert await rated(stage, answer) == []
        await stage.customer.unreact(answer, "❌")
        await stage.customer.react(answer, "❌")
        await stage.heard()
        assert await rated(stage, answer) == [Gesture.REJECT]
