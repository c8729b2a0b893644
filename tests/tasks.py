"""What runs beside a test, and ends with it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Do it for as long as the block lasts. Where it breaks by itself, the end of the block does, too."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await end(task)


async def end(task: asyncio.Task[Any]) -> None:
    """Cancel it, and wait until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
