"""The one thread that works on the database, and what waits for it. Knows nothing of databases."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.errors import DatabaseHeld

T = TypeVar("T")

AHEAD, IN_TURN = range(2)
PATIENCE_S = {AHEAD: 1.5, IN_TURN: 10.0}
"""How long work is tried while another program holds the database. Somebody waits for what goes ahead: they hear no
rather than nothing, in less than the three seconds that a platform waits."""
MOST_TOGETHER = 64
"""Of what goes ahead, in one piece: to begin and to commit costs about as much as what most of it does between."""
TURNS_BETWEEN = 8
"""Of what waits for its turn, before more goes ahead: else under a flood of events none would ever be answered."""

Together = Callable[[Sequence[Callable[..., Any]]], Sequence[Any]]
"""Does all of it or nothing; the results."""


@dataclass
class _Job:
    rank: int
    work: Callable[[], Any]
    future: Future[Any]
    submitted_at: float
    was_tried: bool = False
    is_alone: bool = False
    """It was among several of which one failed."""


@dataclass(frozen=True)
class _Holding:
    """The database is another program's."""

    since: float
    seen_at: float
    """When something could not begin for the last time."""
    problem: DatabaseHeld


class Writer:
    """One piece of work at a time, in the order in which it came, but for what goes ahead of all that waits: several of
    that are one piece. Where one of them fails nothing was done, and each is begun anew on its own.

    Work that couldn't begin, since another program holds the database (it raises DatabaseHeld, and soon), goes back to
    where it was, so that what has to go ahead needn't wait for the patience of what was before it.
    """

    def __init__(self, name: str, together: Together) -> None:
        self._together = together
        self._waiting: dict[int, deque[_Job]] = {AHEAD: deque(), IN_TURN: deque()}
        self._turns = 0
        """How many are due before more goes ahead."""
        self._is_closed = False
        self._news = threading.Condition()
        self._held: _Holding | None = None
        """None when it could be used the last time."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[..., T], *, ahead: bool = False) -> Future[T]:
        """What goes ahead is done by `together`, what waits for its turn is called.

        Raises RuntimeError when it is closed; the future DatabaseHeld, when its patience is over.
        """
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
        while jobs := self._next():
            if begun := [job for job in jobs if self._may_begin(job)]:
                self._work_on(begun)

    def _next(self) -> list[_Job]:
        """Several only of what goes ahead; none when it is closed, and nothing waits any more."""
        ahead, in_turn = self._waiting[AHEAD], self._waiting[IN_TURN]
        with self._news:
            self._news.wait_for(lambda: ahead or in_turn or self._is_closed)
            if in_turn and (self._turns > 0 or not ahead):
                self._turns -= 1
                return [in_turn.popleft()]
            self._turns = TURNS_BETWEEN
            most = 1 if ahead and ahead[0].is_alone else min(MOST_TOGETHER, len(ahead))
            return [ahead.popleft() for _ in range(most)]

    def _may_begin(self, job: _Job) -> bool:
        """Unless nobody waits for it any more, or its patience is over."""
        held = self._held
        if not job.was_tried and not job.future.set_running_or_notify_cancel():
            return False
        job.was_tried = True
        is_over = held is not None and held.seen_at >= max(job.submitted_at, held.since) + PATIENCE_S[job.rank]
        if held is not None and is_over:
            # All that came meanwhile gives up at once, not one after the other; but what waited for our own work
            # before that has its whole patience left for others'.
            job.future.set_exception(held.problem)
        return not is_over

    def _work_on(self, jobs: Sequence[_Job]) -> None:
        """All of one rank."""
        held, began = self._held, time.monotonic()
        try:
            works = [job.work for job in jobs]
            results = self._together(works) if jobs[0].rank == AHEAD else [works[0]()]
        except DatabaseHeld as problem:
            self._held = _Holding(held.since if held is not None else began, time.monotonic(), problem)
            self._turns = min(self._turns, 1)  # each try takes a while, and who waits shall hear soon
            self._back(jobs)
        except BaseException as problem:  # it is the caller's, like the result
            self._held = None
            self._failed(jobs, problem)
        else:
            self._held = None
            for job, result in zip(jobs, results, strict=True):
                job.future.set_result(result)

    def _failed(self, jobs: Sequence[_Job], problem: BaseException) -> None:
        if len(jobs) == 1:
            jobs[0].future.set_exception(problem)
            return
        for job in jobs:
            job.is_alone = True
        self._back(jobs)

    def _back(self, jobs: Sequence[_Job]) -> None:
        with self._news:
            self._waiting[jobs[0].rank].extendleft(reversed(jobs))
