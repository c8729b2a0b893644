"""How soon a line to Discord that went dead is noticed, and how soon a new one is tried.

discord.py waits five minutes for an answer, a minute for a gateway that has fallen silent, half a minute for its
goodbye, and, where a network was away for long, a quarter of an hour before it tries again. It takes none of these as
an argument but one, so its classes are replaced; there is one Discord client in a process.
"""

import asyncio
import contextlib
import math
from functools import partial
from typing import Any

import aiohttp
import discord
from discord import gateway, http, shard
from discord.backoff import ExponentialBackoff

ANSWER_S = 15.0
"""For a request, and for a gateway to let the bot in."""
SILENCE_S = 15.0
"""Without a word from the gateway, which answers every beat. Looked at with each beat, so it may last one longer."""
BEAT_S = 6.0
"""Discord asks for a beat in 41 s at least: two of ours may be lost, and that would be noticed too late."""
GOODBYE_S = 2.0
IDLE_S = 5.0
"""A line that nothing was asked on for longer is not asked on again. Where the network was away it may be dead, which
nobody tells: what is asked next, and the gateway, would wait for an answer in vain."""
LET_IN_EVERY_S = 5.0
"""Discord lets a bot in no oftener."""
LONGEST_PAUSE_S = 20.0
"""Between attempts that fail. Each may cost one of the thousand sessions that Discord grants a day."""
GROWS_TO = 5
"""What pauses are drawn from, as a power of two of seconds: the library's is 10. Most are shorter than the longest."""


class _KeepAlive(gateway.KeepAliveHandler):
    def __init__(self, *args: Any, interval: float | None = None, **named: Any) -> None:
        super().__init__(*args, interval=min(interval or BEAT_S, BEAT_S), **named)

    def run(self) -> None:
        """That of a line that was given up while it was made may outlive the loop."""
        with contextlib.suppress(RuntimeError):
            super().run()


class _Socket(gateway.DiscordClientWebSocketResponse):
    async def close(self, *, code: int = 4000, message: bytes = b"") -> bool:
        try:
            async with asyncio.timeout(GOODBYE_S):
                return await super().close(code=code, message=message)
        except TimeoutError:  # the line is let go all the same
            return True


class _Backoff(ExponentialBackoff[Any]):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._max = GROWS_TO

    def delay(self) -> Any:
        return min(super().delay(), LONGEST_PAUSE_S)


class Turns:
    """When Discord may be asked to let the bot in. The library waits each time, also hours after the last."""

    def __init__(self) -> None:
        self._next_at = -math.inf

    def wait_s(self, now: float) -> float:
        """How long whoever asks now has to wait for a turn of its own."""
        turn = max(now, self._next_at)
        self._next_at = turn + LET_IN_EVERY_S
        return turn - now


def use_short_waits() -> None:
    """For all clients of this process."""
    replaced: tuple[tuple[Any, type], ...] = ((gateway, _KeepAlive), (http, _Socket), (shard, _Backoff))
    for module, ours in replaced:
        setattr(module, ours.__bases__[0].__name__, ours)


def answer_soon(client: discord.Client) -> None:
    """Raises TimeoutError from whatever asks Discord and isn't answered; it is taken for a network that is away."""
    api: Any = client.http
    api.request = partial(api.request, timeout=aiohttp.ClientTimeout(total=ANSWER_S))
    api.ws_connect = partial(_connect, api.ws_connect)
    api.static_login = partial(_log_in, api, api.static_login)


async def _connect(connect: Any, *args: Any, **named: Any) -> Any:
    async with asyncio.timeout(ANSWER_S):
        return await connect(*args, **named)


async def _log_in(api: Any, log_in: Any, token: str) -> Any:
    """The library's own lines are kept for 15 s. They can't be made before there is a loop."""
    api.connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S)
    return await log_in(token)
