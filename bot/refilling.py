"""Fills placeholders in again: what somebody wrote, in the reply to that same person, in that same conversation.

The values are in this process's memory alone, for an hour, and never on disk: what is kept has placeholders, and what
goes out is filled at the very end. Who isn't meant, comes too late, or asks after a restart reads the placeholder.
Passwords, cards and the like are never remembered; neither are mentions, which would call somebody.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.personal import PLACEHOLDER, Kind
from bot.ports import Clock

FILLED = frozenset({Kind.EMAIL, Kind.PHONE, Kind.NAME, Kind.IP, Kind.IBAN})
KEPT_FOR = timedelta(hours=1)
MAX_KEPT = 10_000
"""Of people in conversations; the oldest go first."""

Whose = tuple[str, str]
"""A conversation, and somebody's key."""


@dataclass
class Refilling:
    clock: Clock
    _values: OrderedDict[Whose, tuple[datetime, dict[str, str]]] = field(default_factory=OrderedDict, repr=False)

    def remember(self, conversation: str, person: str, values: Mapping[str, str]) -> None:
        """Placeholders with what the person wrote there."""
        fit = {name: value for name, value in values.items() if name[1:].rpartition("_")[0] in FILLED}
        if not fit:
            return
        _, before = self._values.pop((conversation, person), (None, {}))
        self._values[conversation, person] = self.clock(), before | fit
        self._drop_old()

    def fill(self, text: str, conversation: str, person: str) -> str:
        self._drop_old()
        _, values = self._values.get((conversation, person), (None, {}))
        return PLACEHOLDER.sub(lambda found: values.get(found[0], found[0]), text) if values else text

    def drop(self, conversation: str) -> None:
        """Somebody took back or changed what was said there."""
        for whose in [whose for whose in self._values if whose[0] == conversation]:
            del self._values[whose]

    def clear(self) -> None:
        """Somebody is to be forgotten."""
        self._values.clear()

    def _drop_old(self) -> None:
        since = self.clock() - KEPT_FOR
        while self._values:
            whose, (at, _) = next(iter(self._values.items()))
            if at >= since and len(self._values) <= MAX_KEPT:
                return
            del self._values[whose]
