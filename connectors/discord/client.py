"""The connection to Discord: each thing that happens there is parsed and handed to the desk, in the order it came."""

import asyncio
import sys
import time
from dataclasses import replace
from typing import Any

import aiohttp
import discord
import structlog
from discord import app_commands

from bot.desk import Desk
from bot.errors import SettingError
from bot.events import Event, Reacted, Reply
from bot.people import Person, Platform
from bot.texts import Texts
from connectors.discord import forms, parsing
from connectors.discord.commands import MenteeGroup, menus, sync_commands
from connectors.discord.config import DiscordConfig, use_addresses
from connectors.discord.interactions import Interactions
from connectors.discord.lines import SILENCE_S, Turns, answer_soon, use_short_waits
from connectors.discord.people import People, person_of
from connectors.discord.places import Places
from connectors.discord.reaction_ids import ReactionIds
from connectors.discord.surface import intents
from connectors.discord.views import CandidateButton, CorrectionButton, PressButton

LONGEST_WAIT_S = 30.0
"""What the library waits for by itself when Discord asks to go slower, and the least it takes. Beyond it RateLimited is
raised, so that one channel's wait holds nothing else up."""

_TRANSPORT_ERRORS = (discord.DiscordException, aiohttp.ClientError, OSError)

log = structlog.get_logger()


