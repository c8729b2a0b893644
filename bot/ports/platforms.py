"""Chat platforms: what is delivered to them, and their histories."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Protocol

from bot.events import MessageRef, Place
from bot.history import Seen
from bot.outgoing import AnswerDraft, Outgoing
from bot.people import Person, Platform


class Archive(Protocol):
    """A platform's own history, as far as the bot may read it. Keeps to the platform's rate limits."""

    async def channels(self) -> Sequence[Place]:
        """All channels, and threads that are read on their own, that the bot is in. Direct ones where it can tell."""
        ...

    def look(
        self, place: Place, since: datetime, read_until: datetime, threads: Collection[str] = ()
    ) -> AsyncIterator[Seen]:
        """What was said since, in any order, with persons as far as the history names them; the reactions that stand on
        the bot's messages, and where marks count (`Desk.marks`) those on people's. Threads without a word of the bot
        and without a new one after `read_until` may be left out, and so may those that were opened before `since`,
        unless `threads` names them. Raises whatever the platform's library raises.
        """
        ...

    async def identify(self, person: Person, place: Place) -> Person:
        """The person with name and groups; without groups when the platform can't be asked."""
        ...


class Connector(Protocol):
    """Parses, renders and transports for one platform. Decides nothing."""

    platform: Platform

    @property
    def archive(self) -> Archive | None:
        """None before it is connected, and where nothing can be missed."""
        ...

    async def run(self) -> None:
        """Receive events until cancelled. Returns at once for a connector that is driven from elsewhere."""
        ...

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        """Post it; the message it became, or None where nothing addressable stays (an ephemeral one).

        Raises DeliveryFailed for what passes by itself, OperatorError where the platform takes nothing from the bot,
        and anything else for what is wrong with this message or its place.
        """
        ...

    async def update(self, message: MessageRef, text: str) -> None:
        """Replace the text of a progress message. May be lost."""
        ...

    async def draft(self, draft: AnswerDraft) -> None:
        """Show that an answer is being written, and as much of it as there is. May be lost; may do nothing.

        Never called twice at a time for one event, nor after its answer was kept. What it leaves on the platform is
        replaced or removed when the answer is delivered, also by the next process.
        """
        ...
