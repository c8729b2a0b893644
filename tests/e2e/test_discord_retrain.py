"""The whole loop on a Discord server: a wrong answer, a correction, a right one, and a retraining by an admin."""

from pathlib import Path
from typing import Any

import discord
import pytest
import simcord

from bot import reporting
from bot.people import Platform
from bot.texts import ENGLISH
from connectors.discord.connector import DiscordConnector
from tests.e2e.waiting import until
from tests.e2e.workshop import ANSWER, PARAPHRASE, QUESTION, TRAINED_HERE, Workshop, open_workshop, workshop_settings

pytestmark = TRAINED_HERE


async def test_a_correction_is_served_at_once_and_trained_on_request(
    folder: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promotion is forced (see the fixture); everything else happens as it does on a server."""
    monkeypatch.setattr(reporting, "EVERY_S", 0.1)  # this training takes seconds
    settings = workshop_settings(
        folder, tiny, discord_token="unused", discord_shards=1, agents=["agents"], admins=["admins"]
    )
    nobody = discord.AutoShardedClient(intents=discord.Intents.none(), shard_count=1)
    async with (
        simcord.run(nobody, approved_intents=discord.Intents.all()) as env,
        open_workshop(settings, connect=False) as workshop,
    ):
        connector = workshop.bot.connectors[Platform.DISCORD]
        assert isinstance(connector, DiscordConnector)
        await env.restart_bot(connector.client)
        try:
            await _story(env, workshop)
        finally:
            await env.restart_bot(nobody)


async def _story(env: Any, workshop: Workshop) -> None:
    guild = env.create_guild()
    channel = guild.create_text_channel("support")
    customer, agent, admin = (
        guild.add_member(env.create_user(name), roles=[guild.create_role(role)])
        for name, role in (("carl", "customers"), ("ann", "agents"), ("ada", "admins"))
    )

    async def ask(question: str) -> Any:
        await customer.send(channel, f"<@{env.bot.user.id}> {question}")
        await workshop.said_all()
        return channel.last_message

    wrong = await ask(QUESTION)
    assert wrong.content.startswith(ENGLISH.handoff)
    await agent.react(wrong, "✏️")
    await workshop.said_all()
    form = await agent.click(channel.last_message, label=ENGLISH.offer_button)
    await agent.submit_modal(form, {"question": QUESTION, "text": ANSWER})
    await workshop.said_all()
    assert channel.last_message.content.startswith("Noted, thank you ann.")
    assert (await ask(PARAPHRASE)).content.startswith(f"{ANSWER}\n-# Confirmed by ann on")

    await workshop.teach_enough()
    await admin.slash(channel, "mentee retrain")
    await workshop.said_all()
    progress = channel.last_message
    assert progress.content.startswith("Training a new adapter on ")
    await until(lambda: " %" in _now(channel, progress).content, "the progress in the same message")
    outcome = "✅ Adapter v1 was promoted"
    await until(lambda: [each for each in channel.history() if each.content.startswith(outcome)], "the outcome")
    assert (await workshop.promoted()).name == "v1"


def _now(channel: Any, message: Any) -> Any:
    """The message as it stands there at present."""
    return next(each for each in channel.history() if each.id == message.id)
