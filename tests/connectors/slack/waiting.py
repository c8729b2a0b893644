"""Waiting for what happens in other programs: look until it is there, and say what was missing."""

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

WAIT_S = 15.0
LOOK_S = 0.02


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(look: Callable[[], T | None], what: str) -> T:
    """What `look` sees, once it sees anything."""
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                if seen := look():
                    return seen
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise AssertionError(f"waited {WAIT_S:.0f} s in vain for {what}") from None


async def is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def until_open(port: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            if await is_open(port):
                return
            await asyncio.sleep(LOOK_S)
