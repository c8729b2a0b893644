"""How soon a line to Discord that went dead is noticed, and how soon a new one is tried.

discord.py waits five minutes for an answer, a minute for a gateway that has fallen silent, half a minute for its
goodbye, and, where a network was away for long, a quarter of an hour before it tries again. It takes none of these as
an argument but one, so its classes are replaced; there is one Discord client in a process.
"""

import asyncio
import contextlib
from functools import partial
from typing import Any

import aiohttp
import discord
from discord import gateway, http, shard
from discord.backoff import ExponentialBackoff

ANSWER_S = 15.0
"""For a request, and for a gateway to let the bot in."""
SILENCE_S = 20.0
"""Without a word from the gateway, which answers every beat."""
BEAT_S = 9.0
"""Discord asks for a beat in 41 s at least: two of ours may be lost, and that would be noticed too late."""
GOODBYE_S = 2.0
LONGEST_PAUSE = 5
"""Between attempts that fail, as a power of two of seconds: the library's is 10. Each may cost one of the thousand
sessions that Discord grants a day."""


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
        self._max = LONGEST_PAUSE


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


async def _connect(connect: Any, *args: Any, **named: Any) -> Any:
    async with asyncio.timeout(ANSWER_S):
        return await connect(*args, **named)
