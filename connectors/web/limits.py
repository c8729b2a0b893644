"""How often somebody may send something: a token bucket for each. Knows nothing of who it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_KEPT = 10_000


@dataclass
class Limits:
    a_minute: int
    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)
    """How many are left, and when that was so."""

    def take(self, who: str) -> float:
        """Take one. 0 when there was one, else the seconds until there will be."""
        now = self.clock()
        left, at = self._left.pop(who, (float(self.a_minute), now))
        left = min(float(self.a_minute), left + (now - at) * self.a_minute / 60)
        wait = 0.0 if left >= 1 else (1 - left) * 60 / self.a_minute
        self._left[who] = (left if wait else left - 1), now
        if len(self._left) > MAX_KEPT:
            del self._left[next(iter(self._left))]
        return wait
