"""Who may write, and with which version: swapped without a pause, pinned by each request, freed after its last one.

Knows nothing of what a version is made of. Those that were used last are kept, so that a rollback loads nothing.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Generic, Protocol, TypeVar

import structlog

from bot.errors import AdapterBroken, Busy, EngineFailed
from bot.ids import AdapterId

log = structlog.get_logger()

MAX_WAITING = 32
KEPT = 3  # the live one, the one before it, and one to compare with

Live = Callable[[], Awaitable[AdapterId | None]]


class Version(Protocol):
    @property
    def adapter(self) -> AdapterId | None: ...

    async def free(self) -> None: ...


V = TypeVar("V", bound=Version)


class Versions(Generic[V]):
    def __init__(
        self,
        live: Live,
        load: Callable[[AdapterId | None], Awaitable[V]],
        keep: int = KEPT,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """`live` tells which adapter is deployed now. `load` raises AdapterBroken for one that can't be used, and
        EngineFailed when it may work later. `max_waiting`: texts that may be asked for at once."""
        self._keep = keep
        self.max_waiting = max_waiting
        self._live = live
        self._load = load
        self._refused: AdapterId | None = None
        self._unfit: AdapterId | None = None
        self._loading = asyncio.Lock()
        self._users = Counter[V]()
        self._alive = 0
        self._live_version: V | None = None
        self.kept: list[V] = []  # by use, newest last

    @property
    def serving(self) -> AdapterId | None:
        """The adapter that the next request will begin with."""
        return self._live_version.adapter if self._live_version is not None else None

    async def refresh(self) -> None:
        """Make the deployed adapter the serving one. A broken one is refused: what served before goes on serving."""
        async with self._loading:
            wanted = await self._live()
            if self._live_version is not None and wanted == self.serving:
                self._refused = None  # should the refused one be promoted again, it gets another chance
            elif self._live_version is None or wanted is None or wanted != self._refused:
                await self._swap(wanted)

    async def prepare(self, adapter: AdapterId | None) -> None:
        """Have a version at hand beside the one that serves, so that it can be preferred; None: there is none to
        prepare. A broken one is refused, once."""
        if adapter in (None, self._unfit) or any(each.adapter == adapter for each in self.kept):
            return
        async with self._loading:
            try:
                await self._found(adapter)
            except AdapterBroken as problem:
                log.error("adapter refused", adapter=adapter, reason=str(problem))
                self._unfit = adapter

    @asynccontextmanager
    async def pinned(self, prefer: AdapterId | None = None) -> AsyncIterator[V]:
        """The preferred version if it is at hand, else the one that serves now; it stays whole for as long as the block
        lasts.

        Raises Busy when `max_waiting` texts are asked for already.
        """
        with self._counted():
            if self._live_version is None:
                await self.refresh()
            assert self._live_version is not None
            ready = (each for each in self.kept if prefer is not None and each.adapter == prefer)
            async with self._held(next(ready, self._live_version)) as version:
                yield version

    @asynccontextmanager
    async def pinned_to(self, adapter: AdapterId | None) -> AsyncIterator[V]:
        """Another version, whichever serves. Raises Busy, AdapterBroken, EngineFailed."""
        async with AsyncExitStack() as stack:
            stack.enter_context(self._counted())
            async with self._loading:
                version = await stack.enter_async_context(self._held(await self._found(adapter)))
            yield version

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._alive >= self.max_waiting:
            raise Busy(f"{self._alive} answers are being written already.")
        self._alive += 1
        try:
            yield
        finally:
            self._alive -= 1

    @asynccontextmanager
    async def _held(self, version: V) -> AsyncIterator[V]:
        self._users[version] += 1
        try:
            yield version
        finally:
            self._users[version] -= 1
            await self._free_if_unused(version)

    async def _swap(self, wanted: AdapterId | None) -> None:
        version = await self._usable(wanted)
        if version is not None:
            before, self._live_version = self._live_version, version
            log.info("adapter serving", adapter=version.adapter)
            if before is not None:
                await self._free_if_unused(before)

    async def _usable(self, wanted: AdapterId | None) -> V | None:
        """None when it can't be had and another one serves already."""
        try:
            version = await self._found(wanted)
            self._refused = None
            return version
        except AdapterBroken as problem:
            log.error("adapter refused", adapter=wanted, reason=str(problem))
            self._refused = wanted
        except EngineFailed as problem:
            if self._live_version is not None:
                raise
            log.warning("adapter can't be loaded yet", adapter=wanted, reason=str(problem))
        return None if self._live_version is not None else await self._found(None)

    async def _found(self, adapter: AdapterId | None) -> V:
        """A version that is kept, or loaded now; the one that was not used for longest makes room."""
        version = next((each for each in self.kept if each.adapter == adapter), None) or await self._load(adapter)
        by_use = [*(each for each in self.kept if each is not version), version]
        self.kept, dropped = by_use[-self._keep :], by_use[: -self._keep]
        for each in dropped:
            await self._free_if_unused(each)
        return version

    async def _free_if_unused(self, version: V) -> None:
        if version not in self.kept and version is not self._live_version and self._users[version] <= 0:
            del self._users[version]
            await version.free()
