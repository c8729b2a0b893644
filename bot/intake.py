"""The way in. An event is on disk before it is acknowledged, takes effect once, and is never dropped in silence."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakValueDictionary

from bot.events import Event
from bot.ids import EventId
from bot.outgoing import Outgoing
from bot.ports import Effect, Store, Unit
from bot.routing import Routing

MAX_ATTEMPTS = 3
SUSPECT_FROM = 2
"""An event that was tried so often may be what its processes died of: it is tried again alone, so that its neighbours
don't die with it until they are set aside, too."""
BACKOFF_S = 0.5
MOST_IN_WORK = 48
"""From here on a question is handed off as it is kept, which costs a fraction of looking for its answer: else those who
come later wait ever longer to hear that too many ask."""
SHED_EVERY_S = 0.25
"""Those that are handed off are kept together: one by one, they would come between the answers that are being written
at every moment."""

OnError = Callable[[Event, Exception], None]


@dataclass
class Intake:
    """Keeps events and works them off: in order within a conversation, side by side across conversations."""

    store: Store
    routing: Routing
    news: asyncio.Event
    """Set whenever there is something new to deliver."""
    on_error: OnError
    _tasks: dict[EventId, asyncio.Task[None]] = field(default_factory=dict)
    _coming: int = 0
    """How many are about to be kept, and not handed off at once."""
    _moment: asyncio.Future[None] | None = None
    """When the next are handed off."""
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def receive(self, event: Event, *, is_late: bool = False) -> bool:
        """Keep an event and start on it. Returns once it is on disk; False when it was known already.

        However much there is to answer, a platform waits only seconds until an event is acknowledged. `is_late`: it was
        found in a history, and is looked at however many there are.
        """
        is_full = not is_late and len(self._tasks) + self._coming >= MOST_IN_WORK
        is_full &= event.place.key not in self._turns  # there it is in order
        self._coming += not is_full
        try:
            if is_full:
                await self._next_moment()
            is_new, is_done = await self.store.run(partial(self._keep, event=event, is_full=is_full), ahead=True)
        finally:
            self._coming -= not is_full
        if is_done:
            self.news.set()
        elif is_new:
            self._start(event, is_counted=True)
        return is_new

    async def _next_moment(self) -> None:
        if self._moment is None or self._moment.done():
            self._moment = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(SHED_EVERY_S, self._moment.set_result, None)
        await asyncio.shield(self._moment)

    def _keep(self, unit: Unit, *, event: Event, is_full: bool) -> tuple[bool, bool]:
        """Whether it is new, and whether that was all."""
        if not unit.inbox.add(event):
            return False, False
        told = self.routing.shed(unit, event) if is_full else None
        if told is None:
            return True, False
        _close(unit, event, told)
        return True, True

    async def resume(self) -> int:
        """Start on what an earlier process, or a failing disk, left behind. Returns how many there were."""
        pending, suspects = await self.store.run(
            lambda unit: (unit.inbox.pending(), unit.inbox.pending_after(SUSPECT_FROM))
        )
        for event in pending:
            self._start(event, is_suspect=event.id in suspects)
        return len(pending)

    async def idle(self) -> None:
        """Wait until everything received so far has been worked off."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _start(self, event: Event, *, is_counted: bool = False, is_suspect: bool = False) -> None:
        if event.id not in self._tasks:
            work = self._work_off(event, is_counted, is_suspect)
            task = asyncio.create_task(work, name=f"event {event.id}")
            self._tasks[event.id] = task
            task.add_done_callback(lambda _: self._tasks.pop(event.id, None))

    async def _work_off(self, event: Event, is_counted: bool, is_suspect: bool) -> None:
        turn = self._turns.setdefault(event.place.key, asyncio.Lock())
        async with turn, self._alone if is_suspect else nullcontext():
            for attempt in range(1, MAX_ATTEMPTS + 2):
                try:
                    await self._try(event, is_counted and attempt == 1)
                    break
                except Exception as problem:  # whatever it is, the person in the channel must hear of it
                    self.on_error(event, problem)
                    await asyncio.sleep(BACKOFF_S * 2**attempt)
        self.news.set()

    async def _try(self, event: Event, is_counted: bool) -> None:
        """One attempt, counted before it begins, so that an event that kills the process is set aside too.

        The first one is counted when the event is kept: one transaction less before the answer.
        """
        attempts = 1 if is_counted else await self.store.run(lambda unit: unit.inbox.attempt(event.id))
        is_poison = attempts > MAX_ATTEMPTS
        effect = self.routing.broken(event) if is_poison else await self.routing(event)
        await self.store.run(lambda unit: _settle(unit, event, effect, parked=is_poison))


def _settle(unit: Unit, event: Event, effect: Effect, *, parked: bool) -> None:
    """All that an event changes, in one transaction: kill the process anywhere, and it happened once or not yet.

    Nothing, where the event was erased meanwhile with whoever asked to be forgotten: it would bring them back.
    """
    if unit.inbox.known([event.id]):
        _close(unit, event, effect(unit), parked=parked)


def _close(unit: Unit, event: Event, outgoing: Sequence[Outgoing], *, parked: bool = False) -> None:
    for each in outgoing:
        unit.outbox.add(each)
    unit.inbox.done(event.id, parked=parked)
