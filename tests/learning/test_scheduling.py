"""When a retraining is requested: once for each due time, whichever process looks, and whatever happened before."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import learning.scheduling
from bot.errors import SettingError
from bot.feedback import LessonSource
from bot.ids import AdapterId, LessonId, RunId
from bot.lineage import Decision, Deployment, Move, Report, Run
from bot.ports import Unit
from learning.scheduling import BY_SCHEDULE, EPOCH, Scheduling, parse_schedule
from storage.database import SqlStore
from tests.databases import open_store
from tests.learning.samples import keep, lesson

MIDNIGHT = datetime(2026, 11, 2, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def at(self, hour: int, minute: int = 0, *, day: int = 2) -> None:
        self.now = MIDNIGHT.replace(day=day, hour=hour, minute=minute)


@pytest.fixture
def neighbour(tmp_path: Path, store: SqlStore) -> Iterator[SqlStore]:
    """Another process's view of the same database."""
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock(MIDNIGHT)


def scheduling(store: SqlStore, clock: Clock, schedule: str = "", after_lessons: int = 0) -> Scheduling:
    return Scheduling(store=store, clock=clock, trigger=parse_schedule(schedule), after_lessons=after_lessons)


def requested(store: SqlStore) -> list[Run]:
    """All runs, oldest first."""
    return list(store.run_sync(lambda unit: unit.runs.latest(100)))[::-1]


def finish(store: SqlStore, clock: Clock, decision: Decision = Decision.REJECTED) -> None:
    """Close the open run, whatever it was requested for."""

    def close(unit: Unit) -> None:
        run = unit.runs.claim("trainer", clock(), 60)
        assert run is not None
        report = Report(decision=decision, reasons=(), adapter=None, lessons=0, evaluation=None, seconds=1.0)
        assert unit.runs.finish(run.id, "trainer", report)

    store.run_sync(close)


