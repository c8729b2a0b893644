"""Slack's own history: what was written and how people reacted, whether or not Slack's events of it arrived.

Slack tells of replies only thread by thread: those of a thread are asked for when it has a new one, or one of the
bot's, whose reactions may have changed. It lists channels by what opened its threads, and of those that were opened
earlier only the named ones are asked for: a mention in an older thread that the bot has no part in isn't found, nor a
new reaction on what it said there before. Calls keep below the 50 a minute that Slack allows of each of these methods
(tier 3), and wait as long as Slack asks for: of apps that are sold outside its Marketplace a minute for each.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.errors import SettingError
from bot.events import MessageRef, Place
from bot.history import Seen, Standing
from bot.people import Person, Platform
from connectors.slack import parsing
from connectors.slack.errors import GONE, code_of
from connectors.slack.parsing import Identity, Payload
from connectors.slack.people import People

AT_ONCE = 200
CALLS_A_MINUTE = 40
MINUTE_S = 60.0
CHANNELS = "public_channel,private_channel,im"


@dataclass
class Budget:
    """At most so many calls in any minute."""

    calls: int = CALLS_A_MINUTE
    clock: Callable[[], float] = time.monotonic
    """Seconds, from wherever."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _taken: deque[float] = field(default_factory=deque)

    async def take(self) -> None:
        """Return once a call may be made."""
        if len(self._taken) >= self.calls:
            free_at = self._taken.popleft() + MINUTE_S
            if (wait_s := free_at - self.clock()) > 0:
                await self.sleep(wait_s)
        self._taken.append(self.clock())


@dataclass
class SlackArchive:
    """Implements bot.ports.Archive."""

    client: AsyncWebClient
    """One that retries after a 429 when it is told to: nothing that is read can be read twice too often."""
    bot: Identity
    people: People
    budget: Budget = field(default_factory=Budget)
    marks: frozenset[str] = frozenset()
    """Emoji that are looked for on people's messages, too."""

    async def channels(self) -> Sequence[Place]:
        """Raises SettingError where the app was installed before it needed the right to ask."""
        listed = self._pages("channels", self.client.users_conversations, types=CHANNELS)
        try:
            return [self._floor(channel["id"]) async for channel in listed]
        except SlackApiError as problem:
            if code_of(problem) != "missing_scope":
                raise
            raise SettingError("Reinstall the Slack app from deploy/slack/manifest.yaml.") from None

    async def look(
        self, place: Place, since: datetime, read_until: datetime, threads: Collection[str] = ()
    ) -> AsyncIterator[Seen]:
        """What opened a named thread before is sent along with its replies, and left out."""
        async for message in self._listed(place, since, read_until, threads):
            if float(message["ts"]) >= since.timestamp():
                for seen in self._seen(place, message):
                    yield seen

    async def identify(self, person: Person, place: Place) -> Person:
        return await self.people.known(person)

    # --- parts -----------------------------------------------------------------------------------------------------

    async def _listed(
        self, place: Place, since: datetime, read_until: datetime, threads: Collection[str]
    ) -> AsyncIterator[Payload]:
        oldest, first = str(since.timestamp()), since.timestamp()
        floor = self._pages("messages", self.client.conversations_history, channel=place.channel, oldest=oldest)
        async for message in floor:
            if float(message["ts"]) >= first and self._is_worth_reading(message, read_until):
                async for reply in self._replies(place, message["ts"], oldest):
                    yield reply
            else:
                yield message
        for thread in threads:
            if float(thread) < first:  # what opened it is too old to be listed
                async for reply in self._replies(place, thread, oldest):
                    yield reply

    async def _replies(self, place: Place, thread: str, oldest: str) -> AsyncIterator[Payload]:
        """The message that opened the thread is among them. None where it was deleted with all replies."""
        replies = self.client.conversations_replies
        try:
            async for reply in self._pages("messages", replies, channel=place.channel, ts=thread, oldest=oldest):
                yield reply
        except SlackApiError as problem:
            if code_of(problem) not in GONE:
                raise

    async def _pages(
        self, what: str, method: Callable[..., Awaitable[AsyncSlackResponse]], **arguments: Any
    ) -> AsyncIterator[Payload]:
        cursor = None
        while True:
            await self.budget.take()
            page = await method(limit=AT_ONCE, cursor=cursor, **arguments)
            for each in page[what]:
                yield each
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    def _is_worth_reading(self, message: Payload, read_until: datetime) -> bool:
        if not message.get("reply_count"):
            return False
        named = message.get("reply_users") or []
        may_be_among = self.bot.user in named or len(named) < message.get("reply_users_count", 0)
        return may_be_among or float(message.get("latest_reply", "0")) >= read_until.timestamp()

    def _seen(self, place: Place, message: Payload) -> Iterator[Seen]:
        """A history's message as the events that Slack would have sent of it."""
        in_own_thread = message.get("thread_ts") == message["ts"]
        told = {**message, "channel": place.channel, "thread_ts": None if in_own_thread else message.get("thread_ts")}
        if message.get("user") == self.bot.user:
            yield self._standing(place, message)
        elif (posted := parsing.message_posted(told, self.bot)) is not None:
            yield posted
            change = {"subtype": "message_changed", "message": told, "channel": place.channel}
            if message.get("edited") and (edited := parsing.message_edited(change, self.bot)) is not None:
                yield edited
            if self.marks:
                standing = self._standing(posted.place, message)
                by = frozenset(pair for pair in standing.by if pair[0] in self.marks)
                yield replace(standing, by=by, reply=parsing.reply_of(message, self.bot))

    def _standing(self, place: Place, message: Payload) -> Standing:
        reactions = message.get("reactions") or []
        named = [(parsing.emoji_of(each["name"]), user) for each in reactions for user in each["users"]]
        partial = [parsing.emoji_of(each["name"]) for each in reactions if len(each["users"]) < each.get("count", 0)]
        return Standing(
            place=place,
            message=MessageRef(Platform.SLACK, self.bot.team, place.channel, message["ts"]),
            by=frozenset(pair for pair in named if pair[1] != self.bot.user),
            partial=frozenset(partial),
        )

    def _floor(self, channel: str) -> Place:
        return Place(Platform.SLACK, self.bot.team, channel, is_direct=parsing.is_direct(channel))
