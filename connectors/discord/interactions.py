"""Buttons, commands and forms, from the click to the private answer.

Discord wants an interaction acknowledged within three seconds, and takes answers that only the person sees for a
quarter of an hour. What is still waiting for its answer is kept here, by event id; it does not survive a restart, and
what is said later then goes to the channel.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import discord
import structlog

from bot.desk import Desk
from bot.errors import DatabaseHeld, PersonError
from bot.events import Event, MessageRef
from bot.ids import AnswerId, EventId
from bot.people import Person
from bot.texts import Texts
from connectors.discord.forms import CorrectionModal
from connectors.discord.parsing import place_of_interaction, reply_marked
from connectors.discord.people import DIRECT, People, person_behind

Interaction = discord.Interaction[Any]

OPEN_FOR = timedelta(minutes=14)
_EXPIRED = (401, 404)
_TRANSPORT_ERRORS = (discord.DiscordException, aiohttp.ClientError, TimeoutError, ConnectionError)

log = structlog.get_logger()


@dataclass(eq=False)
class _Open:
    interaction: Interaction
    until: datetime
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing can be said to an interaction while its acknowledgement is on the way."""
    shows_thinking: bool = False


@dataclass
class Interactions:
    desk: Desk
    texts: Texts
    people: People
    _open: dict[EventId, _Open] = field(default_factory=dict)

    async def take(self, interaction: Interaction, event: Event) -> None:
        """Hand the event in, then acknowledge. A command's person sees that the bot is at it until it has answered."""
        is_command = interaction.type is discord.InteractionType.application_command
        entry = self._remember(event.id, interaction, shows_thinking=is_command)
        try:
            known = await self.people.known(event.person, event.place.workspace)
            await self.desk.receive(replace(event, person=known))
            await interaction.response.defer(ephemeral=True, thinking=is_command)
        except _TRANSPORT_ERRORS as problem:  # the event is kept all the same; what comes of it goes to the channel
            self._open.pop(event.id, None)
            log.warning("discord.not_acknowledged", interaction=interaction.id, error=type(problem).__name__)
        except Exception as problem:
            self._open.pop(event.id, None)
            await self._broke(interaction, problem)
        finally:
            entry.acknowledged.set()

    async def open_form(self, interaction: Interaction, answer: AnswerId | MessageRef) -> None:
        """Show the correction form, or say why not. A form must be the first response, so nothing comes before it."""
        try:
            person, place = await self.person_of(interaction), place_of_interaction(interaction)
            form = await self.desk.correction_form(answer, person, place)
            await interaction.response.send_modal(CorrectionModal(form))
        except PersonError as refusal:
            await interaction.response.send_message(str(refusal), ephemeral=True)
        except Exception as problem:
            await self._broke(interaction, problem)

    async def person_of(self, interaction: Interaction) -> Person:
        return await self.people.known(person_behind(interaction), str(interaction.guild_id or DIRECT))

    async def mark(self, interaction: Interaction, reply: str) -> None:
        """A button that asks to learn a reply, named as channel/message: its words are fetched as they stand now."""
        channel_id, _, message_id = reply.partition("/")
        channel = interaction.client.get_partial_messageable(int(channel_id), guild_id=interaction.guild_id)
        try:
            message = await channel.fetch_message(int(message_id))
        except discord.NotFound:  # deleted: the core says so
            message = None
        except _TRANSPORT_ERRORS as problem:
            await self._broke(interaction, problem)
            return
        await self.take(interaction, reply_marked(interaction, int(channel_id), int(message_id), message))

    async def answer(self, event: EventId | None, pieces: list[str]) -> bool:
        """Say it to the person alone. False when no interaction waits for it, or Discord has closed it."""
        entry = await self._acknowledged(event)
        if entry is None:
            return False
        for piece in pieces:
            try:
                await entry.interaction.followup.send(
                    piece, ephemeral=True, suppress_embeds=True, allowed_mentions=discord.AllowedMentions.none()
                )
            except discord.HTTPException as problem:
                if problem.status in _EXPIRED:
                    return False
                raise
        entry.shows_thinking = False
        return True

    async def finish(self, event: EventId | None) -> None:
        """What came of it stands in the channel: the person need not see any more that the bot is at it."""
        entry = await self._acknowledged(event)
        if entry is None or not entry.shows_thinking:
            return
        entry.shows_thinking = False
        try:
            await entry.interaction.delete_original_response()
        except _TRANSPORT_ERRORS as problem:  # it disappears by itself a little later
            log.info("discord.thinking_not_removed", error=type(problem).__name__)

    async def _broke(self, interaction: Interaction, problem: Exception) -> None:
        """Log what went wrong by its kind, and tell the person that something did."""
        log.error("discord.interaction_failed", interaction=interaction.id, error=type(problem).__name__)
        text = self.texts.not_kept if isinstance(problem, DatabaseHeld) else self.texts.broke
        try:
            if interaction.response.is_done():
                await interaction.followup.send(text, ephemeral=True)
            else:
                await interaction.response.send_message(text, ephemeral=True)
        except _TRANSPORT_ERRORS as gone:
            log.info("discord.interaction_gone", interaction=interaction.id, error=type(gone).__name__)

    def _remember(self, event: EventId, interaction: Interaction, *, shows_thinking: bool) -> _Open:
        now = discord.utils.utcnow()
        self._open = {known: entry for known, entry in self._open.items() if entry.until > now}
        entry = self._open[event] = _Open(interaction, now + OPEN_FOR, shows_thinking=shows_thinking)
        return entry

    async def _acknowledged(self, event: EventId | None) -> _Open | None:
        entry = self._open.get(event) if event is not None else None
        if entry is None or entry.until <= discord.utils.utcnow():
            return None
        await entry.acknowledged.wait()
        return entry if entry in self._open.values() else None
