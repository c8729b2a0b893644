"""A correction rewrites an earlier answer on Discord. Against simcord."""

from dataclasses import replace
from pathlib import Path

from bot.texts import ENGLISH
from tests.connectors.discord.stage import SIMCORDS_NOW, on_stage

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
