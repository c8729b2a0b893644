"""Where a place is on Discord: in a thread, or in a channel, as a reply to the message that opened the conversation.

Whether a place is a thread is never guessed. Discord tells of the threads that are in use, and takes an archived one
back; a private one that was taken for a chain of replies would be spoken of in its channel, for everybody to read.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import discord

from bot.errors import AdminError
from bot.events import Event, MessagePosted, MessageRef, Place
from connectors.discord.people import DIRECT

_MAX_REMEMBERED = 10_000


@dataclass
class Places:
    client: discord.Client
    _threads: OrderedDict[str, bool] = field(default_factory=OrderedDict)
    """By `Place.thread`: whether it is a thread. The latest that were spoken of."""

    def heard(self, event: Event) -> None:
        """Remember what a message tells of its conversation, so that its answer need not ask."""
        place = event.place
        if isinstance(event, MessagePosted) and place.thread is not None:
            self._remember(place.thread, is_thread=event.message.channel == place.thread)

    def opened(self, message: int) -> None:
        """Remember that a message of the bot may be replied to: its card, or an answer on a channel's floor."""
        self._remember(str(message), is_thread=False)

    async def target(self, place: Place) -> tuple[discord.PartialMessageable, dict[str, Any]]:
        """The channel to post in, and what makes it a reply. A message that was replied to may be gone by now.

        Raises discord.HTTPException, and AdminError where nothing of the conversation is left.
        """
        guild = guild_of(place)
        channel = self.client.get_partial_messageable(int(place.channel), guild_id=guild)
        if place.thread is None:
            return channel, {}
        if await self._is_thread(place.thread, channel):
            return self.client.get_partial_messageable(int(place.thread), guild_id=guild), {}
        return channel, _as_reply(place.thread, channel)

    def beside(self, message: MessageRef, place: Place) -> tuple[discord.PartialMessageable, dict[str, Any]]:
        """The same for what follows a message of the bot that stands in the conversation."""
        channel = self.client.get_partial_messageable(int(message.channel), guild_id=guild_of(place))
        if place.thread is None or place.thread == message.channel:
            return channel, {}
        return channel, _as_reply(place.thread, channel)

    # --- parts -----------------------------------------------------------------------------------------------------

    async def _is_thread(self, thread: str, channel: discord.PartialMessageable) -> bool:
        """Posts of a forum are threads whatever Discord has told. A message and a thread that was opened on it have
        the same id; whoever may not see the thread gets no answer but a refusal."""
        known = self.client.get_channel(int(thread))
        if isinstance(known, discord.Thread):
            self._remember(thread, is_thread=True)
        elif isinstance(self.client.get_channel(channel.id), discord.ForumChannel):
            return True
        elif thread not in self._threads:
            self._remember(thread, is_thread=await self._look_up(int(thread), channel))
        return self._threads[thread]

    async def _look_up(self, thread: int, channel: discord.PartialMessageable) -> bool:
        try:
            return isinstance(await self.client.fetch_channel(thread), discord.Thread)
        except discord.NotFound:
            pass
        try:
            await channel.fetch_message(thread)
        except discord.NotFound:
            raise AdminError(
                f"Neither the message nor the thread {thread} is left in Discord's channel {channel.id}, and it may "
                "have been private: nothing is posted. Tell the person yourself, if it matters."
            ) from None
        return False

    def _remember(self, thread: str, *, is_thread: bool) -> None:
        self._threads[thread] = is_thread
        self._threads.move_to_end(thread)
        if len(self._threads) > _MAX_REMEMBERED:
            self._threads.popitem(last=False)


def _as_reply(root: str, channel: discord.PartialMessageable) -> dict[str, Any]:
    reference = discord.MessageReference(
        message_id=int(root), channel_id=channel.id, guild_id=channel.guild_id, fail_if_not_exists=False
    )
    return {"reference": reference}


def guild_of(place: Place) -> int | None:
    return None if place.workspace == DIRECT else int(place.workspace)
