"""What nobody waits for is written between answers: it is broken off as soon as a question comes in, and begun again
when nothing is being answered any more. Knows nothing of what is written, or by whom.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class GivingWay:
    _answers: int = 0
    """Those that are being worked on."""
    _free: asyncio.Event = field(default_factory=asyncio.Event)
    _writing: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._free.set()

    @contextmanager
    def to_an_answer(self) -> Iterator[None]:
        """For as long as the block lasts, nothing else is written."""
        self._answers += 1
        self._free.clear()
        for task in self._writing:
            task.cancel()
        try:
            yield
        finally:
            self._answers -= 1
            if not self._answers:
                self._free.set()

    async def between_answers(self, write: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Write, as often as it takes until no answer comes between. Raises what `write` raises."""
        while True:
            await self._free.wait()
            task = asyncio.create_task(write())
            self._writing.add(task)
            try:
                await asyncio.wait([task])
            finally:
                self._writing.discard(task)
                task.cancel()
            if not task.cancelled():
                return task.result()