class MenteeClient(discord.AutoShardedClient):
    """One process, with as many connections as the number of servers asks for."""

    def __init__(self, config: DiscordConfig, desk: Desk, texts: Texts) -> None:
        use_addresses(config)
        use_short_waits()
        super().__init__(
            intents=intents(message_content=config.message_content),
            allowed_mentions=discord.AllowedMentions.none(),
            shard_count=config.shards,
            max_ratelimit_timeout=LONGEST_WAIT_S,
            heartbeat_timeout=SILENCE_S,
        )
        answer_soon(self)
        self._turns = Turns()
        self._has_own_gateway = config.gateway_url is not None
        self.desk = desk
        self.people = People(self, config.servers)
        self.places = Places(self)
        self.interactions = Interactions(desk, texts, self.people)
        self.tree: app_commands.CommandTree[MenteeClient] = app_commands.CommandTree(self)
        self.tree.add_command(MenteeGroup(self.interactions))
        for menu in menus(self.interactions, texts):
            self.tree.add_command(menu)
        self._dev_guild = config.dev_guild
        self._reaction_ids = ReactionIds()
        self._reactions_in_order = asyncio.Lock()

    async def launch_shards(self) -> None:
        """The library takes the gateway from the API, unless it knows the number of shards."""
        if self._has_own_gateway and self.shard_count is None:
            self.shard_count, _, _ = await self.http.get_bot_gateway()
        await super().launch_shards()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        await asyncio.sleep(self._turns.wait_s(time.monotonic()))

    async def setup_hook(self) -> None:
        self.add_dynamic_items(CandidateButton, CorrectionButton, PressButton)
        guild = discord.Object(int(self._dev_guild)) if self._dev_guild is not None else None
        try:
            told = await sync_commands(self.tree, guild)
        except discord.Forbidden:
            raise SettingError(
                f"DISCORD_DEV_GUILD is {self._dev_guild!r}, and Discord doesn't let the bot set up commands there. "
                "Invite it with the scope applications.commands, or unset DISCORD_DEV_GUILD."
            ) from None
        log.info("discord.commands", changed=told)

    async def on_ready(self) -> None:
        log.info("discord.ready", bot=self._me.id, servers=len(self.guilds), shards=self.shard_count)
        if others := self.people.not_own():  # nobody is staff there
            log.warning("discord.other_servers", servers=others, remedy="name yours in DISCORD_SERVERS")
        self.desk.connected()
        self.desk.meet(member.display_name for guild in self.guilds for member in guild.members if not member.bot)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was removed from a server, or the server is gone; not one that is merely away."""
        rows = await self.desk.uninstall(Platform.DISCORD, str(guild.id))
        log.warning("discord.server_left", server=guild.id, removed=rows)

    async def on_message(self, message: discord.Message) -> None:
        event = parsing.posted(message, self._me)
        if event is not None:
            await self._receive(event)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        event = parsing.edited(payload.message, self._me)
        if event is not None:
            await self._receive(event)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        await self._on_deleted(payload.message_id, payload.channel_id, payload.guild_id, payload.cached_message)

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        cached = {message.id: message for message in payload.cached_messages}
        for each in payload.message_ids:
            await self._on_deleted(each, payload.channel_id, payload.guild_id, cached.get(each))

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        await self._on_reaction(payload)

    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        await self._on_reaction(payload)

    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        await self._on_cleared(payload, None)

    async def on_raw_reaction_clear_emoji(self, payload: discord.RawReactionClearEmojiEvent) -> None:
        await self._on_cleared(payload, payload.emoji)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Sent forms; commands and buttons find their own way."""
        form = forms.submitted(interaction)
        if form is not None:
            await self.interactions.take(interaction, parsing.correction_submitted(interaction, *form))

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        """Name what broke. The problem's own words stay out of the log: they may hold what people wrote."""
        problem = sys.exc_info()[1]
        log.error("discord.event_failed", event_method=event_method, error=type(problem).__name__)

    @property
    def _me(self) -> discord.ClientUser:
        assert self.user is not None, "events come after the login"
        return self.user

    async def _on_deleted(
        self, message_id: int, channel_id: int, guild_id: int | None, cached: discord.Message | None
    ) -> None:
        channel = self.get_channel(channel_id) or discord.Object(channel_id)
        now = discord.utils.utcnow()
        await self.desk.receive(parsing.deleted(message_id, channel, guild_id, cached, self._me.id, now))

    async def _on_reaction(self, payload: discord.RawReactionActionEvent) -> None:
        """One after the other: looking one person up must not let what came later overtake."""
        author = self._author(payload)
        may_mark = author != self._me.id and parsing.emoji_of(payload.emoji) in self.desk.marks
        if payload.user_id == self._me.id or not (author in (None, self._me.id) or may_mark):
            return
        event_id = self._reaction_ids.of(payload)
        at = discord.utils.utcnow()
        async with self._reactions_in_order:
            person = await self._reactor(payload)
            if person.is_bot:
                return
            channel = self.get_channel(payload.channel_id) or discord.Object(payload.channel_id)
            reacted = parsing.reacted(payload, channel, person, event_id, at)
            if may_mark:
                await self._on_mark(reacted, channel, payload.guild_id)
            else:
                await self._receive(reacted)

    async def _on_mark(self, reacted: Reacted, channel: discord.abc.Snowflake, guild_id: int | None) -> None:
        """On somebody's reply, which is read when an agent has marked it, and never else."""
        person = await self.people.known(reacted.person, reacted.place.workspace)
        reacted = replace(reacted, person=person)
        if self.desk.may_mark(person):
            found = await self._words_of(channel.id, guild_id, int(reacted.message.id))
            await self.desk.receive(parsing.with_reply(reacted, channel, found, self._me.id))
        elif person.is_unverified:
            await self.desk.receive(reacted)

    async def _words_of(self, channel_id: int, guild_id: int | None, message_id: int) -> discord.Message | Reply:
        """The message as it stands now, or that it is gone, or kept from the bot."""
        messages = self.get_partial_messageable(channel_id, guild_id=guild_id)
        try:
            found = await messages.fetch_message(message_id)
        except discord.NotFound:
            return Reply()
        except _TRANSPORT_ERRORS as problem:
            log.warning("discord.reply_not_read", error=type(problem).__name__)
            return Reply(is_hidden=True)
        return found if found.content or self.intents.message_content else Reply(is_hidden=True)

    async def _on_cleared(
        self,
        payload: discord.RawReactionClearEvent | discord.RawReactionClearEmojiEvent,
        emoji: discord.PartialEmoji | None,
    ) -> None:
        """Discord doesn't tell whose they were: those that were heard of are taken away one by one."""
        message = parsing.ref_of(payload.channel_id, payload.guild_id, payload.message_id)
        at = discord.utils.utcnow()
        async with self._reactions_in_order:
            self._reaction_ids.cleared(payload.message_id, emoji)
            for standing in await self.desk.reactions(message):
                if emoji is None or standing.emoji == parsing.emoji_of(emoji):
                    await self._receive(parsing.cleared(standing, at))

    async def _reactor(self, payload: discord.RawReactionActionEvent) -> Person:
        """Only an added reaction on a server comes with its member."""
        account = payload.member or self.get_user(payload.user_id)
        known = person_of(account) if account is not None else Person(Platform.DISCORD, str(payload.user_id))
        if payload.member is not None or payload.guild_id is None:
            return known
        return await self.people.look_up(known, str(payload.guild_id))

    async def _receive(self, event: Event) -> None:
        self.places.heard(event)
        known = await self.people.known(event.person, event.place.workspace)
        await self.desk.receive(replace(event, person=known))

    def _author(self, payload: discord.RawReactionActionEvent) -> int | None:
        """Spares the inbox what people do on each other's messages. Discord names the author only of what is added."""
        if payload.message_author_id is not None:
            return payload.message_author_id
        cached = discord.utils.get(self.cached_messages, id=payload.message_id)
        return cached.author.id if cached is not None else None
