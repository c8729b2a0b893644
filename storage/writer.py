"""The one thread that works on the database, and what waits for it. Knows nothing of databases."""

import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
Job = Callable[[], None]

AHEAD, IN_TURN, LAST = range(3)


class Writer:
    """One piece of work at a time, in the order in which it came, but for what goes ahead of all that waits."""

    def __init__(self, name: str) -> None:
        self._waiting: queue.PriorityQueue[tuple[int, int, Job | None]] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._is_closed = False
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], T], *, ahead: bool = False) -> Future[T]:
        """Raises RuntimeError when it is closed."""
        future: Future[T] = Future()
        with self._closing:
            if self._is_closed:
                raise RuntimeError("The store is closed.")
            self._put(AHEAD if ahead else IN_TURN, lambda: _fulfil(future, work))
        return future

    def close(self) -> None:
        """Finish what waits, and stop."""
        with self._closing:
            if not self._is_closed:
                self._put(LAST, None)
            self._is_closed = True
        self._thread.join()

    def _put(self, rank: int, job: Job | None) -> None:
        self._waiting.put((rank, next(self._numbers), job))

    def _run(self) -> None:
        while (job := self._waiting.get()[2]) is not None:
            job()


def _fulfil(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as problem:  # it is the caller's, like the result
        future.set_exception(problem)
    else:
        future.set_result(result)
