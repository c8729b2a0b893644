"""The one thread that works on the database, and what waits for it. Knows nothing of databases."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.errors import DatabaseHeld

T = TypeVar("T")

AHEAD, IN_TURN = range(2)
PATIENCE_S = {AHEAD: 1.5, IN_TURN: 10.0}
"""How long work is tried while another program holds the database. Somebody waits for what goes ahead: they hear no
rather than nothing, in less than the three seconds that a platform waits."""
MOST_IN_A_ROW = 2
"""Of what goes ahead, while something waits for its turn: else under a flood of events none would ever be answered."""


@dataclass
class _Job:
    rank: int
    work: Callable[[], Any]
    future: Future[Any]
    submitted_at: float
    was_tried: bool = False


@dataclass(frozen=True)
class _Holding:
    """The database is another program's."""

    since: float
    seen_at: float
    """When something could not begin for the last time."""
    problem: DatabaseHeld


class Writer:
    """One piece of work at a time, in the order in which it came, but for what goes ahead of all that waits.

    Work that couldn't begin, since another program holds the database (it raises DatabaseHeld, and soon), goes back to
    where it was, so that what has to go ahead needn't wait for the patience of what was before it.
    """

    def __init__(self, name: str) -> None:
        self._waiting: dict[int, deque[_Job]] = {AHEAD: deque(), IN_TURN: deque()}
        self._in_a_row = 0
        self._is_closed = False
        self._news = threading.Condition()
        self._held: _Holding | None = None
        """None when it could be used the last time."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], T], *, ahead: bool = False) -> Future[T]:
        """Raises RuntimeError when it is closed; the future DatabaseHeld, when its patience is over."""
        future: Future[T] = Future()
        rank = AHEAD if ahead else IN_TURN
        with self._news:
            if self._is_closed:
                raise RuntimeError("The store is closed.")
            self._waiting[rank].append(_Job(rank, work, future, time.monotonic()))
            self._news.notify()
        return future

    def close(self) -> None:
        """Finish what waits, and stop."""
        with self._news:
            self._is_closed = True
            self._news.notify()
        self._thread.join()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            if job.was_tried or job.future.set_running_or_notify_cancel():
                job.was_tried = True
                self._work_on(job)

    def _next(self) -> _Job | None:
        """None when it is closed, and nothing waits any more."""
        ahead, in_turn = self._waiting[AHEAD], self._waiting[IN_TURN]
        with self._news:
            self._news.wait_for(lambda: ahead or in_turn or self._is_closed)
            if ahead and (self._in_a_row < MOST_IN_A_ROW or not in_turn):
                self._in_a_row += 1
                return ahead.popleft()
            self._in_a_row = 0
            return in_turn.popleft() if in_turn else None

    def _back(self, job: _Job) -> None:
        with self._news:
            self._waiting[job.rank].appendleft(job)

    def _work_on(self, job: _Job) -> None:
        held = self._held
        if held is not None and held.seen_at >= max(job.submitted_at, held.since) + PATIENCE_S[job.rank]:
            # All that came meanwhile gives up at once, not one after the other; but what waited for our own work
            # before that has its whole patience left for others'.
            job.future.set_exception(held.problem)
            return
        began = time.monotonic()
        try:
            result = job.work()
        except DatabaseHeld as problem:
            self._held = _Holding(held.since if held is not None else began, time.monotonic(), problem)
            self._back(job)
        except BaseException as problem:  # it is the caller's, like the result
            self._held = None
            job.future.set_exception(problem)
        else:
            self._held = None
            job.future.set_result(result)
