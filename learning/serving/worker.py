"""The thread that runs all models: from decoder to decoder, a turn each, as long as one of them has something to write.

Nearly always it is one: the base model that versions share. An adapter that had to be merged has its own.

Knows nothing of slots or event loops.
"""

import contextlib
import threading

import structlog
import torch

from bot.errors import EngineFailed
from learning.budget import MOST_THREADS, fastest_threads
from learning.serving.decoding import Decoder, Threads
from learning.serving.request import Request

log = structlog.get_logger()

STOPPED = "The engine has been stopped."
REST_WITHIN_S = 0.2
"""A step that takes longer, on a slow machine, isn't waited for."""


class Worker:
    """The thread that runs all models. It takes what comes, and waits while there is nothing to write."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._arrived: list[tuple[Decoder, Request]] = []
        self._is_closed = False
        self._rests, self._is_at_rest = 0, True
        """How many have asked for rest; whether nothing is being computed."""
        self._is_ready = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, decoder: Decoder) -> threading.Event:
        """Begin, once; the event tells when. How many processors are best is measured with the first decoder."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(decoder,), name="engine", daemon=True)
            self._thread.start()
        return self._is_ready

    def add(self, decoder: Decoder, request: Request) -> None:
        with self._news:
            is_closed = self._is_closed
            if not is_closed:
                self._arrived.append((decoder, request))
                self._news.notify_all()
        if is_closed:
            request.end(EngineFailed(STOPPED))

    def rest(self) -> None:
        """Begin no further step until `go_on`; returns when the one that has begun is over, or takes long."""
        with self._news:
            self._rests += 1
            self._news.wait_for(lambda: self._is_at_rest or self._is_closed, REST_WITHIN_S)

    def go_on(self) -> None:
        with self._news:
            self._rests -= 1
            self._news.notify_all()

    def close(self) -> None:
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self, first: Decoder) -> None:
        busy: list[Decoder] = []
        try:
            threads = _measured(first)
            self._is_ready.set()
            while self._take_arrived(busy):
                for decoder in busy:
                    self._turn(decoder, threads, is_alone=len(busy) == 1)
                busy[:] = [decoder for decoder in busy if not decoder.is_idle]
        finally:
            self._end(busy)

    def _end(self, busy: list[Decoder]) -> None:
        """Whatever ended the thread: nobody may wait for it any longer, nor come to it again."""
        with self._news:
            self._is_closed = True
            arrived, self._arrived = self._arrived, []
        self._is_ready.set()
        for decoder in busy:
            decoder.close(EngineFailed(STOPPED))
        for _, request in arrived:
            request.end(EngineFailed(STOPPED))

    def _take_arrived(self, busy: list[Decoder]) -> bool:
        """Hand new requests to their decoders, waiting for some when there is nothing else to do, or rest is wanted."""
        with self._news:
            while not self._is_closed and (self._rests or not (self._arrived or busy)):
                self._is_at_rest = True
                self._news.notify_all()
                self._news.wait()
            self._is_at_rest = False
            for decoder, request in self._arrived:
                decoder.add(request)
                if decoder not in busy:
                    busy.append(decoder)
            self._arrived.clear()
            return not self._is_closed

    @staticmethod
    def _turn(decoder: Decoder, threads: Threads, *, is_alone: bool) -> None:
        try:
            decoder.turn(threads, is_alone=is_alone)
        except Exception as problem:  # out of memory, above all: these texts are lost, the thread is not
            log.exception("writing failed")
            decoder.fail(EngineFailed(f"The engine failed: {type(problem).__name__}."))
            with contextlib.suppress(RuntimeError):  # a GPU that has failed says so at every call
                torch.cuda.empty_cache()


def _measured(decoder: Decoder) -> Threads:
    try:
        reading = fastest_threads(MOST_THREADS, decoder.rehearse_reading)
        writing = fastest_threads(MOST_THREADS, decoder.rehearse_writing)
        threads = Threads(reading, writing, fastest_threads(MOST_THREADS, decoder.rehearse_writing_wide))
    except Exception:  # out of memory, above all: whoever asks next is told
        log.exception("rehearsing failed")
        threads = Threads(MOST_THREADS, MOST_THREADS, MOST_THREADS)
    log.info(
        "engine measured",
        threads_reading=threads.reading,
        threads_writing=threads.writing,
        threads_writing_wide=threads.writing_wide,
    )
    return threads
