"""Commands and clicks that can still be answered in private. Knows nothing of how that is done."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.ids import EventId
from connectors.slack.parsing import Interaction

OPEN_S = 30 * 60.0


@dataclass
class OpenInteractions:
    """Commands that can still be answered through Slack's `response_url`. Lost on a restart, which costs little."""

    clock: Callable[[], float] = time.monotonic
    """Seconds, from wherever."""
    _kept: dict[EventId, tuple[float, Interaction]] = field(default_factory=dict)

    def keep(self, event: EventId, interaction: Interaction) -> None:
        now = self.clock()
        self._kept = {known: kept for known, kept in self._kept.items() if kept[0] > now}
        self._kept[event] = (now + OPEN_S, interaction)

    def of(self, event: EventId | None) -> Interaction | None:
        kept = self._kept.get(event) if event is not None else None
        return kept[1] if kept is not None and kept[0] > self.clock() else None
