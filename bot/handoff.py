"""A question that was left to the people, and how far they are with it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.events import Place
from bot.ids import AnswerId


class HandoffState(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    SOLVED = "solved"
    WITHDRAWN = "withdrawn"  # its question was deleted


@dataclass(frozen=True, kw_only=True)
class Handoff:
    """What the agents see of it. Its card is the bot's answer, which is edited as the state changes; of a question that
    was asked in a direct message, it stands in the agents' channel."""

    answer: AnswerId
    """The answer that said so; it names the hand-off."""
    place: Place
    """Where its card stands."""
    question: str
    tried: tuple[str, ...]
    """What was looked at, and why it was not enough."""
    summary: str
    """Who asks, and what was said in the thread before."""
    opened_at: datetime
    state: HandoffState = HandoffState.OPEN
    by: str = ""
    """`Person.key` of who claimed or solved it last."""
    by_name: str = ""
    changed_at: datetime | None = None
    offered: bool = False
    """True once an agent was offered to have their reply learnt."""
    reminders: int = 0
    reminded_at: datetime | None = None
    also: tuple[str, ...] = ()
    """What else the same person asked, faster than one by one could be answered."""
    card: AnswerId | None = None
    """What stands in the agents' channel; None where the answer itself is the card."""
    asked_at: Place | None = None
    """The direct conversation that it comes from, if its card stands elsewhere."""
