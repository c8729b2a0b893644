"""Discord's own history, read through discord.py, which keeps to Discord's rate limits by itself.

A thread is a place of its own, as its messages are read apart from its channel's. Discord doesn't tell a bot which
direct conversations it has: those are known to whoever asks.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import discord

from bot.events import Place
from bot.history import Seen, Standing
from bot.people import Person
from connectors.discord import parsing
from connectors.discord.people import DIRECT, People

Readable = discord.TextChannel | discord.VoiceChannel | discord.Thread | discord.DMChannel


@dataclass(frozen=True)
class DiscordArchive:
    """Implements bot.ports.Archive."""

    client: discord.Client
    people: People
    marks: frozenset[str] = frozenset()
    """Emoji that are looked for on people's messages, too."""

    async def channels(self) -> Sequence[Place]:
        found: list[Place] = []
        for guild in self.client.guilds:
            channels: list[discord.TextChannel | discord.Thread] = [*guild.text_channels, *guild.threads]
            found += [parsing.place_of(channel, guild.id) for channel in channels if _may_read(channel, guild)]
        return found

    async def look(
        self, place: Place, since: datetime, read_until: datetime, threads: Collection[str] = ()
    ) -> AsyncIterator[Seen]:
        """Threads are places of their own, and replies stand in the channel with all else: none has to be named."""
        channel = await self._channel(int(place.thread or place.channel))
        if channel is None or _is_quiet(channel, since):
            return
        async for message in channel.history(after=since, limit=None, oldest_first=True):
            if message.author.id == self._me.id:
                yield await self._standing(message)
                continue
            for seen in self._seen(message):
                yield seen
            if self.marks and not message.author.bot:
                standing = await self._standing(message, self.marks)
                yield replace(standing, reply=parsing.reply_of(message))

    async def identify(self, person: Person, place: Place) -> Person:
        if place.workspace == DIRECT:
            return await self.people.known(person, DIRECT)
        return await self.people.known(await self.people.look_up(person, place.workspace), place.workspace)

    # --- parts -----------------------------------------------------------------------------------------------------

    @property
    def _me(self) -> discord.ClientUser:
        assert self.client.user is not None, "there is no archive before the login"
        return self.client.user

    async def _channel(self, id: int) -> Readable | None:
        channel = self.client.get_channel(id) or await self.client.fetch_channel(id)
        return channel if isinstance(channel, Readable) else None

    def _seen(self, message: discord.Message) -> Iterator[Seen]:
        posted = parsing.posted(message, self._me)
        if posted is not None:
            yield posted
            if (edited := parsing.edited(message, self._me)) is not None:
                yield edited

    async def _standing(self, message: discord.Message, only: frozenset[str] | None = None) -> Standing:
        """Discord names those who reacted for each emoji apart; `only` those emoji, or all."""
        named: set[tuple[str, str]] = set()
        for reaction in message.reactions:
            emoji = parsing.emoji_of(reaction.emoji)
            if only is not None and emoji not in only:
                continue
            async for user in reaction.users():
                if not user.bot:
                    named.add((emoji, str(user.id)))
        guild_id = message.guild.id if message.guild else None
        return Standing(
            place=parsing.place_of_message(message, self._me.id),
            message=parsing.ref_of(message.channel.id, guild_id, message.id),
            by=frozenset(named),
        )


def _may_read(channel: discord.TextChannel | discord.Thread, guild: discord.Guild) -> bool:
    rights = channel.permissions_for(guild.me)
    return rights.view_channel and rights.read_message_history


def _is_quiet(channel: Readable, since: datetime) -> bool:
    """Discord tells which message of a channel is the newest; 0 where it has told of none."""
    newest = channel.last_message_id if not isinstance(channel, discord.DMChannel) else None
    return newest is not None and discord.utils.snowflake_time(newest) < since
