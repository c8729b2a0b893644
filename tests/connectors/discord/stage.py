"""A whole bot on a whole Discord: the real use cases and database, discord.py, and simcord for the rest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import simcord

from bot.people import Platform
from bot.policy import Policy
from bot.texts import ENGLISH, Texts
from connectors.discord.config import DiscordConfig
from connectors.discord.connector import DiscordConnector
from tests.house import House, open_house

DEADLINE_S = 20.0
SIMCORDS_NOW = discord.utils.snowflake_time(1456074443980800000)
"""Where simcord's clock stands still: what people do there has happened then."""


@dataclass
class Stage:
    env: Any
    house: House
    config: DiscordConfig
    channel: Any
    customer: Any
    agent: Any
    admin: Any

    @property
    def bot(self) -> str:
        """What people type to mention the bot."""
        return f"<@{self.env.bot.user.id}>"

    async def ask(self, text: str) -> Any:
        """The customer mentions the bot; what it says last."""
        await self.customer.send(self.channel, f"{self.bot} {text}")
        return await self.heard()

    async def heard(self) -> Any:
        return await self.heard_in(self.channel)

    async def heard_in(self, channel: Any) -> Any:
        """The channel's last message, once all that was received has been worked off and delivered."""
        await self.house.bot.intake.idle()
        async with asyncio.timeout(DEADLINE_S):
            while await self.house.store.run(lambda unit: unit.outbox.undelivered()):  # noqa: ASYNC110  # the outbox has no event
                await asyncio.sleep(0.01)
        return channel.last_message

    async def restart(self) -> None:
        """Another process takes over: nothing is kept but the database and what stands on Discord."""
        connector = DiscordConnector(self.config, self.house.desk, ENGLISH)
        self.house.bot.connectors[Platform.DISCORD] = connector
        await self.env.restart_bot(connector.client)


@asynccontextmanager
async def on_stage(
    tmp_path: Path, policy: Policy | None = None, texts: Texts = ENGLISH, locale: str | None = None, **settings: Any
) -> AsyncIterator[Stage]:
    """simcord comes first, with a client that does nothing: the deliveries that the house starts belong to it then.

    `locale`: the server's language, Discord's default if there is none.
    """
    config = DiscordConfig(token="unused", shards=1, **settings)
    approved = discord.Intents.all()
    approved.message_content = config.message_content
    nobody = discord.AutoShardedClient(intents=discord.Intents.none(), shard_count=config.shards)
    async with (
        simcord.run(nobody, approved_intents=approved, settle_timeout=DEADLINE_S) as env,
        open_house(tmp_path, lambda desk: [DiscordConnector(config, desk, texts)], policy=policy, texts=texts) as house,
    ):
        connector = house.bot.connectors[Platform.DISCORD]
        assert isinstance(connector, DiscordConnector)
        await env.restart_bot(connector.client)
        guild = env.create_guild(preferred_locale=locale)
        people = [
            guild.add_member(env.create_user(name), roles=[guild.create_role(role)])
            for name, role in (("carl", "customers"), ("ann", "agents"), ("ada", "admins"))
        ]
        yield Stage(env, house, config, guild.create_text_channel("support"), *people)
        await env.restart_bot(nobody)
