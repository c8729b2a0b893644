"""The app in a workspace that somebody has installed it in."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.people import Platform


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What the bot needs to speak there. The token is a secret: it is shown nowhere, and goes with the rest."""

    platform: Platform
    workspace: str
    """The platform's own id."""
    name: str
    bot_user: str
    bot: str
    """Slack's second id of a bot: that of its messages."""
    token: str = field(repr=False)
    scopes: tuple[str, ...]
    by: str
    """`Person.key` of who installed it."""
    at: datetime
