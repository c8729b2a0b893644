"""One unit of work is kept whole or not at all, also when several processes write at once."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from bot.ids import EventId
from bot.outgoing import AnswerPost
from bot.ports import Unit
from storage.database import SqlStore
from tests.storage.samples import PERSON, PLACE, answer, event, lesson, run, turn

PROJECT = Path(__file__).parents[2]
WRITERS = 3
UNITS_EACH = 25

WRITER = f"""
import sys
from storage.database import SqlStore
from tests.storage.samples import event, lesson

store = SqlStore(sys.argv[1])
store.migrate()
print("ready", flush=True)
sys.stdin.readline()
for i in range({UNITS_EACH}):
    name = f"{{sys.argv[2]}}-{{i}}"
    store.run_sync(lambda unit: (unit.inbox.add(event(name)), unit.lessons.add(lesson(name))))
    store.run_sync(lambda unit: unit.inbox.add(event(f"shared-{{i}}")))
store.close()
"""


class PowerCut(Exception):
    """Stands for whatever ends a unit of work in the middle."""


def settle(unit: Unit) -> None:
    """All that an answered question changes."""
    given = answer()
    unit.conversations.add(turn("How do I reset it?"))
    unit.answers.add(given, PLACE, PERSON)
    unit.outbox.add(AnswerPost(place=PLACE, answer=given))
    unit.lessons.add(lesson("l1"))
    unit.inbox.done(EventId("e1"))


def seen(unit: Unit) -> tuple[int, ...]:
    kept = (
        unit.inbox.pending(), unit.conversations.of(PLACE), unit.outbox.undelivered(), unit.lessons.all(),
        unit.answers.count_by_kind(),
    )  # fmt: skip
    return (*map(len, kept), unit.revision())


def test_an_exception_in_the_middle_leaves_nothing_behind(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.inbox.add(event("e1")))

    def cut(unit: Unit) -> None:
        settle(unit)
        raise PowerCut

    with pytest.raises(PowerCut):
        store.run_sync(cut)
    assert store.run_sync(seen) == (1, 0, 0, 0, 0, 0)
    store.run_sync(settle)
    assert store.run_sync(seen) == (0, 1, 1, 1, 1, 1)


async def test_of_several_that_go_ahead_together_one_that_fails_takes_none_along(store: SqlStore) -> None:
    held = threading.Event()
    waiting = asyncio.create_task(store.run(lambda _: held.wait()))
    await asyncio.sleep(0)

    def cut(unit: Unit) -> bool:
        unit.inbox.add(event("cut"))
        raise PowerCut

    def keep(unit: Unit, name: str) -> bool:
        return unit.inbox.add(event(name))

    async def ahead(work: Callable[[Unit], bool]) -> bool:
        return await store.run(work, ahead=True)

    works = (partial(keep, name="e1"), partial(keep, name="e2"), cut, partial(keep, name="e3"))
    first, second, failing, third = (asyncio.create_task(ahead(work)) for work in works)
    await asyncio.sleep(0)
    held.set()
    with pytest.raises(PowerCut):
        await failing
    assert [await each for each in (waiting, first, second, third)] == [True] * 4
    assert [each.id for each in await store.run(lambda unit: unit.inbox.pending())] == ["e1", "e2", "e3"]


async def test_run_works_off_the_loop_returns_the_result_and_lets_exceptions_through(store: SqlStore) -> None:
    def thread(_: Unit) -> int:
        return threading.get_ident()

    def cut(_: Unit) -> None:
        raise PowerCut("told")

    first = await store.run(thread)
    assert first != threading.get_ident()
    assert await store.run(thread) == first
    with pytest.raises(PowerCut, match="told"):
        await store.run(cut)


def test_what_was_committed_is_there_after_reopening(url: str) -> None:
    first = SqlStore(url)
    first.migrate()
    first.run_sync(lambda unit: unit.inbox.add(event("e1")))
    first.close()
    second = SqlStore(url)
    second.migrate()
    assert second.run_sync(lambda unit: unit.inbox.pending()) == [event("e1")]
    second.close()


def test_a_database_error_does_not_quote_what_people_wrote(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.lessons.add(lesson("l1")))
    with pytest.raises(DBAPIError) as raised:
        store.run_sync(lambda unit: unit.lessons.add(lesson("l1")))
    assert lesson("l1").answer not in str(raised.value)
    assert lesson("l1").author_name not in str(raised.value)


def test_two_stores_wait_for_each_other(url: str) -> None:
    """The second may not even look before the first has finished: both would otherwise take the same run."""
    first, second = SqlStore(url), SqlStore(url)
    first.migrate()
    inside, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def slow(unit: Unit) -> None:
        unit.runs.latest()  # the first look takes the lock
        inside.set()
        go_on.wait(5)
        unit.runs.request(run("r1"))
        order.append("first")

    def quick(unit: Unit) -> int:
        found = len(unit.runs.latest())
        order.append("second")
        return found

    writer = threading.Thread(target=first.run_sync, args=(slow,))
    writer.start()
    assert inside.wait(5)
    found: list[int] = []
    reader = threading.Thread(target=lambda: found.append(second.run_sync(quick)))
    reader.start()
    reader.join(0.2)  # long enough for a store that doesn't wait to show it
    go_on.set()
    writer.join()
    reader.join()
    first.close()
    second.close()
    assert order == ["first", "second"]
    assert found == [1]


def start_writer(url: str, name: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", WRITER, url, name]
    return subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_processes_that_write_at_once_lose_nothing(url: str) -> None:
    """They open an empty database at the same time, too: one of them migrates it."""
    writers = [start_writer(url, f"w{i}") for i in range(WRITERS)]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        ends = [writer.communicate(timeout=60) for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    assert [(writer.returncode, err) for writer, (_, err) in zip(writers, ends, strict=True)] == [(0, "")] * WRITERS
    store = SqlStore(url)
    assert store.run_sync(lambda unit: len(unit.inbox.pending())) == WRITERS * UNITS_EACH + UNITS_EACH
    assert store.run_sync(lambda unit: len(unit.lessons.all())) == WRITERS * UNITS_EACH
    assert store.run_sync(lambda unit: unit.revision()) == WRITERS * UNITS_EACH
    store.close()
