"""Conversations, answers and ratings."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone

from bot.answers import Answer, AnswerKind
from bot.conversation import Turn
from bot.events import Place
from bot.feedback import Gesture, LessonSource, Rating
from bot.ids import AdapterId, AnswerId, first_id, new_id
from bot.outgoing import AnswerPost
from bot.people import Platform
from bot.ports import Unit
from bot.trial import Tried
from storage.database import SqlStore
from storage.repositories.prepared import MAX_TURNS
from tests.storage.samples import NOW, PERSON, PLACE, after, answer, in_turn, lesson, ref, turn


def test_a_thread_has_its_own_turns_only(store: SqlStore) -> None:
    other = replace(PLACE, thread="100.9")
    said = (turn("one"), turn("elsewhere", other), turn("two"))
    in_turn(store, lambda each, unit: unit.conversations.add(each), said)
    assert store.run_sync(lambda unit: unit.conversations.of(PLACE)) == [turn("one"), turn("two")]


def test_the_open_floor_has_no_conversation_and_a_direct_message_has(store: SqlStore) -> None:
    floor = Place(Platform.DISCORD, "G1", "C1")
    direct = Place(Platform.DISCORD, "G1", "D1", is_direct=True)
    store.run_sync(lambda unit: unit.conversations.add(turn("floor", floor)))
    store.run_sync(lambda unit: unit.conversations.add(turn("direct", direct)))
    assert store.run_sync(lambda unit: unit.conversations.of(floor)) == []
    assert store.run_sync(lambda unit: unit.conversations.of(direct)) == [turn("direct", direct)]


def test_a_long_thread_is_cut_to_its_newest_turns(store: SqlStore) -> None:
    said = [turn(str(i)) for i in range(MAX_TURNS + 3)]

    def talk(unit: Unit) -> None:
        for each in said:
            unit.conversations.add(each)

    store.run_sync(talk)
    assert store.run_sync(lambda unit: unit.conversations.of(PLACE)) == said[3:]


def test_times_come_back_in_utc(store: SqlStore) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    store.run_sync(lambda unit: unit.conversations.add(replace(turn("hi"), at=elsewhere)))
    kept: Turn = store.run_sync(lambda unit: unit.conversations.of(PLACE))[0]
    assert kept.at == NOW
    assert kept.at.tzinfo is UTC


def test_unspellable_words_are_kept_with_question_marks(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.conversations.add(turn("a\ud83db\0c")))
    assert store.run_sync(lambda unit: unit.conversations.of(PLACE))[0].text == "a?b?c"
    assert store.run_sync(lambda unit: unit.answers.find("a\ud83db\0c")) is None


def test_an_answer_is_found_by_its_id_and_its_message(store: SqlStore) -> None:
    given = answer()
    post = AnswerPost(place=PLACE, answer=given)
    store.run_sync(lambda unit: unit.answers.add(given, PLACE, PERSON))
    store.run_sync(lambda unit: unit.outbox.add(post))
    store.run_sync(lambda unit: unit.outbox.delivered(post.id, ref("1712345678.000100")))
    by_id = store.run_sync(lambda unit: unit.answers.get(given.id))
    assert by_id is not None
    assert by_id.answer == given
    assert store.run_sync(lambda unit: unit.answers.find(given.id)) == by_id
    assert store.run_sync(lambda unit: unit.answers.find("1712345678.000100")) == by_id
    assert store.run_sync(lambda unit: unit.answers.find("1712345678")) is None
    assert store.run_sync(lambda unit: unit.answers.get(AnswerId("nobody"))) is None


def test_of_two_answers_in_messages_of_the_same_id_the_newer_is_found(store: SqlStore) -> None:
    """Platforms number messages within a channel, so that two channels can have the same number."""

    def post(where: tuple[str, str], unit: Unit) -> None:
        name, channel = where
        given = replace(answer(), id=AnswerId(name))
        sent = AnswerPost(place=PLACE, answer=given)
        unit.answers.add(given, PLACE, PERSON)
        unit.outbox.add(sent)
        unit.outbox.delivered(sent.id, replace(ref("7"), channel=channel))

    in_turn(store, post, (("0199-b", "C1"), ("0199-c", "C2"), ("0199-a", "C3")))
    found = store.run_sync(lambda unit: unit.answers.find("7"))
    assert found is not None
    assert found.answer.id == "0199-c"


def test_answers_are_counted_by_kind(store: SqlStore) -> None:
    assert store.run_sync(lambda unit: unit.answers.count_by_kind()) == {}
    kinds = (AnswerKind.KNOWN, AnswerKind.HANDOFF, AnswerKind.KNOWN)
    given = [replace(answer(), kind=kind, id=AnswerId(new_id())) for kind in kinds]
    in_turn(store, lambda each, unit: unit.answers.add(each, PLACE, PERSON), given)
    assert store.run_sync(lambda unit: unit.answers.count_by_kind()) == {"known": 2, "handoff": 1}


def written(second: int, kind: AnswerKind) -> Answer:
    return replace(answer(), kind=kind, id=AnswerId(first_id(after(second))))


def test_what_was_written_during_a_trial_tells_what_became_of_it(store: SqlStore) -> None:
    """Three answers in one place, of which the second is retracted and the last hands off; one elsewhere."""
    other = replace(PLACE, thread="9.9")
    kinds = (AnswerKind.GROUNDED, AnswerKind.CLARIFY, AnswerKind.HANDOFF, AnswerKind.GROUNDED)
    given = [written(second, kind) for second, kind in enumerate(kinds)]
    unlike = replace(written(9, AnswerKind.GROUNDED), trial=None)

    def keep(unit: Unit) -> None:
        for each, place in zip((*given, unlike), (PLACE, PLACE, PLACE, other, other), strict=True):
            unit.answers.add(each, place, PERSON, ref(each.id).key)
        unit.answers.retract(given[1].id)
        unit.ratings.put(Rating(given[0].id, "U2", Gesture.REJECT, False, NOW))
        unit.ratings.put(Rating(given[3].id, "U2", Gesture.APPROVE, False, NOW))
        unit.lessons.add(replace(lesson("l1"), about=given[3].id))
        unit.lessons.add(replace(lesson("l2"), about=given[0].id, source=LessonSource.APPROVAL))

    store.run_sync(keep)
    first, third, fourth = (ref(given[number].id).key for number in (0, 2, 3))
    assert store.run_sync(lambda unit: unit.answers.tried(AdapterId("a2"), NOW)) == [
        Tried(first, kinds[0], AdapterId("a1"), rejected=True, corrected=False, left=False),
        Tried(third, kinds[2], AdapterId("a1"), rejected=False, corrected=False, left=False),
        Tried(fourth, kinds[3], AdapterId("a1"), rejected=False, corrected=True, left=False),
    ]
    assert store.run_sync(lambda unit: unit.answers.written_since(NOW)) == 3
    assert store.run_sync(lambda unit: unit.answers.written_since(after(1))) == 2


def test_an_answer_is_left_when_the_next_one_in_its_place_hands_off(store: SqlStore) -> None:
    kinds = (AnswerKind.GROUNDED, AnswerKind.GROUNDED, AnswerKind.HANDOFF)
    given = [written(second, kind) for second, kind in enumerate(kinds)]
    in_turn(store, lambda each, unit: unit.answers.add(each, PLACE, PERSON), given)
    found = store.run_sync(lambda unit: unit.answers.tried(AdapterId("a2"), NOW))
    assert [(each.question, each.left) for each in found] == [
        (given[0].id, False), (given[1].id, True), (given[2].id, False)
    ]  # fmt: skip


def test_the_latest_state_of_a_gesture_counts(store: SqlStore) -> None:
    given = answer()
    approve = Rating(given.id, PERSON.key, Gesture.APPROVE, False, NOW)
    reject = Rating(given.id, PERSON.key, Gesture.REJECT, False, NOW)
    later = replace(approve, trusted=True, at=NOW + timedelta(hours=1))
    store.run_sync(lambda unit: unit.answers.add(given, PLACE, PERSON))
    in_turn(store, lambda each, unit: unit.ratings.put(each), (approve, reject, later))
    kept = store.run_sync(lambda unit: unit.ratings.of(given.id))
    assert sorted(kept, key=lambda rating: rating.gesture) == [later, reject]


def test_a_rating_can_be_taken_back_once_and_again(store: SqlStore) -> None:
    given = answer()
    rating = Rating(given.id, PERSON.key, Gesture.APPROVE, True, NOW)
    store.run_sync(lambda unit: unit.answers.add(given, PLACE, PERSON))
    store.run_sync(lambda unit: unit.ratings.put(rating))
    for _ in range(2):
        store.run_sync(lambda unit: unit.ratings.remove(rating))
    assert store.run_sync(lambda unit: unit.ratings.of(given.id)) == []
