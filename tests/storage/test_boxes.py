"""Inbox and outbox: nothing twice, nothing lost, in the order in which it came."""

from bot.ids import AnswerId, EventId, OutgoingId, RunId
from bot.outgoing import AnswerPost, Notice, ProgressPost
from storage.database import SqlStore
from tests.storage.samples import PERSON, PLACE, answer, event, in_turn, ref


def notice(text: str) -> Notice:
    return Notice(place=PLACE, text=text, to=PERSON)


def test_an_event_is_kept_once(store: SqlStore) -> None:
    assert store.run_sync(lambda unit: unit.inbox.add(event("e1", "first")))
    assert not store.run_sync(lambda unit: unit.inbox.add(event("e1", "again")))
    assert store.run_sync(lambda unit: unit.inbox.pending()) == [event("e1", "first")]


def test_an_event_is_known_after_it_is_done(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.inbox.add(event("e1")))
    store.run_sync(lambda unit: unit.inbox.done(EventId("e1")))
    assert not store.run_sync(lambda unit: unit.inbox.add(event("e1")))
    assert store.run_sync(lambda unit: unit.inbox.pending()) == []


def test_pending_events_come_in_the_order_of_arrival(store: SqlStore) -> None:
    in_turn(store, lambda name, unit: unit.inbox.add(event(name)), ("z", "a", "m", "k"))
    store.run_sync(lambda unit: unit.inbox.done(EventId("m")))
    store.run_sync(lambda unit: unit.inbox.done(EventId("k"), parked=True))
    assert [e.id for e in store.run_sync(lambda unit: unit.inbox.pending())] == ["z", "a"]


def test_attempts_are_counted(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.inbox.add(event("e1")))
    counts = [store.run_sync(lambda unit: unit.inbox.attempt(EventId("e1"))) for _ in range(3)]
    assert counts == [2, 3, 4]  # the first was counted when it was kept


def test_the_outbox_keeps_order_until_delivery(store: SqlStore) -> None:
    first, second, third = notice("1"), notice("2"), notice("3")
    in_turn(store, lambda each, unit: unit.outbox.add(each), (first, second, third))
    store.run_sync(lambda unit: unit.outbox.delivered(second.id, None))
    assert store.run_sync(lambda unit: unit.outbox.undelivered()) == [first, third]


def test_a_failed_delivery_is_counted_and_at_last_given_up(store: SqlStore) -> None:
    sent = notice("1")
    store.run_sync(lambda unit: unit.outbox.add(sent))
    counts = [store.run_sync(lambda unit: unit.outbox.failed(sent.id, "DeliveryFailed: 503")) for _ in range(2)]
    assert counts == [1, 2]
    assert store.run_sync(lambda unit: unit.outbox.undelivered()) == [sent]
    store.run_sync(lambda unit: unit.outbox.park(sent.id, "DeliveryFailed: 503"))
    assert store.run_sync(lambda unit: unit.outbox.undelivered()) == []


def test_a_delivered_answer_is_found_by_its_message(store: SqlStore) -> None:
    given = answer()
    post = AnswerPost(place=PLACE, answer=given)
    store.run_sync(lambda unit: unit.answers.add(given, PLACE, PERSON))
    store.run_sync(lambda unit: unit.outbox.add(post))
    assert store.run_sync(lambda unit: unit.answers.at(ref("100.2"))) is None
    for _ in range(2):  # a crash after the platform took it: the delivery is marked again
        store.run_sync(lambda unit: unit.outbox.delivered(post.id, ref("100.2")))
    posted = store.run_sync(lambda unit: unit.answers.at(ref("100.2")))
    assert posted is not None
    assert (posted.answer, posted.place, posted.asker, posted.message) == (given, PLACE, PERSON, ref("100.2"))


def test_the_progress_post_of_a_run_is_found(store: SqlStore) -> None:
    post = ProgressPost(place=PLACE, run=RunId("r1"), text="0 %")
    store.run_sync(lambda unit: unit.outbox.add(post))
    assert store.run_sync(lambda unit: unit.outbox.message_of(RunId("r1"))) is None
    store.run_sync(lambda unit: unit.outbox.delivered(post.id, ref("100.3")))
    assert store.run_sync(lambda unit: unit.outbox.message_of(RunId("r1"))) == ref("100.3")
    assert store.run_sync(lambda unit: unit.outbox.message_of(RunId("r2"))) is None


def test_what_a_database_cannot_spell_does_not_lose_the_message(store: SqlStore) -> None:
    """A lone half of a character pair and a NUL come out of cut-off emoji and pasted files."""
    broken = "half \ud83d and nul \0 here"
    sent = Notice(place=PLACE, id=OutgoingId("o1"), text=broken)
    store.run_sync(lambda unit: unit.inbox.add(event("e1", broken)))
    store.run_sync(lambda unit: unit.outbox.add(sent))
    [kept] = store.run_sync(lambda unit: unit.inbox.pending())
    assert kept == event("e1", "half ? and nul \0 here")  # JSON can spell NUL
    assert store.run_sync(lambda unit: unit.outbox.failed(sent.id, broken)) == 1
    assert len(store.run_sync(lambda unit: unit.outbox.undelivered())) == 1


def test_an_answer_without_a_message_stays_unaddressed(store: SqlStore) -> None:
    given = answer()
    post = AnswerPost(place=PLACE, answer=given)
    store.run_sync(lambda unit: unit.answers.add(given, PLACE, PERSON))
    store.run_sync(lambda unit: unit.outbox.add(post))
    store.run_sync(lambda unit: unit.outbox.delivered(post.id, None))
    posted = store.run_sync(lambda unit: unit.answers.get(AnswerId(given.id)))
    assert posted is not None
    assert posted.message is None
