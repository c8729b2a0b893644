"""“It has changed”: what a correction was taken for, and what the button makes of it."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.answers import AnswerKind
from bot.buttons import Act
from bot.events import ButtonPressed
from bot.feedback import Lesson
from bot.ids import EventId, new_id
from bot.outgoing import Offer
from bot.people import Person
from bot.texts import ENGLISH
from tests.bot.events import AGENT, CUSTOMER, THREAD, correction, message
from tests.fakes.connector import FakeConnector
from tests.house import House

QUESTION = "How do I get a card?"
BEFORE = "Order it in Cards > Order; it takes 5 working days to come."
AFTER = "Cards come by post now. Ring us up and we send one out to you."


def press(lesson: str, person: Person = AGENT) -> ButtonPressed:
    """Now: what the house is taught counts from when it was, and the newest version of a fact wins."""
    event, now = EventId(f"slack:{new_id()}"), datetime.now(UTC)
    return ButtonPressed(id=event, place=THREAD, person=person, at=now, act=Act.REPLACE, about=lesson)


async def say(house: House, chat: FakeConnector, text: str) -> str:
    await house.desk.receive(message(text))
    await house.settle()
    return chat.answers[-1].answer.text


async def corrected(house: House, chat: FakeConnector) -> Offer:
    """The card is asked for in other words, and its answer is corrected."""
    await house.teach(QUESTION, BEFORE)
    assert await say(house, chat, "a card?") == BEFORE
    sent = correction(chat.answers[-1].answer.id, "a card?", AFTER)
    await house.desk.receive(replace(sent, at=datetime.now(UTC)))
    await house.settle()
    offer = next(each for each in chat.posted if isinstance(each, Offer))
    assert offer.text == ENGLISH.noted_apart.format(question=QUESTION)
    assert offer.to == AGENT
    return offer


async def in_use(house: House) -> list[Lesson]:
    return [lesson for lesson in await house.desk.lessons() if lesson.withdrawn_at is None]


async def test_what_has_changed_is_replaced_for_all_its_questions(house: House, chat: FakeConnector) -> None:
    offer = await corrected(house, chat)
    assert await say(house, chat, QUESTION) == BEFORE
    await house.desk.receive(press(offer.buttons[0].about))
    await house.settle()
    assert await say(house, chat, QUESTION) == AFTER
    assert await say(house, chat, "a card?") == AFTER
    assert len({lesson.fact for lesson in await in_use(house)}) == 1


async def test_a_second_press_and_a_gone_correction_change_nothing(house: House, chat: FakeConnector) -> None:
    offer = await corrected(house, chat)
    for _ in range(2):
        await house.desk.receive(press(offer.buttons[0].about))
        await house.settle()
    assert chat.notices[-1].text == ENGLISH.nothing_to_replace
    await house.desk.receive(press("nothing"))
    await house.settle()
    assert chat.notices[-1].text == ENGLISH.nothing_to_replace
    assert await say(house, chat, QUESTION) == AFTER


async def test_nobody_but_agents_may_press_it(house: House, chat: FakeConnector) -> None:
    offer = await corrected(house, chat)
    await house.desk.receive(press(offer.buttons[0].about, CUSTOMER))
    await house.settle()
    assert chat.notices[-1].text == ENGLISH.not_agent
    assert await say(house, chat, QUESTION) == BEFORE


async def test_whose_correction_was_refused_is_offered_nothing(house: House, chat: FakeConnector) -> None:
    await corrected(house, chat)
    await house.desk.receive(correction(chat.answers[-1].answer.id, "a card?", AFTER, CUSTOMER))
    await house.settle()
    assert [each.to for each in chat.posted if isinstance(each, Offer)] == [AGENT]


async def test_nothing_is_offered_where_it_was_replaced_or_nothing_was_known(house: House, chat: FakeConnector) -> None:
    await house.teach(QUESTION, BEFORE)
    assert await say(house, chat, QUESTION) == BEFORE
    await house.desk.receive(correction(chat.answers[-1].answer.id, QUESTION, AFTER))
    await house.settle()
    await say(house, chat, "Zebras?")
    assert chat.answers[-1].answer.kind is AnswerKind.HANDOFF
    await house.desk.receive(
        correction(chat.answers[-1].answer.id, "Zebras?", "They have stripes, as everybody knows.")
    )
    await house.settle()
    assert not [each for each in chat.posted if isinstance(each, Offer)]


async def test_what_is_held_replaces_nothing_and_the_correction_stays(house: House, chat: FakeConnector) -> None:
    offer = await corrected(house, chat)
    policy = house.desk.routing.capturing.policy
    object.__setattr__(policy, "lessons_an_hour", 1)  # frozen: nobody changes it while the bot runs
    await house.desk.receive(press(offer.buttons[0].about))
    await house.settle()
    assert await say(house, chat, QUESTION) == BEFORE
    assert {lesson.answer for lesson in await in_use(house)} == {BEFORE, AFTER}
