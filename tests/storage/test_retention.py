"""What is too old is removed, by kind; what is needed or young stays."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import func, select

from bot.feedback import Hold, Phrasing, Ruling
from bot.handoff import Handoff
from bot.ids import AnswerId, EventId, FactId, LessonId, OutgoingId, first_id, new_id
from bot.outgoing import Notice
from bot.retention import Retention
from learning.scheduling import Scheduling
from storage.database import SqlStore
from storage.tables import AnswerRow, InboxRow, LessonRow, OutboxRow, TurnRow
from storage.unit_of_work import SqlUnit
from tests.storage.samples import NOW, PERSON, PLACE, after, answer, event, lesson, turn

DAY = 24 * 3600.0
LATER = NOW + timedelta(days=31)
EVERYTHING = Retention(messages_days=30, answers_days=30, withdrawn_days=30)


def fill(unit: SqlUnit) -> None:
    """Of each kind one that is old, and one that is young or still needed."""
    for name in ("done", "pending"):
        unit.inbox.add(event(name))
    unit.inbox.done(EventId("done"))
    for at in (NOW, after(20 * DAY)):
        sent = Notice(place=PLACE, text="x", id=OutgoingId(id_at(at)))
        unit.outbox.add(sent)
        unit.outbox.delivered(sent.id, None)
        unit.conversations.add(replace(turn("x"), at=at))
        unit.answers.add(replace(answer(), id=AnswerId(id_at(at))), PLACE, PERSON)
    unit.outbox.add(Notice(place=PLACE, text="waiting", id=OutgoingId(id_at(NOW))))
    unit.lessons.add(lesson("l1"))
    unit.lessons.add_phrasing(Phrasing(fact=lesson("l1").fact, text="How?", origin="l1"))
    unit.lessons.add(lesson("l2", fact="f2"))
    unit.lessons.withdraw(lesson("l2").id, NOW)


def id_at(at: datetime) -> str:
    return first_id(at)[:18] + new_id()[18:]


def counts(store: SqlStore) -> tuple[int, ...]:
    tables = (InboxRow, OutboxRow, TurnRow, AnswerRow, LessonRow)
    return store.run_sync(
        lambda unit: tuple(unit.session.exec(select(func.count()).select_from(table)).one() for table in tables)
    )


def test_what_is_old_goes_and_the_rest_stays(store: SqlStore) -> None:
    store.run_sync(fill)
    assert counts(store) == (2, 3, 2, 2, 2)
    removed = store.run_sync(lambda unit: EVERYTHING.purge(unit, LATER))
    assert removed == {"messages": 3, "answers": 1, "withdrawn lessons": 1}
    assert counts(store) == (1, 2, 1, 1, 1)


def test_what_waits_for_review_stays_and_what_was_dropped_is_remembered(store: SqlStore) -> None:
    def keep(unit: SqlUnit) -> None:
        for name in ("held", "dropped"):
            unit.lessons.add(lesson(name, fact=name))
            unit.lessons.add_phrasing(Phrasing(fact=FactId(name), text="How?", origin=name))
        unit.lessons.hold(LessonId("held"), Hold.NEWCOMER, NOW)
        unit.lessons.withdraw(LessonId("dropped"), NOW)
        unit.lessons.rule(LessonId("dropped"), Ruling.DROPPED, "slack:U1")

    store.run_sync(keep)
    store.run_sync(lambda unit: EVERYTHING.purge(unit, LATER))
    assert [each.id for each in store.run_sync(lambda unit: unit.lessons.all())] == ["dropped", "held"]
    assert len(store.run_sync(lambda unit: unit.lessons.phrasings())) == 2


def test_a_hand_off_goes_with_its_answer(store: SqlStore) -> None:
    def keep(unit: SqlUnit) -> None:
        for at in (NOW, after(20 * DAY)):
            of = AnswerId(id_at(at))
            unit.answers.add(replace(answer(), id=of), PLACE, PERSON)
            unit.handoffs.put(Handoff(answer=of, place=PLACE, question="How?", tried=(), summary="", opened_at=at))

    store.run_sync(keep)
    store.run_sync(lambda unit: EVERYTHING.purge(unit, LATER))
    assert len(store.run_sync(lambda unit: unit.handoffs.unsolved())) == 1


@pytest.mark.parametrize("now", [NOW + timedelta(days=30), LATER])
def test_nothing_goes_early_and_zero_means_for_ever(store: SqlStore, now: datetime) -> None:
    store.run_sync(fill)
    keeps = Retention() if now == LATER else EVERYTHING
    store.run_sync(lambda unit: keeps.purge(unit, now))
    assert counts(store) == (2, 3, 2, 2, 2)


async def test_the_scheduler_does_it_once_a_day(store: SqlStore) -> None:
    store.run_sync(fill)
    times = [NOW, NOW + timedelta(minutes=1), LATER]
    looks = Scheduling(store=store, clock=lambda: times[0], trigger=None, after_lessons=0, retention=EVERYTHING)
    seen = []
    while times:
        await looks.look()
        seen.append(counts(store)[3])
        times.pop(0)
    assert seen == [2, 2, 1]
