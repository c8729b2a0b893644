"""Waiting for what happens elsewhere: look until it is there, and say what was missing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 150.0
"""A training on a busy machine takes its time."""
LOOK_S = 0.05


async def eventually(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """What `look` sees, once it sees anything."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if seen := await look():
                    return seen
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise AssertionError(f"waited {PATIENCE_S:.0f} s in vain for {what}") from None


async def until(look: Callable[[], T | None], what: str) -> T:
    """The same for what can be seen at once."""

    async def see() -> T | None:
        return look()

    return await eventually(see, what)
