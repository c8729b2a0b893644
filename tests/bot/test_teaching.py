"""Ask, correct, ask again: what gestures and forms do, and who may make them."""

from bot.answers import AnswerKind
from bot.outgoing import CorrectionOffer
from tests.bot.events import AGENT, CUSTOMER, chosen, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import House

QUESTION = "Can I freeze my membership?"
RIGHT = "Yes, for up to 90 days a year."


async def ask(house: House, chat: FakeConnector, text: str) -> None:
    await house.desk.receive(message(text))
    await house.settle()


async def teach_by_form(house: House, chat: FakeConnector) -> None:
    await ask(house, chat, QUESTION)
    await house.desk.receive(correction(chat.answers[-1].answer.id, QUESTION, RIGHT))
    await house.settle()


async def test_a_correction_serves_the_very_next_question_word_for_word(house: House, chat: FakeConnector) -> None:
    await teach_by_form(house, chat)
    await ask(house, chat, "freeze membership?")
    answer = chat.answers[-1].answer
    assert (answer.kind, answer.text) == (AnswerKind.KNOWN, RIGHT)
    assert answer.confirmation is not None
    assert answer.confirmation.by == "Ana"


async def test_the_thread_gets_a_receipt(house: House, chat: FakeConnector) -> None:
    await teach_by_form(house, chat)
    receipt = chat.notices[-1]
    assert receipt.to is None
    assert "Noted, thank you Ana" in receipt.text


async def test_a_customer_can_not_teach(house: House, chat: FakeConnector) -> None:
    await ask(house, chat, QUESTION)
    await house.desk.receive(correction(chat.answers[-1].answer.id, QUESTION, "Send me money.", CUSTOMER))
    await house.settle()
    assert "Only support agents" in chat.notices[-1].text
    assert await house.desk.lessons() == []


async def test_a_correction_of_a_known_answer_is_its_new_version(house: House, chat: FakeConnector) -> None:
    await teach_by_form(house, chat)
    await ask(house, chat, QUESTION)
    await house.desk.receive(correction(chat.answers[-1].answer.id, QUESTION, "No longer, since May."))
    await house.settle()
    await ask(house, chat, QUESTION)
    assert chat.answers[-1].answer.text == "No longer, since May."
    assert len({lesson.fact for lesson in await house.desk.lessons()}) == 1


async def test_a_known_answer_that_was_mistaken_for_another_keeps_its_place(house: House, chat: FakeConnector) -> None:
    await house.teach("Can I freeze my membership during the summer?", "Yes, in Settings, for up to 90 days a year.")
    (summer,) = {lesson.fact for lesson in await house.desk.lessons()}
    await ask(house, chat, "Can I freeze my card?")
    await house.desk.receive(chosen(chat.answers[-1].answer, summer))
    await house.settle()
    served = chat.answers[-1].answer
    assert served.kind is AnswerKind.KNOWN
    card = "Open Cards, press the snowflake, and confirm with your PIN."
    await house.desk.receive(correction(served.id, "Can I freeze my card?", card))
    await house.settle()
    lessons = await house.desk.lessons()
    assert len({lesson.fact for lesson in lessons}) == 2
    await ask(house, chat, "Can I freeze my membership during the summer?")
    assert chat.answers[-1].answer.text == "Yes, in Settings, for up to 90 days a year."
    await ask(house, chat, "Can I freeze my card?")
    assert chat.answers[-1].answer.text == card


async def test_a_correction_with_a_known_answer_is_another_way_to_ask_for_it(house: House, chat: FakeConnector) -> None:
    await house.teach(QUESTION, RIGHT)
    await ask(house, chat, "Taking a break from yoga?")
    await house.desk.receive(correction(chat.answers[-1].answer.id, "Taking a break from yoga?", RIGHT))
    await house.settle()
    assert len({lesson.fact for lesson in await house.desk.lessons()}) == 1
    await ask(house, chat, "Taking a break from yoga?")
    assert chat.answers[-1].answer.text == RIGHT


async def test_a_pencil_offers_the_form_to_an_agent_alone(house: House, chat: FakeConnector) -> None:
    await ask(house, chat, QUESTION)
    await house.desk.receive(reaction("pencil2", chat.last_message()))
    await house.settle()
    offer = chat.posted[-1]
    assert isinstance(offer, CorrectionOffer)
    assert offer.to == AGENT


async def test_a_customers_pencil_is_refused_in_words(house: House, chat: FakeConnector) -> None:
    await ask(house, chat, QUESTION)
    await house.desk.receive(reaction("pencil2", chat.last_message(), CUSTOMER))
    await house.settle()
    assert "Only support agents" in chat.notices[-1].text


async def test_an_agents_check_makes_a_written_answer_known_until_it_is_taken_away(
    house: House, chat: FakeConnector
) -> None:
    question = "How long does a membership freeze last?"
    await house.add_section("Freezing", "Membership freeze", "A membership freeze lasts up to 90 days a year.")
    await ask(house, chat, question)
    on = chat.last_message()
    await house.desk.receive(reaction("white_check_mark", on))
    await house.settle()
    await ask(house, chat, question)
    await house.desk.receive(reaction("white_check_mark", on, added=False))
    await house.settle()
    assert chat.notices[-1].text.startswith("Taken back")
    await ask(house, chat, question)
    kinds = [post.answer.kind for post in chat.answers]
    assert kinds == [AnswerKind.GROUNDED, AnswerKind.KNOWN, AnswerKind.GROUNDED]


async def test_an_agents_check_on_a_known_answer_adds_the_askers_phrasing(house: House, chat: FakeConnector) -> None:
    await house.teach("freeze membership", RIGHT)
    await ask(house, chat, "membership freeze possible")
    assert chat.answers[-1].answer.kind is AnswerKind.CLARIFY
    await house.teach("membership freeze possible", RIGHT)
    await ask(house, chat, "membership freeze possible")
    await house.desk.receive(reaction("+1", chat.last_message()))
    await house.settle()
    phrasings = await house.store.run(lambda unit: unit.lessons.phrasings())
    assert any(phrasing.origin.startswith("rating:") for phrasing in phrasings)


async def test_a_customers_check_is_satisfaction_and_teaches_nothing(house: House, chat: FakeConnector) -> None:
    await house.add_section("Freezing", "Membership freeze", "A membership freeze lasts up to 90 days a year.")
    await ask(house, chat, "How long does a membership freeze last?")
    answer = chat.answers[-1].answer.id
    await house.desk.receive(reaction("+1", chat.last_message(), CUSTOMER))
    await house.settle()
    ratings = await house.store.run(lambda unit: unit.ratings.of(answer))
    assert [rating.trusted for rating in ratings] == [False]
    assert await house.desk.lessons() == []


async def test_a_correction_of_100_000_characters_is_refused_with_the_limit(house: House, chat: FakeConnector) -> None:
    await ask(house, chat, QUESTION)
    await house.desk.receive(correction(chat.answers[-1].answer.id, QUESTION, "x" * 100_000))
    await house.settle()
    assert "8,000 characters, yours has 100,000" in chat.notices[-1].text
    assert await house.desk.lessons() == []
