"""What goes ahead, what waits for its turn, and what becomes of what waits when the store is closed."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from functools import partial

import pytest

from bot.errors import DatabaseHeld
from storage import writer as storage_writer
from storage.writer import AHEAD, IN_TURN, MOST_TOGETHER, TURNS_BETWEEN, Writer


class Refused(Exception):
    """Stands for whatever work may raise."""


@dataclass
class Lock:
    """Somebody else's, which every piece of work needs."""

    is_held: bool = True
    tried: list[str] = field(default_factory=list)
    tries: dict[str, threading.Event] = field(default_factory=lambda: defaultdict(threading.Event))

    def work(self, name: str) -> str:
        self.tried.append(name)
        self.tries[name].set()
        if self.is_held:
            time.sleep(0.001)
            raise DatabaseHeld("held")
        return name


@pytest.fixture
def writer() -> Iterator[Writer]:
    writer = Writer("writer", lambda works: [work() for work in works])
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


def test_under_a_flood_of_what_goes_ahead_the_rest_has_its_share(writer: Writer, held: threading.Event) -> None:
    done: list[str] = []
    waiting = [writer.submit(partial(done.append, "in turn")) for _ in range(TURNS_BETWEEN + 2)]
    ahead = [writer.submit(partial(done.append, "ahead"), ahead=True) for _ in range(2 * MOST_TOGETHER + 1)]
    held.set()
    for each in (*waiting, *ahead):
        each.result()
    several = ["ahead"] * MOST_TOGETHER
    assert done == [*several, *["in turn"] * TURNS_BETWEEN, *several, *["in turn"] * 2, "ahead"]


def test_what_goes_ahead_together_fails_each_on_its_own(writer: Writer, held: threading.Event) -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number % 3 == 1:
            raise Refused(number)
        return number

    ahead = [writer.submit(partial(work, number), ahead=True) for number in range(5)]
    held.set()
    assert [each.exception() is None for each in ahead] == [True, False, True, True, False]
    assert [each.result() for each in ahead if each.exception() is None] == [0, 2, 3]
    assert begun == [0, 1, 0, 1, 2, 3, 4]  # nothing of the first attempt was kept


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


def test_what_goes_ahead_does_not_wait_for_what_waits_for_another_program(writer: Writer) -> None:
    lock = Lock()
    waiting = writer.submit(partial(lock.work, "in turn"))
    lock.tries["in turn"].wait()
    ahead = writer.submit(partial(lock.work, "ahead"), ahead=True)
    lock.tries["ahead"].wait()  # though the other one can't begin
    assert not waiting.done()
    lock.is_held = False
    assert (ahead.result(), waiting.result()) == ("ahead", "in turn")
    assert lock.tried.index("ahead") < len(lock.tried) - 1 - lock.tried[::-1].index("in turn")


def test_while_another_program_holds_it_the_order_is_kept(writer: Writer) -> None:
    lock = Lock()
    names = [str(number) for number in range(5)]
    waiting = [writer.submit(partial(lock.work, name)) for name in names]
    lock.tries["0"].wait()
    lock.is_held = False
    assert [each.result() for each in waiting] == names
    assert list(dict.fromkeys(lock.tried)) == names


def test_who_waits_hears_no_before_the_rest_gives_up(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_writer, "PATIENCE_S", {AHEAD: 0.02, IN_TURN: 60.0})
    lock = Lock()
    waiting = writer.submit(partial(lock.work, "in turn"))
    lock.tries["in turn"].wait()
    ahead = [writer.submit(partial(lock.work, f"ahead {number}"), ahead=True) for number in range(20)]
    for each in ahead:
        with pytest.raises(DatabaseHeld):
            each.result()
    assert not waiting.done()
    lock.is_held = False
    assert writer.submit(partial(lock.work, "later"), ahead=True).result() == "later"
    assert waiting.result() == "in turn"


def test_all_that_came_meanwhile_gives_up_together(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_writer, "PATIENCE_S", {AHEAD: 0.0, IN_TURN: 0.05})
    lock = Lock()
    waiting = [writer.submit(partial(lock.work, str(number))) for number in range(50)]
    for each in waiting:
        with pytest.raises(DatabaseHeld):
            each.result()
    assert len(set(lock.tried)) < len(waiting)  # not each with a patience of its own


def test_what_waited_for_our_own_work_has_its_patience_left(
    writer: Writer, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_writer, "PATIENCE_S", {AHEAD: 0.2, IN_TURN: 0.2})
    lock = Lock()
    waiting = writer.submit(partial(lock.work, "waited"))
    time.sleep(0.3)
    held.set()
    lock.tries["waited"].wait()
    lock.is_held = False
    assert waiting.result() == "waited"
