"""Inbox and outbox: nothing twice, nothing lost, in the order in which it came."""

from dataclasses import replace
from datetime import timedelta

from bot.events import Event, MessageDeleted, MessageEdited, Place, Reacted
from bot.handoff import Handoff
from bot.history import Watermark
from bot.ids import AnswerId, EventId, OutgoingId, RunId
from bot.outgoing import AnswerPost, Notice, ProgressPost
from bot.people import Platform
from storage.database import SqlStore
from tests.storage.samples import NOW, PERSON, PLACE, answer, event, in_turn, ref


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


def reacted(id: str, *, added: bool, emoji: str = "x") -> Reacted:
    return Reacted(
        id=EventId(id), place=PLACE, person=PERSON, at=NOW, message=ref("100.2"), emoji=emoji, added=added
    )  # fmt: skip


def test_of_a_reaction_only_a_change_of_state_is_news(store: SqlStore) -> None:
    states = [("r1", True), ("r2", True), ("r3", False), ("r4", False), ("r5", True)]
    taken: list[bool] = []
    in_turn(store, lambda each, unit: taken.append(unit.inbox.add(reacted(each[0], added=each[1]))), states)
    assert taken == [True, False, True, False, True]
    assert store.run_sync(lambda unit: unit.inbox.add(reacted("r6", added=True, emoji="tick")))
    heard = store.run_sync(lambda unit: unit.inbox.reactions([ref("100.2"), ref("100.3")]))
    assert {key: [each.id for each in found] for key, found in heard.items()} == {
        ref("100.2").key: ["r1", "r3", "r5", "r6"]
    }


def test_a_reaction_that_was_no_news_is_none_when_it_comes_again(store: SqlStore) -> None:
    states = [("r1", False), ("r2", True), ("r1", False), ("r3", True), ("r4", False), ("r3", True)]
    taken: list[bool] = []
    in_turn(store, lambda each, unit: taken.append(unit.inbox.add(reacted(each[0], added=each[1]))), states)
    assert taken == [True, True, False, False, True, False]
    assert store.run_sync(lambda unit: [each.id for each in unit.inbox.pending()]) == ["r1", "r2", "r4"]


def test_what_becomes_of_a_message_is_known_in_the_order_of_arrival(store: SqlStore) -> None:
    gone = MessageDeleted(id=EventId("d1"), place=PLACE, person=PERSON, at=NOW, message=ref("100.2"))
    edit = MessageEdited(
        id=EventId("m1"), place=PLACE, person=PERSON, at=NOW, message=ref("100.2"), text="Now", posted_at=NOW
    )  # fmt: skip
    heard: list[Event] = [gone, reacted("r1", added=True), edit, replace(gone, id=EventId("d2"), message=ref("100.3"))]
    in_turn(store, lambda each, unit: unit.inbox.add(each), heard)
    assert store.run_sync(lambda unit: unit.inbox.changes(ref("100.2"))) == [gone, edit]


def test_known_events_are_told_apart(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.inbox.add(event("e1")))
    ids = [EventId(f"e{i}") for i in range(1_200)]  # more than fit in one query
    assert store.run_sync(lambda unit: unit.inbox.known(ids)) == {"e1"}


def test_watermarks_are_kept_by_platform(store: SqlStore) -> None:
    here, elsewhere = Place(Platform.SLACK, "T1", "C1"), Place(Platform.DISCORD, "1", "2")
    mark = Watermark(NOW, NOW + timedelta(hours=1))
    in_turn(store, lambda place, unit: unit.watermarks.put(place, Watermark(NOW, NOW)), (here, elsewhere))
    store.run_sync(lambda unit: unit.watermarks.put(here, mark))
    assert store.run_sync(lambda unit: unit.watermarks.of(Platform.SLACK)) == {here.key: mark}
    store.run_sync(lambda unit: unit.watermarks.keep_only(Platform.SLACK, ()))
    assert store.run_sync(lambda unit: unit.watermarks.of(Platform.SLACK)) == {}
    assert store.run_sync(lambda unit: unit.watermarks.of(Platform.DISCORD)).keys() == {elsewhere.key}


def test_an_answer_on_a_floor_opens_the_thread_that_is_its_place(store: SqlStore) -> None:
    floor, given = Place(Platform.SLACK, "T1", "C1"), answer()
    post = AnswerPost(place=floor, answer=given)
    apart = Handoff(
        answer=AnswerId("asked"), place=floor, question="?", tried=(), summary="", opened_at=NOW, card=given.id
    )  # fmt: skip
    store.run_sync(lambda unit: unit.answers.add(given, floor, PERSON))
    store.run_sync(lambda unit: unit.handoffs.put(apart))
    store.run_sync(lambda unit: unit.outbox.add(post))
    store.run_sync(lambda unit: unit.outbox.delivered(post.id, ref("200.1")))
    thread = Place(Platform.SLACK, "T1", "C1", "200.1")
    found = store.run_sync(lambda unit: unit.answers.last_in(thread))
    assert found is not None
    assert found.place == thread
    assert [each.place for each in store.run_sync(lambda unit: unit.handoffs.unsolved(thread))] == [thread]
    assert store.run_sync(lambda unit: unit.answers.count_by_kind()) == {}  # a card is no answer of its own
