"""A direct question to the bot on Discord, answered from the agents' channel. Against simcord."""

from pathlib import Path

from bot.events import Place
from bot.ids import Tenant
from bot.people import Platform
from bot.policy import Policy
from bot.texts import ENGLISH
from tests.connectors.discord.stage import on_stage
from tests.house import STAFF

QUESTION = "May I bring my parrot?"
REPLY = "Birds are welcome in the garden studio: birds@studio.example"


async def test_a_direct_question_is_answered_from_the_agents_channel(tmp_path: Path) -> None:
    channels: dict[Platform | Tenant, Place] = {}
    async with on_stage(tmp_path, policy=Policy(staff=STAFF, agents_channels=channels)) as stage:
        agents = stage.env.guild.create_text_channel("agents")
        channels[Platform.DISCORD] = Place(Platform.DISCORD, str(stage.env.guild.id), str(agents.id))
        await stage.customer.send_dm(QUESTION)
        await stage.heard()
        direct = stage.customer.user.dm_channel
        assert direct.last_message.content == f"{ENGLISH.handoff} {ENGLISH.passed_on}"
        card = agents.last_message
        assert card.content.startswith("carl asks in a direct message.")

        await stage.agent.send(agents, REPLY, reply_to=card)
        offer = await stage.heard_in(agents)
        assert direct.last_message.content == f"ann: {REPLY}"
        await stage.customer.send_dm("It is a loud one.")
        assert (await stage.heard_in(agents)).content == "carl: It is a loud one."

        await stage.agent.click(offer, label=ENGLISH.learn_button)
        await stage.heard()
        assert direct.last_message.content == ENGLISH.solved_for_you.format(name="ann")
        await stage.customer.send_dm(QUESTION)
        await stage.heard()
        assert direct.last_message.content.startswith(REPLY)
