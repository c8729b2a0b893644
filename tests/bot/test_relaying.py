"""Hand-offs from direct messages: asked there, seen and answered in the agents' channel, and the answer goes back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.answers import AnswerKind
from bot.buttons import Act, parse_code
from bot.events import ButtonPressed, MessageDeleted, MessageEdited, MessagePosted, Place, ReplyMarked
from bot.handoff import Handoff, HandoffState
from bot.ids import EventId, new_id
from bot.outgoing import AnswerEdit, AnswerPost, Notice, Offer
from bot.people import Platform
from bot.policy import Policy
from bot.texts import ENGLISH
from tests.bot.events import AGENT, CUSTOMER, NOW, message
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

DIRECT = Place(Platform.SLACK, "T1", "D1", is_direct=True)
AGENTS = Place(Platform.SLACK, "T1", "C-agents")
QUESTION = "May I bring my parrot to the studio?"
REPLY = "Birds are welcome in the garden studio; write to birds@studio.example first."


@pytest.fixture
async def desk(tmp_path: Path, chat: FakeConnector) -> AsyncIterator[House]:
    policy = Policy(staff=STAFF, agents_channels={Platform.SLACK: replace(AGENTS, workspace="")})
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as house:
        yield house


async def does(
    house: House, *events: MessagePosted | MessageEdited | MessageDeleted | ButtonPressed | ReplyMarked
) -> None:
    for event in events:
        await house.desk.receive(event)
        await house.settle()


def posts(chat: FakeConnector, place: Place) -> list[AnswerPost]:
    return [each for each in chat.answers if each.place.channel == place.channel]


def heard(chat: FakeConnector, place: Place) -> list[str]:
    return [each.text for each in chat.notices if each.place.channel == place.channel and each.to is None]


def states(chat: FakeConnector) -> list[HandoffState]:
    edits = [each for each in chat.posted if isinstance(each, AnswerEdit)]
    return [each.handoff.state for each in edits if each.handoff is not None]


async def card(house: House, chat: FakeConnector) -> tuple[Handoff, Place]:
    """The asker asks; the card, and the thread below it."""
    await does(house, message(QUESTION, CUSTOMER, DIRECT))
    (post,) = posts(chat, AGENTS)
    assert post.handoff is not None
    return post.handoff, replace(AGENTS, thread=post.id)


async def test_the_card_stands_in_the_agents_channel_and_the_asker_is_told(desk: House, chat: FakeConnector) -> None:
    handoff, _ = await card(desk, chat)
    (told,) = posts(chat, DIRECT)
    assert (told.handoff, told.answer.kind) == (None, AnswerKind.HANDOFF)
    assert told.answer.text == f"{ENGLISH.handoff} {ENGLISH.passed_on}"
    assert (handoff.question, handoff.asked_at) == (QUESTION, DIRECT)
    assert (await desk.desk.status()).answers == {"handoff": 1}


async def test_an_answer_goes_back_and_what_the_asker_says_then_goes_to_the_agents(
    desk: House, chat: FakeConnector
) -> None:
    _, thread = await card(desk, chat)
    await does(desk, message(REPLY, AGENT, thread, mentions=False), message("It is a loud parrot.", CUSTOMER, DIRECT))
    assert states(chat) == [HandoffState.CLAIMED]
    assert heard(chat, DIRECT) == [ENGLISH.taken_for_you.format(name="Ana"), f"Ana: {REPLY}"]
    assert heard(chat, thread) == ["Cara: It is a loud parrot."]
    assert len(posts(chat, DIRECT)) == 1  # the bot stays out


async def test_the_reply_is_learnt_and_the_bot_answers_again(desk: House, chat: FakeConnector) -> None:
    _, thread = await card(desk, chat)
    reply = message(REPLY, AGENT, thread, mentions=False)
    await does(desk, reply)
    (offer,) = [each for each in chat.posted if isinstance(each, Offer)]
    assert parse_code(offer.buttons[0].code)[0] is Act.LEARN
    marked = ReplyMarked(
        id=EventId(f"slack:{new_id()}"), place=thread, person=AGENT, at=NOW, reply=reply.message, text=REPLY
    )
    await does(desk, marked, message(QUESTION, CUSTOMER, DIRECT))
    assert states(chat)[-1] is HandoffState.SOLVED
    assert heard(chat, DIRECT)[-1] == ENGLISH.solved_for_you.format(name="Ana")
    assert posts(chat, DIRECT)[-1].answer.text == REPLY


async def test_what_comes_after_the_end_is_not_passed_on_in_silence(desk: House, chat: FakeConnector) -> None:
    handoff, thread = await card(desk, chat)
    solve = ButtonPressed(
        id=EventId(f"slack:{new_id()}"), place=thread, person=AGENT, at=NOW, act=Act.SOLVE, about=handoff.answer
    )
    await does(desk, solve, message(REPLY, AGENT, thread, mentions=False))
    assert [each.text for each in chat.notices if each.to == AGENT] == [ENGLISH.relay_closed]
    assert REPLY not in "".join(heard(chat, DIRECT))


async def test_what_an_agent_says_after_asking_the_bot_below_the_card_goes_back_too(
    desk: House, chat: FakeConnector
) -> None:
    _, thread = await card(desk, chat)
    asked = message("@bot what do we say about birds?", AGENT, thread)
    await does(desk, asked, message(REPLY, AGENT, thread, mentions=False))
    assert any(REPLY in text for text in heard(chat, DIRECT))


async def test_words_that_could_not_be_delivered_are_told_to_the_agents(desk: House, chat: FakeConnector) -> None:
    _, thread = await card(desk, chat)
    words = Notice(place=DIRECT, text=REPLY)
    await desk.store.run(lambda unit: desk.desk.routing.undelivered(unit, words))
    await desk.settle()
    assert ENGLISH.not_relayed in heard(chat, thread)


async def test_only_agents_words_go_back(desk: House, chat: FakeConnector) -> None:
    _, thread = await card(desk, chat)
    await does(desk, message("Funny question!", replace(CUSTOMER, id="U-other"), thread, mentions=False))
    assert heard(chat, DIRECT) == []


async def test_a_deleted_or_reworded_question_closes_its_card(desk: House, chat: FakeConnector) -> None:
    asked = message(QUESTION, CUSTOMER, DIRECT)
    await does(desk, asked)
    edited = MessageEdited(
        id=EventId(f"slack:{new_id()}"), place=DIRECT, person=CUSTOMER, at=NOW, message=asked.message,
        text="May I bring my dog to the studio?", posted_at=NOW,
    )  # fmt: skip
    await does(desk, edited)
    assert states(chat) == [HandoffState.WITHDRAWN]
    assert [post.handoff.question for post in posts(chat, AGENTS) if post.handoff][1:] == [edited.text]
    gone = MessageDeleted(id=EventId(f"slack:{new_id()}"), place=DIRECT, person=CUSTOMER, at=NOW, message=asked.message)
    await does(desk, gone)
    assert states(chat)[-1] is HandoffState.WITHDRAWN
    assert not await desk.store.run(lambda unit: unit.handoffs.unsolved())


async def test_agents_are_called_again_in_their_channel(desk: House, chat: FakeConnector) -> None:
    _, thread = await card(desk, chat)
    patience = desk.desk.routing.answering.policy.remind_after
    reminding = replace(desk.bot.reminding, clock=lambda: NOW + 2 * patience)
    assert await reminding.look() == 1
    await desk.settle()
    assert [each.place for each in chat.posted if isinstance(each, Notice) and each.calls_agents] == [thread]


async def test_a_question_in_a_channel_keeps_its_card_there(desk: House, chat: FakeConnector) -> None:
    await does(desk, message(QUESTION))
    assert posts(chat, AGENTS) == []
    assert chat.answers[-1].handoff is not None


async def test_who_asked_directly_is_forgotten_with_the_card(desk: House, chat: FakeConnector) -> None:
    await card(desk, chat)
    forgetting = desk.desk.routing.commands.forgetting
    await desk.store.run(lambda unit: forgetting.forget(unit, CUSTOMER.key, "cli:operator", with_lessons=False))
    assert not await desk.store.run(lambda unit: unit.handoffs.unsolved())
    assert await desk.store.run(lambda unit: unit.answers.count_by_kind()) == {}
