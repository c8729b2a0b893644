"""What of a text is kept: questions without personal data, answers with what is the company's own."""

from dataclasses import replace

import pytest
from sqlmodel import select

from bot.events import MessageEdited, Place, ReplyMarked
from bot.people import Platform
from bot.policy import Policy
from bot.redacting import MAX_CONVERSATIONS, Redacting
from learning.redaction.finder import Finder
from storage.tables import InboxRow
from tests.bot.events import AGENT, CUSTOMER, NOW, THREAD, correction, message
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House

CARD = "4242 4242 4242 4242"
SUPPORT = "Call +49 30 1234567 or write to help@shop.example."


@pytest.fixture
def redacting() -> Redacting:
    return Redacting(Finder())


def test_the_same_value_has_the_same_placeholder_throughout_a_conversation(redacting: Redacting) -> None:
    said = [
        redacting.asked("I'm a@b.example, not c@d.example", "here"),
        redacting.asked("did you write to C@D.example or <mailto:a@b.example|a@b.example>?", "here"),
        redacting.asked("c@d.example", "elsewhere"),
    ]
    assert said == ["I'm <EMAIL_1>, not <EMAIL_2>", "did you write to <EMAIL_2> or <EMAIL_1>?", "<EMAIL_1>"]


def test_an_answer_keeps_what_is_the_companys(redacting: Redacting) -> None:
    assert redacting.taught(SUPPORT, "here") == SUPPORT
    assert redacting.taught(f"Use {CARD} to test.") == "Use <CARD_1> to test."


def test_an_answer_does_not_repeat_what_was_the_askers(redacting: Redacting) -> None:
    redacting.asked("I'm cara@home.example, my phone is 0171 2345678", "here")
    answer = "I sent it to cara@home.example; ours is help@shop.example. (0171-2345678)"
    assert redacting.taught(answer, "here") == "I sent it to <EMAIL_1>; ours is help@shop.example. (<PHONE_1>)"
    assert redacting.taught(answer, "elsewhere") == answer


def test_only_so_many_conversations_are_remembered(redacting: Redacting) -> None:
    for i in range(MAX_CONVERSATIONS + 5):
        redacting.asked("a@b.example", f"place {i}")
    assert len(redacting._conversations) == MAX_CONVERSATIONS


def test_nothing_that_is_remembered_can_be_read(redacting: Redacting) -> None:
    redacting.asked("a@b.example", "here")
    assert "a@b" not in repr(redacting._conversations)


async def test_what_a_customer_writes_is_on_disk_without_personal_data(house: House, chat: FakeConnector) -> None:
    await house.desk.receive(message(f"I'm Cara, cara@home.example, and {CARD} was refused. How do I pay?"))
    await house.settle()
    (kept,) = await house.store.run(lambda unit: unit.session.exec(select(InboxRow.event)).all())
    assert "<EMAIL_1>, and <CARD_1> was refused" in kept
    assert "home.example" not in kept
    assert chat.answers[-1].answer.question == "I'm <NAME_1>, <EMAIL_1>, and <CARD_1> was refused. How do I pay?"


async def test_what_an_agent_teaches_keeps_the_support_address(house: House, chat: FakeConnector) -> None:
    await house.desk.receive(message("How do I reach you? I'm cara@home.example"))
    await house.settle()
    asked = chat.answers[-1].answer
    await house.desk.receive(correction(asked.id, "How do I reach you? cara@home.example", SUPPORT))
    await house.settle()
    (lesson,) = await house.desk.lessons()
    assert (lesson.question, lesson.answer) == ("How do I reach you? <EMAIL_1>", SUPPORT)


async def test_the_operators_lesson_is_redacted_too(house: House) -> None:
    lesson = await house.teach("Why does a@b.example fail?", f"{SUPPORT} Never send {CARD}.")
    assert (lesson.question, lesson.answer) == ("Why does <EMAIL_1> fail?", f"{SUPPORT} Never send <CARD_1>.")


async def test_names_of_the_workspace_are_known_once_it_told_them(house: House, chat: FakeConnector) -> None:
    house.desk.meet(["Priya Raman"])
    await house.desk.receive(message("priya said it works", CUSTOMER))
    await house.settle()
    assert chat.answers[-1].answer.question == "<NAME_1> said it works"


def test_a_bots_name_is_not_taken_for_a_persons(redacting: Redacting) -> None:
    bot = replace(CUSTOMER, id="B1", name="Quillbay", is_bot=True)
    redacting.event(replace(message("Welcome!"), person=bot))
    assert redacting.asked("what does quillbay cost?") == "what does quillbay cost?"


def test_edited_questions_and_marked_replies_are_redacted_like_the_rest() -> None:
    redacting, mail = Redacting(Finder(), Policy(staff=STAFF)), "Write to help@shop.example."
    said = message("?", place=THREAD)
    edited = MessageEdited(
        id=said.id, place=THREAD, person=CUSTOMER, at=NOW, message=said.message, text=mail, posted_at=NOW
    )
    assert redacting.event(edited).text == "Write to <EMAIL_1>."  # type: ignore[union-attr]
    elsewhere = replace(THREAD, thread="7")
    by_agent = replace(edited, person=AGENT, place=elsewhere)
    assert redacting.event(by_agent).text == mail  # type: ignore[union-attr]
    marked = ReplyMarked(id=said.id, place=elsewhere, person=AGENT, at=NOW, reply=said.message, text=f"{mail} {CARD}")
    assert redacting.event(marked).text == f"{mail} <CARD_1>"  # type: ignore[union-attr]


def test_an_agents_reply_is_learnt_with_the_support_address_that_it_names() -> None:
    """Said in the asker's thread, where it is kept without it, then marked; what the asker wrote stays theirs."""
    redacting = Redacting(Finder(), Policy(staff=STAFF))
    asked = message("Where do I write to? I'm cara@home.example", CUSTOMER)
    redacting.event(asked)
    reply = "Not from cara@home.example, but to help@shop.example."
    said = redacting.event(message(reply, AGENT, mentions=False))
    assert said.text == "Not from <EMAIL_1>, but to <EMAIL_2>."  # type: ignore[union-attr]
    marked = ReplyMarked(id=asked.id, place=THREAD, person=AGENT, at=NOW, reply=asked.message, text=reply)
    assert redacting.event(marked).text == "Not from <EMAIL_1>, but to help@shop.example."  # type: ignore[union-attr]
    redacting.event(message("My own is help@shop.example", AGENT))  # who speaks to the bot asks
    assert redacting.event(marked).text == "Not from <EMAIL_1>, but to <EMAIL_2>."  # type: ignore[union-attr]


def test_what_agents_say_in_their_channel_keeps_what_is_theirs() -> None:
    at = Place(Platform.SLACK, "T1", "C-agents", "1.1")
    policy = Policy(staff=STAFF, agents_channels={Platform.SLACK: Place(Platform.SLACK, "", "C-agents")})
    kept = Redacting(Finder(), policy).event(message(f"{SUPPORT} Not {CARD}.", AGENT, at))
    assert kept.text == f"{SUPPORT} Not <CARD_1>."  # type: ignore[union-attr]
