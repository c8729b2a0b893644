"""The page's password, and how many wrong guesses are borne. Knows nothing of HTTP."""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PAUSE_S = 0.5
GUESSES, FORGIVEN_S = 10, 600.0


@dataclass(frozen=True)
class Login:
    password: str = field(repr=False)
    pause_s: float = PAUSE_S
    """After a wrong password, in seconds. One attempt at a time, so that guessing takes that long for each."""
    clock: Callable[[], float] = time.monotonic
    _wrong: dict[str, list[float]] = field(default_factory=dict, repr=False)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def is_locked_out(self, address: str) -> bool:
        """Whether too many wrong guesses came from there within ten minutes."""
        since = self.clock() - FORGIVEN_S
        recent = {each: [at for at in times if at > since] for each, times in self._wrong.items()}
        self._wrong.clear()
        self._wrong.update({each: times for each, times in recent.items() if times})
        return len(self._wrong.get(address, ())) >= GUESSES

    async def is_right(self, password: str, address: str) -> bool:
        async with self._one_at_a_time:
            if hmac.compare_digest(password.encode(), self.password.encode()):
                return True
            self._wrong.setdefault(address, []).append(self.clock())
            await asyncio.sleep(self.pause_s)
            return False
