"""How much one person may ask for in a minute, so that whoever floods the bot slows nobody else down.

Kept in memory alone: after a restart everybody begins anew. Knows nothing of what is asked.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.ids import EventId

MINUTE = timedelta(minutes=1)
MAX_PEOPLE = 10_000


@dataclass
class Pace:
    most: int
    """0: no limit."""
    _asked: OrderedDict[str, dict[EventId, datetime]] = field(default_factory=OrderedDict)
    _told: dict[str, datetime] = field(default_factory=dict)

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

    def is_to_be_told(self, person: str, now: datetime) -> bool:
        """Whether it is time to say so: once a minute."""
        self._told = {known: at for known, at in self._told.items() if now - at < MINUTE}
        return self._told.setdefault(person, now) == now
