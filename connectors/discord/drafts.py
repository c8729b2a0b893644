"""Answers that grow on Discord while they are being written: "is typing …", then a message that is edited.

Such a message says of itself that it is unfinished, so that half an answer never looks like one. The answer takes its
place by an edit, or it is removed. One whose fate this process doesn't know (the line broke as it was posted, or an
earlier process died) is found by what it says. Knows nothing of what is an answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import discord
import structlog

from bot.errors import AdminError
from bot.events import Place
from bot.ids import EventId, OutgoingId, new_id
from bot.outgoing import AnswerDraft
from connectors.discord.markdown import neutral, split
from connectors.discord.rendering import nonce
from connectors.discord.surface import MAX_MESSAGE

TYPING_EVERY_S = 8.0  # Discord shows it for ten
TYPING_TIMES = 8
EDIT_EVERY_S = 1.5  # Discord takes five edits in five seconds, for all that goes on in a channel
LOOK_BACK = 100

Target = Callable[[Place], Awaitable[tuple[discord.PartialMessageable, dict[str, Any]]]]

log = structlog.get_logger()


@dataclass(eq=False)
class _Draft:
    typing: asyncio.Task[None] | None = None
    message: discord.PartialMessage | None = None
    is_asking: bool = False
    """Discord was asked to post it, and hasn't answered."""
    edited_at: float = 0.0
    nonce: str = field(default_factory=lambda: nonce(OutgoingId(new_id()), 0))


@dataclass
class Drafts:
    target: Target
    mark: str
    """The line that says so."""
    clock: Callable[[], float] = time.monotonic
    """Seconds, from wherever."""
    started_at: datetime = field(default_factory=discord.utils.utcnow)
    _open: dict[EventId, _Draft] = field(default_factory=dict)
    _swept: set[str] = field(default_factory=set)
    """Conversations of before this process, in which nothing unfinished is left."""

    async def show(self, draft: AnswerDraft) -> None:
        """Begin, or go on. What doesn't fit into one message waits for the answer; so does an edit that comes soon
        after another."""
        kept = self._open.setdefault(draft.in_reply_to, _Draft())
        if draft.text == "":
            kept.typing = kept.typing or asyncio.create_task(self._type(draft.place))
            return
        content = f"{neutral(draft.text)}\n{self.mark}"
        if len(content) > MAX_MESSAGE or len(split(neutral(draft.text))) > 1:
            return
        if kept.message is not None and self.clock() - kept.edited_at >= EDIT_EVERY_S:
            kept.edited_at = self.clock()
            await kept.message.edit(content=content, allowed_mentions=discord.AllowedMentions.none())
        elif kept.message is None and not kept.is_asking:
            await self._post(kept, draft.place, content)

    def take_over(self, event: EventId | None) -> discord.PartialMessage | None:
        """The message that shows the event's draft, to be edited into its answer."""
        kept = self._open.get(event) if event is not None else None
        if kept is None:
            return None
        _end(kept.typing)
        return kept.message

    async def remove(self, event: EventId | None) -> None:
        """Take back what was shown. Raises discord.HTTPException."""
        kept = self._open.get(event) if event is not None else None
        if kept is not None and kept.message is not None:
            await _delete(kept.message)

    async def sweep(self, event: EventId | None, place: Place, me: int) -> None:
        """Leave nothing in the conversation that nobody will finish. Raises discord.HTTPException."""
        kept = self._open.get(event) if event is not None else None
        is_lost = kept is not None and kept.is_asking
        if is_lost or (place.key not in self._swept and self._is_old(place)):
            await self._sweep(place, me)
            self._swept.add(place.key)

    def forget(self, event: EventId | None) -> None:
        """The answer stands."""
        if event is not None and (kept := self._open.pop(event, None)) is not None:
            _end(kept.typing)

    # --- parts -----------------------------------------------------------------------------------------------------

    async def _type(self, place: Place) -> None:
        try:
            channel, _ = await self.target(place)
            for _ in range(TYPING_TIMES):
                await channel.typing()
                await asyncio.sleep(TYPING_EVERY_S)
        except (AdminError, discord.DiscordException, aiohttp.ClientError, OSError) as problem:
            log.debug("discord.lost", what="typing", error=type(problem).__name__)

    async def _post(self, kept: _Draft, place: Place, content: str) -> None:
        _end(kept.typing)
        channel, options = await self.target(place)
        kept.is_asking = True
        posted = await channel.send(
            content, nonce=kept.nonce, allowed_mentions=discord.AllowedMentions.none(), suppress_embeds=True, **options
        )
        kept.message, kept.is_asking, kept.edited_at = channel.get_partial_message(posted.id), False, self.clock()

    def _is_old(self, place: Place) -> bool:
        """It may have been there before this process. A direct message always may."""
        return place.thread is None or discord.utils.snowflake_time(int(place.thread)) < self.started_at

    async def _sweep(self, place: Place, me: int) -> None:
        channel, _ = await self.target(place)
        known = {kept.message.id for kept in self._open.values() if kept.message is not None}
        try:
            latest = [message async for message in channel.history(limit=LOOK_BACK)]
        except discord.Forbidden:  # where it may read nothing, it can't look
            return
        for message in latest:
            if message.author.id == me and message.id not in known and message.content.endswith(self.mark):
                log.info("discord.draft_of_before_removed", message=message.id)
                await _delete(message)


async def _delete(message: discord.Message | discord.PartialMessage) -> None:
    """One that is gone already is no trouble."""
    try:
        await message.delete()
    except discord.NotFound:
        return


def _end(typing: asyncio.Task[None] | None) -> None:
    if typing is not None:
        typing.cancel()
