"""What operators watch is counted in the database, on both kinds; the number that must be 0 says why it isn't."""

from dataclasses import replace

import pytest

from bot.answers import AnswerKind
from bot.conversation import Speaker
from bot.erasure import Certificate
from bot.ids import EventId, RunId, new_id, time_of
from bot.lineage import Deployment, Move
from bot.outgoing import AnswerPost, Notice
from bot.ports import Unit
from bot.vitals import Vitals
from storage.database import SqlStore
from tests.storage.samples import NOW, PERSON, PLACE, adapter, answer, event, lesson, ref, report, run, turn

ASKED = replace(turn("How do I reset it?"), message=ref("1").key, at=time_of(new_id()))
REPLY = replace(ASKED, speaker=Speaker.BOT)
HANDED_OFF = replace(answer(), kind=AnswerKind.HANDOFF)


def vitals(store: SqlStore) -> Vitals:
    return store.run_sync(lambda unit: unit.vitals())


def test_an_empty_database_has_nothing_to_watch(store: SqlStore) -> None:
    now = vitals(store)
    assert (now.unanswered, now.pending, now.oldest_pending, now.waiting, now.oldest_waiting) == (0, 0, None, 0, None)


def furnish(unit: Unit) -> None:
    for name in ("e1", "e2", "e3"):
        unit.inbox.add(event(name))
    unit.inbox.done(EventId("e1"), parked=True)
    for text in ("1", "2"):
        notice = Notice(place=PLACE, text=text, to=PERSON)
        unit.outbox.add(notice)
    unit.outbox.park(notice.id, "broken")
    unit.answers.add(answer(), PLACE, PERSON)
    unit.lessons.add(lesson("l1"))
    unit.lessons.add(replace(lesson("l2"), withdrawn_at=NOW))
    unit.adapters.add(adapter("a1", 1))
    unit.adapters.deploy(Deployment(Move.PROMOTE, adapter("a1", 1).id, "test", NOW))
    for name in ("r1", "r2"):
        unit.runs.request(run(name))
    unit.runs.claim("me", NOW, 60.0)
    unit.runs.finish(RunId("r1"), "me", report())


def test_everything_is_counted(store: SqlStore) -> None:
    store.run_sync(furnish)
    now = vitals(store)
    assert (now.pending, now.oldest_pending, now.parked) == (2, NOW, 1)
    assert (now.waiting, now.given_up) == (1, 1)
    assert now.oldest_waiting is not None
    assert (now.answers, now.lessons, now.deployments) == ({"known": 1}, {"correction": 1}, {"promote": 1})
    assert now.trainings == {"open": 1, "rejected": 1}
    assert now.unanswered == 0


@pytest.mark.parametrize("answered", [True, False])
def test_a_question_without_its_reply_is_unanswered(store: SqlStore, answered: bool) -> None:
    store.run_sync(lambda unit: unit.conversations.add(ASKED))
    if answered:
        store.run_sync(lambda unit: unit.conversations.add(REPLY))
    assert vitals(store).unanswered == (not answered)


def test_a_promised_colleague_whom_nobody_called_is_unanswered_until_the_question_is_answered_anew(
    store: SqlStore,
) -> None:
    store.run_sync(lambda unit: unit.answers.add(HANDED_OFF, PLACE, PERSON, ref("1").key))
    assert vitals(store).unanswered == 1
    store.run_sync(lambda unit: unit.answers.add(answer(), PLACE, PERSON, ref("1").key))
    assert vitals(store).unanswered == 0


def test_an_answer_that_was_given_up_is_unanswered_unless_it_was_handed_off(store: SqlStore) -> None:
    post = AnswerPost(place=PLACE, answer=answer())

    def give_up(unit: Unit) -> None:
        unit.answers.add(post.answer, PLACE, PERSON)
        unit.outbox.add(post)
        unit.outbox.park(post.id, "broken")

    store.run_sync(give_up)
    assert vitals(store).unanswered == 1


def test_what_went_with_somebody_who_was_forgotten_is_not_missed(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.conversations.add(ASKED))
    certificate = Certificate(
        id=new_id(), asked_at=NOW, removed={}, anonymised=0, withdrawn=(), serving="", rebuild=None
    )  # fmt: skip
    store.run_sync(lambda unit: unit.persons.keep(certificate))
    assert vitals(store).unanswered == 0
