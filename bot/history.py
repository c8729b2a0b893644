"""What a platform's own history shows, for the sweeps that look up what was missed. Nothing here reads it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bot.events import Event, MessageRef, Place, Reply

HISTORY_FROM = "history_from"
"""Flag: nothing older is looked at any more, since somebody asked to be forgotten then. ISO 8601."""


@dataclass(frozen=True)
class Watermark:
    """How far a channel's history is known."""

    first: datetime
    """When the channel was met; what was said before is none of the bot's business."""
    until: datetime
    """Everything up to then was looked at."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The reactions that stand on one of the bot's messages, or the marks on somebody's reply."""

    place: Place
    message: MessageRef
    by: Collection[tuple[str, str]]
    """Emoji and the platform's id of the person, the bot's own left out."""
    partial: Collection[str] = ()
    """Emoji of which the platform doesn't name everybody."""
    reply: Reply | None = None
    """None on the bot's own messages."""


Seen = Event | Standing
