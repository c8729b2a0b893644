"""Who somebody is on Discord, as the core wants to know it. What follows from it is decided there."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import discord
import structlog

from bot.people import Person, Platform

Account = discord.User | discord.Member | discord.ClientUser

DIRECT = "@me"
"""Stands for the server where there is none, as in Discord's own links."""
KEPT_S = 60.0
# Discord waits 3 s for an interaction to be acknowledged.
LOOK_UP_S = 2.0

log = structlog.get_logger()


def person_of(account: Account) -> Person:
    """A member with roles and rights. In a direct message there are none: Discord names no server there."""
    if not isinstance(account, discord.Member):
        return Person(Platform.DISCORD, str(account.id), account.display_name, is_bot=account.bot)
    roles = [role for role in account.roles if not role.is_default()]
    rights = account.guild_permissions
    return Person(
        Platform.DISCORD,
        str(account.id),
        account.display_name,
        groups=frozenset({*(str(role.id) for role in roles), *(role.name for role in roles)}),
        is_workspace_admin=rights.administrator or rights.manage_guild,
        is_bot=account.bot,
        language=_language_of(account.guild),
    )


def person_behind(interaction: discord.Interaction[Any]) -> Person:
    """Whoever clicks, commands or sends a form, in whose language Discord is shown to them."""
    return replace(person_of(interaction.user), language=str(interaction.locale))


def _language_of(guild: discord.Guild) -> str:
    """A message doesn't say in what language its writer sees Discord; a server may have one of its own. Discord's
    default is nobody's choice."""
    language = guild.preferred_locale
    return "" if language is discord.Locale.american_english else str(language)


@dataclass
class People:
    """Tells members of the bot's own servers from everybody else.

    Anybody may invite a public bot to a server of their own, and would be its admin there. So roles and rights count
    on the servers that the operator names; where none is named, on the one that the bot joined first.
    """

    client: discord.Client
    servers: frozenset[str] = frozenset()
    clock: Callable[[], float] = time.monotonic
    """Seconds, from wherever."""
    _found: dict[str, tuple[float, Person]] = field(default_factory=dict)

    async def known(self, person: Person, workspace: str) -> Person:
        """The person as a member, with roles and rights; who is none of our servers' is an outsider.

        `workspace` is where something was done: the server's id, or `DIRECT`. What a server says of its own member
        comes with the event; of a direct message's writer it is looked up, and kept for a minute.
        """
        if workspace != DIRECT:
            return person if workspace in self._own() else replace(person, is_outsider=True)
        if person.is_bot:
            return person
        self._found = {user: kept for user, kept in self._found.items() if kept[0] > self.clock()}
        if person.id not in self._found:
            found = await self.look_up(person)
            if found.is_unverified:
                return found
            self._found[person.id] = self.clock() + KEPT_S, found
        return replace(self._found[person.id][1], language=person.language)

    async def look_up(self, person: Person, workspace: str | None = None) -> Person:
        """The person as a member of a server, or of any of ours; an outsider who is none, and unverified where Discord
        doesn't tell: who is unknown has no rights."""
        servers = [workspace] if workspace is not None else sorted(self._own())
        guilds = [self.client.get_guild(int(server)) for server in servers]
        try:
            async with asyncio.timeout(LOOK_UP_S):
                for guild in guilds:
                    if guild is not None and (member := await _member(guild, int(person.id))) is not None:
                        return person_of(member)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as problem:  # TimeoutError is an OSError
            log.warning("discord.look_up_failed", error=type(problem).__name__)
            return replace(person, is_unverified=True)
        return replace(person, is_outsider=True)

    def not_own(self) -> list[str]:
        """Servers that the bot is on, and on which nobody is staff."""
        return sorted({str(guild.id) for guild in self.client.guilds} - self._own())

    def _own(self) -> frozenset[str]:
        if self.servers:
            return self.servers
        joined = [
            (guild.me.joined_at or discord.utils.snowflake_time(guild.id), guild.id) for guild in self.client.guilds
        ]
        return frozenset({str(min(joined)[1])} if joined else ())


async def _member(guild: discord.Guild, user: int) -> discord.Member | None:
    """None for who has left, or was never there."""
    try:
        return guild.get_member(user) or await guild.fetch_member(user)
    except discord.NotFound:
        return None