@pytest.mark.parametrize(
    ("text", "seconds"), [("every 30m", 1800), ("every 6h", 21_600), ("every 2d", 172_800), ("  every   1m ", 60)]
)
def test_intervals_fire_at_the_same_times_in_every_process(text: str, seconds: int) -> None:
    trigger = parse_schedule(text)
    assert trigger is not None
    fire = trigger.get_next_fire_time(None, MIDNIGHT + timedelta(minutes=7))
    assert fire is not None
    assert (fire - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds() % seconds == 0
    following = trigger.get_next_fire_time(fire, fire)
    assert following == fire + timedelta(seconds=seconds)


def test_a_cron_line_is_in_utc() -> None:
    trigger = parse_schedule("30 2 * * *")
    assert trigger is not None
    berlin_springs_forward = datetime(2026, 3, 29, tzinfo=UTC)  # 02:30 does not exist there that day
    assert trigger.get_next_fire_time(None, berlin_springs_forward) == berlin_springs_forward.replace(hour=2, minute=30)


NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
Part = tuple[str, set[int]]
"""A part of the field, and the days that it means; 0 is Sunday."""


def days(first: int, last: int, step: int) -> Part:
    return f"{first}-{last}/{step}", {day % 7 for day in range(first, last + 1, step)}


DAYS = st.integers(0, 7)
PARTS = st.one_of(
    DAYS.map(lambda day: (str(day), {day % 7})),
    st.tuples(DAYS, DAYS).map(lambda ends: (f"{min(ends)}-{max(ends)}", days(min(ends), max(ends), 1)[1])),
    st.tuples(DAYS, DAYS, st.integers(1, 7)).map(lambda of: days(min(of[:2]), max(of[:2]), of[2])),
    st.sampled_from(NAMES).map(lambda name: (name, {NAMES.index(name)})),
)


@given(st.lists(PARTS, min_size=1, max_size=3))
def test_weekdays_are_crons_where_sunday_is_0_and_7(parts: list[Part]) -> None:
    trigger = parse_schedule(f"0 3 * * {','.join(text for text, _ in parts)}")
    assert trigger is not None
    wanted = {day for _, meant in parts for day in meant}
    found, fire = set(), trigger.get_next_fire_time(None, MIDNIGHT)
    for _ in range(7):
        assert fire is not None
        found.add(fire.isoweekday() % 7)
        fire = trigger.get_next_fire_time(fire, fire)
    assert found == wanted


def test_no_schedule_is_none() -> None:
    assert parse_schedule("") is None
    assert parse_schedule("   ") is None


@pytest.mark.parametrize(
    "text",
    [
        "nightly", "every", "every day", "every 6", "every h", "every 0h", "every -5m", "every 6 h", "every 5s",
        "every 999999999999d", "61 * * * *", "* * * *", "* * * * * *", "0 25 * * *",
        "0 3 * * 8", "0 3 * * 5-2", "0 3 * * 1-", "0 3 * * 1/0",
    ],
)  # fmt: skip
def test_a_bad_schedule_is_refused_with_the_setting_its_value_and_an_example(text: str) -> None:
    with pytest.raises(SettingError) as refused:
        parse_schedule(text)
    assert "MENTEE_RETRAIN_SCHEDULE" in str(refused.value)
    assert repr(text) in str(refused.value)
    assert "every 6h" in str(refused.value)


@pytest.mark.parametrize("schedule", ["0 3 * * *", "every 1d"])
async def test_two_processes_request_a_due_time_once(
    store: SqlStore, neighbour: SqlStore, clock: Clock, schedule: str
) -> None:
    one, other = scheduling(store, clock, schedule), scheduling(neighbour, clock, schedule)
    await asyncio.gather(one.look(), other.look())
    assert requested(store) == []
    clock.at(4, day=3)
    await asyncio.gather(one.look(), other.look(), one.look(), other.look())
    (run,) = requested(store)
    assert run.slot.startswith("schedule:2026-11-03T0")
    assert (run.requested_by, run.requested_at, run.place) == (BY_SCHEDULE, clock(), None)
    finish(store, clock)
    clock.at(5, day=3)
    await asyncio.gather(one.look(), other.look())
    assert len(requested(store)) == 1


async def test_processes_that_started_at_different_times_agree_on_an_interval(
    store: SqlStore, neighbour: SqlStore, clock: Clock
) -> None:
    early = scheduling(store, clock, "every 6h")
    await early.look()
    clock.at(2, 30)
    late = scheduling(neighbour, clock, "every 6h")
    for hour in range(3, 24):
        clock.at(hour, 15)
        await early.look()
        await late.look()
        with contextlib.suppress(AssertionError):
            finish(store, clock)
    assert [run.slot[-14:-9] for run in requested(store)] == ["06:00", "12:00", "18:00"]


async def test_a_first_start_owes_nothing(store: SqlStore, clock: Clock) -> None:
    clock.at(12)
    await scheduling(store, clock, "0 3 * * *").look()
    assert requested(store) == []


async def test_what_fell_due_while_nothing_ran_is_made_up_for_once(store: SqlStore, clock: Clock) -> None:
    await scheduling(store, clock, "0 * * * *").look()
    clock.at(7, 20, day=4)
    for _ in range(3):
        await scheduling(store, clock, "0 * * * *").look()  # restarted again and again
    (run,) = requested(store)
    assert run.slot == "schedule:2026-11-04T07:00:00+00:00"


async def test_a_due_time_during_another_run_is_made_up_for_after_it(store: SqlStore, clock: Clock) -> None:
    due = scheduling(store, clock, "0 3 * * *")
    await due.look()
    by_hand = Run(id=RunId("by hand"), slot="by hand", requested_by="slack:U1", requested_at=clock())
    store.run_sync(lambda unit: unit.runs.request(by_hand))
    clock.at(3, 30)
    await due.look()
    assert requested(store) == [by_hand]
    finish(store, clock)
    await due.look()
    assert [run.slot for run in requested(store)] == ["by hand", "schedule:2026-11-02T03:00:00+00:00"]


async def test_a_due_time_during_a_trial_is_made_up_for_after_it(store: SqlStore, clock: Clock) -> None:
    due = scheduling(store, clock, "0 3 * * *")
    await due.look()
    trial = Deployment(Move.TRIAL, AdapterId("a"), "x", clock(), share=0.1)
    store.run_sync(lambda unit: unit.adapters.deploy(trial))
    clock.at(3, 30)
    await due.look()
    assert requested(store) == []
    store.run_sync(lambda unit: unit.adapters.deploy(Deployment(Move.PROMOTE, AdapterId("a"), "x", clock())))
    await due.look()
    assert [run.slot for run in requested(store)] == ["schedule:2026-11-02T03:00:00+00:00"]


async def test_a_clock_that_is_set_back_requests_nothing_twice(store: SqlStore, clock: Clock) -> None:
    due = scheduling(store, clock, "0 3 * * *")
    await due.look()
    for hour in (4, 2, 4):
        clock.at(hour)
        await due.look()
        with contextlib.suppress(AssertionError):
            finish(store, clock)
    assert len(requested(store)) == 1


class Through(Exception):
    pass


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
async def test_each_due_time_is_requested_once_on_days_when_clocks_change_and_while_one_goes_astray(
    store: SqlStore, clock: Clock, monkeypatch: pytest.MonkeyPatch, day: datetime
) -> None:
    """A day on which Berlin's clocks change; hours in which this one jumps by a day; some more when it is right."""
    right = [day + timedelta(minutes=20 * look) for look in range(3 * 36)]
    times = iter([at + timedelta(days=look % 3 - 1) if 72 < look < 90 else at for look, at in enumerate(right)])

    async def pause(_: float) -> None:
        with contextlib.suppress(AssertionError):
            finish(store, clock)
        clock.now = next(times, EPOCH)
        if clock.now == EPOCH:
            raise Through

    monkeypatch.setattr(learning.scheduling, "asyncio", SimpleNamespace(sleep=pause))
    clock.now = day
    with pytest.raises(Through):
        await scheduling(store, clock, "0 * * * *").run()
    slots = [datetime.fromisoformat(run.slot.partition(":")[2]) for run in requested(store)]
    assert slots[:24] == [day + timedelta(hours=hour) for hour in range(1, 25)]
    assert len(slots) == len(set(slots))
    assert slots[-5:] == [day + timedelta(hours=hour) for hour in range(31, 36)]


async def test_a_schedule_that_never_fires_requests_nothing(store: SqlStore, clock: Clock) -> None:
    never = scheduling(store, clock, "0 0 30 2 *")
    await never.look()
    clock.at(0, day=20)
    await never.look()
    assert requested(store) == []


# --- after so many lessons --------------------------------------------------------------------------------------


def teach(store: SqlStore, clock: Clock, *numbers: int, source: LessonSource = LessonSource.CORRECTION) -> None:
    clock.now += timedelta(minutes=1)
    taught = [replace(lesson(number, source=source), taught_at=clock()) for number in numbers]
    store.run_sync(lambda unit: keep(unit, *taught))
    clock.now += timedelta(minutes=1)


async def test_enough_lessons_request_one_run_in_two_processes(
    store: SqlStore, neighbour: SqlStore, clock: Clock
) -> None:
    one, other = (scheduling(each, clock, after_lessons=5) for each in (store, neighbour))
    teach(store, clock, 0, 1, 2, 3)
    await asyncio.gather(one.look(), other.look())
    assert requested(store) == []
    teach(store, clock, 4)
    await asyncio.gather(one.look(), other.look(), one.look(), other.look())
    (run,) = requested(store)
    assert run.slot.startswith("lessons:")


@pytest.mark.parametrize("decision", list(Decision))
async def test_however_a_run_ends_the_next_one_waits_for_as_many_lessons_again(
    store: SqlStore, clock: Clock, decision: Decision
) -> None:
    due = scheduling(store, clock, after_lessons=5)
    teach(store, clock, *range(9))
    await due.look()
    finish(store, clock, decision)
    await due.look()
    teach(store, clock, *range(10, 14))
    await due.look()
    assert len(requested(store)) == 1
    teach(store, clock, 20)
    await due.look()
    assert len(requested(store)) == 2


async def test_corrections_of_what_is_known_count_as_lessons(store: SqlStore, clock: Clock) -> None:
    due = scheduling(store, clock, after_lessons=3)
    teach(store, clock, 1, 2, 3)
    await due.look()
    finish(store, clock)
    clock.now += timedelta(minutes=1)
    corrected = [replace(lesson(n), id=LessonId(f"{n} again"), answer="Better.", taught_at=clock()) for n in (1, 2, 3)]
    store.run_sync(lambda unit: keep(unit, *corrected))
    await due.look()
    assert len(requested(store)) == 2


@pytest.mark.parametrize("source", [LessonSource.FAQ, LessonSource.APPROVAL])
async def test_what_nobody_submitted_as_a_lesson_requests_nothing(
    store: SqlStore, clock: Clock, source: LessonSource
) -> None:
    teach(store, clock, *range(10), source=source)
    await scheduling(store, clock, after_lessons=3).look()
    assert requested(store) == []


async def test_withdrawn_lessons_request_nothing(store: SqlStore, clock: Clock) -> None:
    teach(store, clock, 1, 2, 3)
    store.run_sync(lambda unit: unit.lessons.withdraw(lesson(2).id, clock()))
    await scheduling(store, clock, after_lessons=3).look()
    assert requested(store) == []


async def test_zero_means_never(store: SqlStore, clock: Clock) -> None:
    teach(store, clock, *range(30))
    await scheduling(store, clock, after_lessons=0).look()
    assert requested(store) == []


async def test_a_start_looks_at_once(store: SqlStore, clock: Clock) -> None:
    teach(store, clock, 1, 2, 3)
    looked, loop = asyncio.Event(), asyncio.get_running_loop()

    def note_and_tell() -> datetime:
        loop.call_soon_threadsafe(looked.set)  # the clock is read in the store's thread
        return clock()

    running = asyncio.create_task(replace(scheduling(store, clock, after_lessons=3), clock=note_and_tell).run())
    await looked.wait()
    assert len(await store.run(lambda unit: unit.runs.latest())) == 1  # behind the look in the same thread
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
