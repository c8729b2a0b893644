"""Hand-offs: seen, taken, solved, called out again, and learnt from."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import intake
from bot.answers import AnswerKind
from bot.buttons import Act, Button, parse_code
from bot.delivery import MAX_ATTEMPTS
from bot.errors import Busy
from bot.events import ButtonPressed, MessagePosted, Place, ReplyMarked
from bot.handing_off import MAX_REMINDERS
from bot.handoff import Handoff, HandoffState
from bot.ids import EventId, new_id
from bot.opening_hours import parse_opening_hours
from bot.outgoing import AnswerEdit, Offer
from bot.people import Person, Platform
from bot.policy import Policy
from bot.presentation import handoff_buttons, handoff_lines
from bot.texts import ENGLISH
from tests.bot.events import AGENT, CUSTOMER, NOW, THREAD, chosen, message
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House

OTHER_AGENT = Person(Platform.SLACK, "U-bea", "Bea", groups=frozenset({"agents"}))
QUESTION = "May I bring my parrot to the studio?"
REPLY = "Birds are welcome in the garden studio, on a leash."


def press(act: Act, handoff: Handoff, person: Person = AGENT) -> ButtonPressed:
    event = EventId(f"slack:{new_id()}")
    return ButtonPressed(id=event, place=THREAD, person=person, at=NOW, act=act, about=handoff.answer)


def marked(reply: MessagePosted, person: Person = AGENT, *, text: str = REPLY, by_bot: bool = False) -> ReplyMarked:
    event = EventId(f"slack:{new_id()}")
    return ReplyMarked(
        id=event, place=reply.place, person=person, at=NOW, reply=reply.message, text=text, by_bot=by_bot
    )  # fmt: skip


async def handed_off(house: House, chat: FakeConnector) -> Handoff:
    await house.desk.receive(message(QUESTION))
    await house.settle()
    handoff = chat.answers[-1].handoff
    assert handoff is not None
    return handoff


async def does(house: House, *events: MessagePosted | ButtonPressed | ReplyMarked) -> None:
    for event in events:
        await house.desk.receive(event)
        await house.settle()


def edits(chat: FakeConnector) -> list[AnswerEdit]:
    return [each for each in chat.posted if isinstance(each, AnswerEdit)]


async def test_the_card_has_question_what_was_tried_and_a_summary(house: House, chat: FakeConnector) -> None:
    await house.teach("Is there a garden?", "Yes.")
    await does(house, message("Is there a garden?"))
    handoff = await handed_off(house, chat)
    lines = handoff_lines(handoff, ENGLISH)
    assert lines[0] == f"Question: {QUESTION}"
    assert "no help page speaks of it" in lines[1]
    assert lines[2] == "Summary: Cara asks, after 2 earlier messages here. Last: “Yes.”"
    assert lines[3] == ENGLISH.handoff_open
    assert [button.act for button in handoff_buttons(handoff, ENGLISH)] == [Act.CLAIM, Act.SOLVE]


async def test_it_goes_from_open_to_taken_to_solved_on_one_card(house: House, chat: FakeConnector) -> None:
    handoff = await handed_off(house, chat)
    await does(house, press(Act.CLAIM, handoff), press(Act.SOLVE, handoff))
    shown = [edit.handoff for edit in edits(chat)]
    assert [each.state for each in shown if each] == [HandoffState.CLAIMED, HandoffState.SOLVED]
    assert {edit.message for edit in edits(chat)} == {chat.last_message()}
    assert shown[-1] is not None
    assert handoff_buttons(shown[-1], ENGLISH) == ()
    assert handoff_lines(shown[-1], ENGLISH)[-1] == "🟢 Solved by Ana, 01 Nov 12:00 UTC."
    assert (await house.desk.status()).handoffs == {"solved": 1}


async def test_only_agents_take_it_and_only_one_of_them(house: House, chat: FakeConnector) -> None:
    handoff = await handed_off(house, chat)
    await does(house, press(Act.CLAIM, handoff, CUSTOMER), press(Act.CLAIM, handoff))
    await does(house, press(Act.CLAIM, handoff, OTHER_AGENT), press(Act.SOLVE, handoff, CUSTOMER))
    told = [notice.text for notice in chat.notices]
    assert told == [ENGLISH.handoff_not_agent, ENGLISH.already_claimed.format(name="Ana"), ENGLISH.handoff_not_agent]
    assert (await house.desk.status()).handoffs == {"claimed": 1}


async def test_an_agents_reply_takes_it_and_is_offered_to_be_learnt_once(house: House, chat: FakeConnector) -> None:
    await handed_off(house, chat)
    first, reply = message("On it!", AGENT, mentions=False), message(REPLY, AGENT, mentions=False)
    await does(house, first, reply, message(f"{REPLY} Really.", AGENT, mentions=False))
    offers = [each for each in chat.posted if isinstance(each, Offer)]
    assert [offer.to for offer in offers] == [AGENT]
    assert parse_code(offers[0].buttons[0].code) == (Act.LEARN, f"C1/{reply.message.id}", "")
    assert (await house.desk.status()).handoffs == {"claimed": 1}


async def test_a_marked_reply_answers_the_next_asker_and_is_not_trained_on(house: House, chat: FakeConnector) -> None:
    await handed_off(house, chat)
    reply = message(REPLY, AGENT, mentions=False)
    await does(house, reply, marked(reply))
    assert (await house.desk.status()).handoffs == {"solved": 1}
    elsewhere = Place(Platform.SLACK, "T1", "C1", "200.2")
    await does(house, message(QUESTION, place=elsewhere))
    assert chat.answers[-1].answer.kind is AnswerKind.KNOWN
    assert chat.answers[-1].answer.text == REPLY
    (lesson,) = await house.desk.lessons()
    assert (lesson.source, lesson.said_in) == ("reply", reply.message.key)
    facts = await house.store.run(lambda unit: house.desk.routing.capturing.fact(unit, lesson.fact))
    assert facts is not None
    assert facts.submitted == ()


async def test_nobody_else_marks_a_reply_and_none_without_words_or_question(house: House, chat: FakeConnector) -> None:
    reply = message(REPLY, AGENT, mentions=False)
    await does(house, marked(reply))
    await handed_off(house, chat)
    await does(house, marked(reply, CUSTOMER), marked(reply, text=" "), marked(reply, by_bot=True))
    told = [notice.text for notice in chat.notices]
    assert told == [ENGLISH.no_question_here, ENGLISH.not_agent, ENGLISH.reply_gone, ENGLISH.reply_by_bot]
    assert await house.desk.lessons() == []


async def test_the_bot_keeps_out_of_a_thread_that_an_agent_has_taken(house: House, chat: FakeConnector) -> None:
    handoff = await handed_off(house, chat)
    await does(house, press(Act.CLAIM, handoff), message("It is a small one.", mentions=False))
    assert len(chat.answers) == 1
    await does(house, message("Bot, may I bring a cat?"))
    assert len(chat.answers) == 2


@pytest.mark.parametrize("place", [THREAD, Place(Platform.SLACK, "T1", "D1", is_direct=True)])
async def test_in_a_taken_direct_message_the_agent_is_no_asker(house: House, chat: FakeConnector, place: Place) -> None:
    await does(house, message(QUESTION, place=place))
    handoff = chat.answers[-1].handoff
    assert handoff is not None
    await does(house, press(Act.CLAIM, handoff), message(REPLY, AGENT, place, mentions=False))
    assert len(chat.answers) == 1


async def remind(house: House, after_minutes: float, policy: Policy | None = None) -> int:
    handing_off = house.desk.routing.handing_off
    if policy is not None:
        handing_off = type(handing_off)(policy, ENGLISH)
    at = NOW + timedelta(minutes=after_minutes)
    return len(await house.store.run(lambda unit: handing_off.remind(unit, at)))


async def test_agents_are_called_again_until_somebody_takes_it(house: House, chat: FakeConnector) -> None:
    handoff = await handed_off(house, chat)
    sent = [await remind(house, minutes) for minutes in (29, 30, 45, 60)]
    assert sent == [0, 1, 0, 1]
    assert (await house.desk.status()).reminders == 2
    await does(house, press(Act.CLAIM, handoff))
    assert await remind(house, 500) == 0


async def test_a_reminder_calls_the_agents_in_the_thread_and_ends_at_some_time(
    house: House, chat: FakeConnector
) -> None:
    await handed_off(house, chat)
    assert await house.bot.reminding.look() == 1  # by the real clock, it has waited since the event of long ago
    await house.settle()
    notice = chat.notices[-1]
    assert (notice.place, notice.calls_agents) == (THREAD, True)
    assert QUESTION in notice.text
    days = 365 * 24 * 60
    assert sum([await remind(house, days * (i + 1)) for i in range(MAX_REMINDERS + 2)]) == MAX_REMINDERS - 1


async def test_nobody_is_called_outside_the_opening_hours_or_when_switched_off(
    house: House, chat: FakeConnector
) -> None:
    await handed_off(house, chat)  # a Sunday, 12:00
    weekdays = Policy(staff=STAFF, opening_hours=parse_opening_hours("Mo-Fr 09:00-17:00"))
    monday_nine = 21 * 60
    sent = [await remind(house, minutes, weekdays) for minutes in (60, monday_nine + 29, monday_nine + 30)]
    assert sent == [0, 0, 1]
    assert await remind(house, monday_nine + 300, Policy(staff=STAFF, remind_after=timedelta())) == 0


async def test_an_asker_alone_with_the_bot_is_not_reminded_of_waiting(house: House, chat: FakeConnector) -> None:
    await does(house, message(QUESTION, place=Place(Platform.SLACK, "T1", "D1", is_direct=True)))
    assert await remind(house, 500) == 0
    assert (await house.desk.status()).handoffs == {"open": 1}


async def test_an_answer_that_its_platform_never_takes_is_an_open_hand_off(house: House, chat: FakeConnector) -> None:
    await house.teach("How long is the trial?", "21 days.")
    chat.failures = [RuntimeError("refused")] * 20
    await does(house, message("How long is the trial?"))
    for _ in range(20):
        await house.bot.delivery.sweep()
    status = await house.desk.status()
    assert (status.handoffs, status.undelivered) == ({"open": 1}, 1)
    assert "could not be posted" in house.desk.routing.commands.describe(status)


async def test_a_click_on_an_answer_that_is_gone_is_handed_off(house: House, chat: FakeConnector) -> None:
    await handed_off(house, chat)
    gone = chat.answers[-1].answer
    await house.desk.receive(chosen(type(gone)(kind=gone.kind, question="", text="", confidence=0, latency_ms=0), None))
    await house.settle()
    assert chat.answers[-1].answer.kind is AnswerKind.HANDOFF


class Trouble(Exception):
    pass


async def test_every_question_gets_an_answer_or_a_hand_off(
    house: House, chat: FakeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BACKOFF_S", 0.0)
    await house.teach("known?", "Yes.")
    await house.add_section("Section", "", "The section has words.")
    troubles = ["known", "section", "none", "memory", "model", "busy", "refused"]
    for trouble in troubles:
        await _ask_in_trouble(house, chat, trouble, Place(Platform.SLACK, "T1", "C1", trouble))
    answered = {post.place.thread for post in chat.answers}
    handed = await house.store.run(lambda unit: unit.handoffs.unsolved())
    assert [each.place.thread for each in handed] == ["none", "memory", "model", "busy", "refused"]
    assert answered == set(troubles) - {"refused"}


async def _ask_in_trouble(house: House, chat: FakeConnector, trouble: str, place: Place) -> None:
    words = {"none": "???", **dict.fromkeys(("section", "model", "busy"), "Which words has the section?")}
    house.generator.failure = {"model": Trouble("out of order"), "busy": Busy("full")}.get(trouble)
    if trouble == "refused":
        chat.failures = [Trouble("refused")] * MAX_ATTEMPTS
    with pytest.MonkeyPatch.context() as patch:
        if trouble == "memory":
            patch.setattr(type(house.knowledge), "search", _broken)
        await house.desk.receive(message(words.get(trouble, "known?"), place=place))
        await house.settle()
    for _ in range(MAX_ATTEMPTS if trouble == "refused" else 0):
        await house.bot.delivery.sweep()


async def _broken(*_: object) -> None:
    raise Trouble("no memory")


@given(st.builds(Button, st.text(), st.sampled_from(Act), st.from_regex(r"[\w/-]{1,60}", fullmatch=True)))
def test_a_buttons_code_is_read_back(button: Button) -> None:
    assert parse_code(button.code) == (button.act, button.about, button.detail)
