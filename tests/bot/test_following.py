"""Edits and deletions: questions answered anew, nothing learnt from what is gone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.answers import AnswerKind
from bot.buttons import Act
from bot.events import ButtonPressed, Event, MessageDeleted, MessageEdited, MessagePosted, MessageRef, ReplyMarked
from bot.feedback import Gesture, Hold, LessonSource
from bot.following import EDITABLE_FOR
from bot.ids import AnswerId, EventId, new_id
from bot.outgoing import AnswerEdit
from bot.people import Person, Platform, Role
from bot.policy import Policy
from bot.texts import ENGLISH
from tests.bot.events import AGENT, CUSTOMER, NOW, THREAD, chosen, command, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

QUESTION, RIGHT = "How long is the trial?", "21 days."
OTHER, OTHER_ANSWER = "May I bring my dog?", "Yes, on a leash."
UNKNOWN = "Are parrots welcome?"


def edited(
    posted: MessagePosted, text: str, person: Person | None = None, after: timedelta = timedelta(minutes=1)
) -> MessageEdited:
    event = EventId(f"slack:{new_id()}")
    return MessageEdited(
        id=event, place=posted.place, person=person or posted.person, at=NOW + after, message=posted.message,
        text=text, posted_at=NOW,
    )  # fmt: skip


def deleted(message: MessageRef) -> MessageDeleted:
    event, nobody = EventId(f"slack:{new_id()}"), Person(Platform.SLACK, "")
    return MessageDeleted(id=event, place=THREAD, person=nobody, at=NOW, message=message)


def marked(reply: MessagePosted) -> ReplyMarked:
    event = EventId(f"slack:{new_id()}")
    return ReplyMarked(id=event, place=THREAD, person=AGENT, at=NOW, reply=reply.message, text=reply.text)


async def does(house: House, *events: Event) -> None:
    for event in events:
        await house.desk.receive(event)
        await house.settle()


@pytest.fixture
async def taught(house: House) -> House:
    await house.teach(QUESTION, RIGHT)
    await house.teach(OTHER, OTHER_ANSWER)
    return house


async def test_an_edited_question_is_answered_anew_where_its_answer_stands(taught: House, chat: FakeConnector) -> None:
    asked = message(UNKNOWN)
    await does(taught, asked, edited(asked, QUESTION), edited(asked, OTHER))
    edits = [each for each in chat.posted if isinstance(each, AnswerEdit)]
    assert [edit.answer.text for edit in edits] == [RIGHT, OTHER_ANSWER]
    assert {edit.message for edit in edits} == {chat.last_message()}
    assert len(chat.answers) == 1
    assert (await taught.desk.status()).handoffs == {}
    turns = await taught.desk.turns(THREAD)
    assert [turn.text for turn in turns] == [OTHER, OTHER_ANSWER]
    posted = await taught.store.run(lambda unit: unit.answers.at(chat.last_message()))
    assert posted is not None
    assert posted.answer.text == OTHER_ANSWER


async def test_an_edit_that_comes_before_its_question_is_what_is_answered(taught: House, chat: FakeConnector) -> None:
    asked = message(UNKNOWN)
    newest, older = edited(asked, QUESTION, after=EDITABLE_FOR * 2), edited(asked, OTHER)
    await does(taught, newest, older, asked)
    assert [post.answer.text for post in chat.answers] == [RIGHT]
    assert [turn.text for turn in await taught.desk.turns(THREAD)] == [QUESTION, RIGHT]
    await does(taught, edited(asked, OTHER))  # what was older all along
    assert len(chat.posted) == 1


async def test_nobody_elses_words_and_no_empty_ones_take_a_questions_place(taught: House, chat: FakeConnector) -> None:
    asked = message(QUESTION)
    await does(taught, edited(asked, OTHER, AGENT), edited(asked, " "), asked)
    assert [post.answer.text for post in chat.answers] == [RIGHT]


async def test_a_deletion_that_comes_before_its_question_leaves_it_unanswered(
    taught: House, chat: FakeConnector
) -> None:
    asked = message(UNKNOWN)
    await does(taught, deleted(asked.message), asked)
    assert chat.posted == []
    assert await taught.desk.turns(THREAD) == []
    assert (await taught.store.run(lambda unit: unit.vitals())).unanswered == 0


async def test_a_question_that_is_deleted_while_it_is_answered(taught: House, chat: FakeConnector) -> None:
    """On Discord, a deletion needn't tell the conversation, and isn't worked off in its order then."""
    asked = message(UNKNOWN)
    effect = await taught.bot.intake.routing(asked)
    await does(taught, deleted(asked.message))
    await taught.store.run(effect)
    assert (await taught.desk.status()).handoffs == {"withdrawn": 1}
    posted = await taught.store.run(lambda unit: unit.answers.to(asked.message))
    assert posted is not None
    assert posted.retracted


async def test_an_edit_may_end_in_a_hand_off(taught: House, chat: FakeConnector) -> None:
    asked = message(QUESTION)
    await does(taught, asked, edited(asked, UNKNOWN))
    edit = chat.posted[-1]
    assert isinstance(edit, AnswerEdit)
    assert edit.handoff is not None
    assert (await taught.desk.status()).handoffs == {"open": 1}


async def gestures(house: House, on: MessageRef) -> list[Gesture]:
    posted = await house.store.run(lambda unit: unit.answers.at(on))
    assert posted is not None
    return [each.gesture for each in await house.store.run(lambda unit: unit.ratings.of(posted.answer.id))]


async def test_a_cross_counts_for_the_text_that_it_was_given_on(taught: House, chat: FakeConnector) -> None:
    """That the first one was taken away is never heard of."""
    asked = message(UNKNOWN)
    await does(taught, asked)
    on = chat.last_message()
    first = replace(reaction("x", on, CUSTOMER), at=datetime.now(UTC))
    await does(taught, first, edited(asked, QUESTION))
    assert await gestures(taught, on) == []
    again = replace(first, id=EventId("slack:again"))
    assert not await taught.desk.receive(again)  # the same one: it came twice
    await does(taught, replace(again, id=EventId("slack:new"), at=datetime.now(UTC)))
    assert await gestures(taught, on) == [Gesture.REJECT]


async def test_a_button_below_a_text_that_was_rewritten_says_so(taught: House, chat: FakeConnector) -> None:
    asked = message(UNKNOWN)
    await does(taught, asked)
    press = ButtonPressed(
        id=EventId("slack:press"), place=THREAD, person=AGENT, at=NOW, act=Act.REJECT, about=chat.answers[-1].answer.id
    )  # fmt: skip
    await does(taught, edited(asked, QUESTION), press)
    assert chat.notices[-1].text == ENGLISH.answer_rewritten
    stands = await taught.store.run(lambda unit: unit.answers.at(chat.last_message()))
    assert stands is not None
    await does(taught, replace(press, id=EventId("slack:press2"), about=stands.answer.id))
    assert await gestures(taught, chat.last_message()) == [Gesture.REJECT]


async def test_an_edit_that_says_the_same_or_comes_late_changes_nothing(taught: House, chat: FakeConnector) -> None:
    asked = message(QUESTION)
    late = EDITABLE_FOR + timedelta(seconds=1)
    await does(taught, asked, edited(asked, f" {QUESTION} "), edited(asked, OTHER, after=late), edited(asked, ""))
    assert len(chat.posted) == 1


async def test_what_a_person_has_taken_part_in_is_left_to_the_people(taught: House, chat: FakeConnector) -> None:
    asked = message(UNKNOWN)
    await does(taught, asked)
    answer = chat.answers[-1].answer.id
    claim = ButtonPressed(
        id=EventId("slack:claim"), place=THREAD, person=AGENT, at=NOW, act=Act.CLAIM, about=answer
    )  # fmt: skip
    await taught.desk.receive(claim)
    await taught.settle()
    before = len(chat.posted)
    await does(taught, edited(asked, QUESTION))
    assert len(chat.posted) == before


async def test_what_an_agent_has_answered_or_corrected_is_left_alone(taught: House, chat: FakeConnector) -> None:
    asked = message(QUESTION)
    await does(taught, asked, message("It's longer now.", AGENT, mentions=False), edited(asked, OTHER))
    assert len(chat.posted) == 1


async def test_a_deleted_question_is_not_learnt_from(taught: House, chat: FakeConnector) -> None:
    await taught.add_section("Mats", "", "Mats are lent for free.")
    asked = message("Which mats are lent for free?")
    await does(taught, asked)
    assert chat.answers[-1].answer.kind is AnswerKind.GROUNDED
    on = chat.last_message()
    await taught.desk.receive(reaction("+1", on))
    await taught.settle()
    assert len(await taught.desk.lessons()) == 3
    await does(taught, deleted(asked.message))
    active = [lesson for lesson in await taught.desk.lessons() if lesson.withdrawn_at is None]
    assert [lesson.question for lesson in active] == [QUESTION, OTHER]
    await taught.desk.receive(reaction("white_check_mark", on))
    await taught.settle()
    assert [lesson for lesson in await taught.desk.lessons() if lesson.withdrawn_at is None] == active
    assert await taught.desk.turns(THREAD) == []


async def test_a_correction_stays_but_not_the_words_of_a_deleted_question(taught: House, chat: FakeConnector) -> None:
    asked = message("parrots, please??")
    await does(taught, asked)
    await taught.desk.receive(correction(chat.answers[-1].answer.id, UNKNOWN, "Parrots are welcome."))
    await taught.settle()
    await does(taught, deleted(asked.message))
    phrasings = await taught.store.run(lambda unit: unit.lessons.phrasings())
    assert {each.text for each in phrasings if each.withdrawn_at is None} == {QUESTION, OTHER, UNKNOWN}


async def test_the_hand_off_of_a_deleted_question_is_taken_back(taught: House, chat: FakeConnector) -> None:
    asked = message(UNKNOWN)
    await does(taught, asked, deleted(asked.message))
    assert (await taught.desk.status()).handoffs == {"withdrawn": 1}
    later = NOW + timedelta(days=1)
    assert await taught.store.run(lambda unit: taught.desk.routing.handing_off.remind(unit, later)) == []


async def test_a_learnt_reply_follows_its_agents_edits_and_its_deletion(house: House, chat: FakeConnector) -> None:
    reply = message("Parrots are welcome in the garden.", AGENT, mentions=False)
    await does(house, message(UNKNOWN), reply, marked(reply), edited(reply, "Parrots stay at home from now on."))
    await does(house, message(UNKNOWN, place=chat.answers[0].place))
    assert chat.answers[-1].answer.text == "Parrots stay at home from now on."
    await does(house, deleted(reply.message))
    assert all(lesson.withdrawn_at for lesson in await house.desk.lessons())


async def test_nobody_else_can_slip_words_into_a_learnt_reply(house: House, chat: FakeConnector) -> None:
    reply = message("Parrots are welcome in the garden.", mentions=False)
    await does(house, message(UNKNOWN), marked(reply), edited(reply, "Send me your password.", CUSTOMER))
    assert chat.notices[-1].text == ENGLISH.reply_changed
    assert all(lesson.withdrawn_at for lesson in await house.desk.lessons())


async def test_other_bots_are_ignored(taught: House, chat: FakeConnector) -> None:
    bot = Person(Platform.SLACK, "U-robo", "Robo", is_bot=True)
    await does(taught, message(QUESTION, bot))
    assert chat.posted == []


@pytest.mark.parametrize("is_bot", [True, False])
def test_outsiders_are_never_staff_whatever_the_settings_name(is_bot: bool) -> None:
    guest = Person(
        Platform.SLACK, "agents", groups=frozenset({"agents", "admins"}), is_workspace_admin=True, is_bot=is_bot,
        is_outsider=not is_bot,
    )  # fmt: skip
    assert STAFF.role_of(guest) is (Role.NOBODY if is_bot else Role.CUSTOMER)


# --- what is held ---------------------------------------------------------------------------------------------------

ONE_AN_HOUR = Policy(staff=STAFF, lessons_an_hour=1)


async def test_a_held_reply_follows_its_message(tmp_path: Path) -> None:
    chat = FakeConnector()
    async with open_house(tmp_path, lambda _: [chat], policy=ONE_AN_HOUR) as house:
        first, second = (message(text, AGENT, mentions=False) for text in (RIGHT, OTHER_ANSWER))
        await does(house, message(QUESTION), first, marked(first), message(OTHER), second, marked(second))
        await does(house, edited(second, "Yes, if it is small."))
        (waiting,) = await house.store.run(lambda unit: unit.lessons.held())
        assert (waiting.source, waiting.held) == (LessonSource.REPLY, Hold.BURST)
        assert (waiting.answer, waiting.said_in) == ("Yes, if it is small.", second.message.key)
        await does(house, deleted(second.message))
        assert await house.store.run(lambda unit: unit.lessons.held()) == []


async def test_a_lesson_that_is_accepted_brings_no_words_of_a_question_deleted_meanwhile(tmp_path: Path) -> None:
    chat = FakeConnector()
    async with open_house(tmp_path, lambda _: [chat], policy=ONE_AN_HOUR) as house:
        asked = [message(QUESTION), message(UNKNOWN)]
        for each in asked:
            await does(house, each)
            await house.desk.receive(correction(chat.answers[-1].answer.id, f"In short: {each.text}", each.text))
            await house.settle()
        (waiting,) = await house.store.run(lambda unit: unit.lessons.held())
        await does(house, deleted(asked[1].message))
        await house.desk.receive(command(f"accept {waiting.id[-8:]}"))
        await house.settle()
        phrasings = await house.store.run(lambda unit: unit.lessons.phrasings([waiting.fact]))
        assert [each.text for each in phrasings if each.withdrawn_at is None] == [f"In short: {UNKNOWN}"]


async def test_all_that_was_learnt_of_a_deleted_question_goes_with_it_whatever_stands_there_by_now(
    taught: House, chat: FakeConnector
) -> None:
    """The first answer was corrected, in other words than the asker's, and put in its place by what was taught."""
    asked = message("What does the plan with sign-on cost me?")
    await does(taught, asked)
    first = chat.answers[-1].answer
    await taught.desk.receive(correction(first.id, "Price of single sign-on", "30 euros a month."))
    await taught.settle()
    await taught.store.run(lambda unit: unit.answers.amend(first.id, replace(first, id=AnswerId(new_id()))))
    await does(taught, deleted(asked.message))
    phrasings = await taught.store.run(lambda unit: unit.lessons.phrasings())
    assert [each.text for each in phrasings if each.withdrawn_at is None and "cost me" in each.text] == []
    answers = await taught.store.run(lambda unit: unit.answers.all_of(asked.message))
    assert [each.retracted for each in answers] == [True, True]


async def test_a_question_stays_its_askers_whoever_chooses_what_it_meant(house: House, chat: FakeConnector) -> None:
    """So that deleting it, opting out and being forgotten find what came of it."""
    lesson = await house.teach("How do I freeze my membership?", "In Settings, for 90 days.")
    asked = message("How do I freeze membership things and more?")
    await house.desk.receive(asked)
    await house.settle()
    offered = chat.answers[-1].answer
    await house.desk.receive(chosen(offered, lesson.fact, AGENT))
    await house.settle()
    answers = await house.store.run(lambda unit: unit.answers.all_of(asked.message))
    assert [(each.asker.key, each.answer.kind) for each in answers[1:]] == [(CUSTOMER.key, AnswerKind.KNOWN)]
