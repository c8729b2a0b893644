"""Who somebody is on Discord, as the core wants to know it. What follows from it is decided there."""

import aiohttp
import discord

from bot.people import Person, Platform

Account = discord.User | discord.Member | discord.ClientUser


def person_of(account: Account) -> Person:
    """A member with roles and rights. In a direct message there are none: Discord names no server there."""
    if not isinstance(account, discord.Member):
        return Person(Platform.DISCORD, str(account.id), account.display_name)
    roles = [role for role in account.roles if not role.is_default()]
    rights = account.guild_permissions
    return Person(
        Platform.DISCORD,
        str(account.id),
        account.display_name,
        groups=frozenset({*(str(role.id) for role in roles), *(role.name for role in roles)}),
        is_workspace_admin=rights.administrator or rights.manage_guild,
    )


async def look_up(client: discord.Client, guild_id: int | None, user_id: int) -> discord.Member | discord.User | None:
    """The account behind a bare id. None where Discord doesn't tell: who is unknown has no rights."""
    guild = client.get_guild(guild_id) if guild_id is not None else None
    try:
        if guild is not None:
            return guild.get_member(user_id) or await guild.fetch_member(user_id)
        return client.get_user(user_id) or await client.fetch_user(user_id)
    except (discord.HTTPException, aiohttp.ClientError, OSError):  # left the server, or Discord is down
        return None
