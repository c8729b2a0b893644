"""The page's password: checks it, and gives out sessions that end with the process. Knows nothing of HTTP."""

import asyncio
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field

SESSION = "mentee_session"
SESSION_S = 12 * 60 * 60
PAUSE_S = 0.5


@dataclass(frozen=True)
class Login:
    password: str = field(repr=False)
    pause_s: float = PAUSE_S
    """After a wrong password, in seconds. One attempt at a time, so that guessing takes that long for each."""
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def session(self, password: str) -> str | None:
        """A session for the right password; None for a wrong one."""
        async with self._one_at_a_time:
            if hmac.compare_digest(password.encode(), self.password.encode()):
                ends = str(int(time.time()) + SESSION_S)
                return f"{ends}.{self._signature(ends)}"
            await asyncio.sleep(self.pause_s)
            return None

    def holds(self, session: str) -> bool:
        """Whether we gave this session out and it has not ended."""
        ends, _, signature = session.partition(".")
        is_ours = hmac.compare_digest(signature.encode(), self._signature(ends).encode())
        return is_ours and int(ends) > time.time()

    def _signature(self, ends: str) -> str:
        return hmac.new(self._key, ends.encode(), hashlib.sha256).hexdigest()
