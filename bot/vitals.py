"""How the bot is, in numbers that operators watch, counted from what is kept: the same in every process, after every
restart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Vitals:
    unanswered: int
    """Questions that got neither an answer nor a hand-off. Each is answered in the transaction that keeps it, so this
    is 0 at all times, or something is broken."""
    pending: int
    """Events that are kept and not yet worked off."""
    oldest_pending: datetime | None
    parked: int
    """Events that were set aside after they failed too often; whoever sent them was told."""
    waiting: int
    """Messages that their platform hasn't taken yet."""
    oldest_waiting: datetime | None
    given_up: int
    """Messages that their platform never took."""
    answers: Mapping[str, int]
    """Those that are kept, by kind."""
    handoffs: Mapping[str, int]
    """By state."""
    lessons: Mapping[str, int]
    """Those that stand, by source."""
    held: int
    """Lessons that wait for review."""
    trainings: Mapping[str, int]
    """By how they ended; `open` for those that have not."""
    deployments: Mapping[str, int]
    """By move: promote, rollback, withdraw."""
