"""What goes ahead, what waits for its turn, and what becomes of what waits when the store is closed."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from functools import partial

import pytest

from storage.writer import Writer


class Refused(Exception):
    """Stands for whatever work may raise."""


@pytest.fixture
def writer() -> Iterator[Writer]:
    writer = Writer("writer")
    yield writer
    writer.close()


@pytest.fixture
def held(writer: Writer) -> Iterator[threading.Event]:
    """Something that the writer works on until it is let go."""
    begun, let_go = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        let_go.wait()

    writer.submit(wait)
    begun.wait()
    yield let_go
    let_go.set()


def test_what_goes_ahead_waits_only_for_what_was_begun(writer: Writer, held: threading.Event) -> None:
    done: list[str] = []
    waiting = [writer.submit(partial(done.append, name)) for name in ("first", "second")]
    ahead = [writer.submit(partial(done.append, name), ahead=True) for name in ("ahead", "next ahead")]
    held.set()
    for each in (*waiting, *ahead):
        each.result()
    assert done == ["ahead", "next ahead", "first", "second"]


def test_an_exception_is_the_callers_and_the_next_one_is_worked_on(writer: Writer) -> None:
    def refuse() -> None:
        raise Refused

    with pytest.raises(Refused):
        writer.submit(refuse).result()
    assert writer.submit(lambda: "next").result() == "next"


def test_what_nobody_waits_for_any_more_is_not_begun(writer: Writer, held: threading.Event) -> None:
    done: list[str] = []
    given_up = writer.submit(lambda: done.append("given up"))
    assert given_up.cancel()
    held.set()
    writer.submit(lambda: None).result()
    with pytest.raises(CancelledError):
        given_up.result()
    assert done == []


def test_closing_finishes_what_waits_and_takes_nothing_more(writer: Writer, held: threading.Event) -> None:
    waiting = writer.submit(lambda: "done")
    threading.Timer(0.05, held.set).start()
    writer.close()
    assert waiting.result(0) == "done"
    with pytest.raises(RuntimeError, match="closed"):
        writer.submit(lambda: None)
    writer.close()
