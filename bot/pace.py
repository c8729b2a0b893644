"""How much one person may ask for in a minute, so that whoever floods the bot slows nobody else down.

Kept in memory alone: after a restart everybody begins anew. Knows nothing of what is asked.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.ids import AnswerId, EventId

MINUTE = timedelta(minutes=1)
MAX_PEOPLE = 10_000


@dataclass
class Pace:
    most: int
    """0: no limit."""
    _asked: OrderedDict[str, dict[EventId, datetime]] = field(default_factory=OrderedDict)
    _lists: dict[str, tuple[AnswerId, datetime]] = field(default_factory=dict)

    def is_over(self, person: str, event: EventId, now: datetime) -> bool:
        """Count the event, once however often it is tried; True when the person has had a minute's share already."""
        if self.most <= 0:
            return False
        recent = {known: at for known, at in self._asked.pop(person, {}).items() if now - at < MINUTE}
        is_over = event not in recent and len(recent) >= self.most
        if not is_over:
            recent.setdefault(event, now)
        self._asked[person] = recent
        if len(self._asked) > MAX_PEOPLE:
            self._asked.popitem(last=False)
        return is_over

    def list_of(self, person: str, now: datetime) -> AnswerId | None:
        """The hand-off that names what else the person asks in this minute; None: there is none yet."""
        self._lists = {known: each for known, each in self._lists.items() if now - each[1] < MINUTE}
        return self._lists[person][0] if person in self._lists else None

    def begin_list(self, person: str, handoff: AnswerId, now: datetime) -> None:
        self._lists[person] = handoff, now
