"""Which lesson takes the place of a known answer, and which was taught because that one was mistaken for another."""

import csv
from pathlib import Path

import pytest

from bot.feedback import Fact, Gesture, Lesson, LessonSource, Rating, Reason
from bot.ids import AnswerId, FactId, LessonId
from bot.outgoing import Offer
from bot.superseding import is_new_version
from bot.texts import ENGLISH
from tests.bot.events import AGENT, NOW, correction, message
from tests.fakes.connector import FakeConnector
from tests.house import House

PAIRS = Path(__file__).parents[1] / "learning" / "paraphrases_dev.csv"


def known(question: str, answer: str) -> Fact:
    lesson = Lesson(
        id=LessonId("l"), fact=FactId("f"), question=question, author="U1", author_name="Ana", answer=answer,
        source=LessonSource.TAUGHT, taught_at=NOW,
    )  # fmt: skip
    return Fact(lesson, (question,))


CARD = known("How do I get a card?", "Order it in Cards > Order; it takes 5 working days to come.")
PIN = known("How do I pin a stream?", "1. Hover over a stream. 2. Click on the ellipsis. 3. Click Pin to top.")


@pytest.mark.parametrize(
    ("fact", "question", "answer", "is_new"),
    [
        (CARD, "how do I order a card?", "Order it in Cards > Order; it takes 3 working days to come.", True),
        (CARD, "How do I get a card?", "Ring us up, please, and have your passport at hand.", True),  # the same words
        (CARD, "how do I order a card?", "Not any more.", True),  # too short to tell
        (CARD, "Why was my card swallowed?", "The machine keeps it after three wrong PINs; ask the bank.", False),
        (CARD, "how do I order a card?", "Cards come by post. Ring us up and we send one out to you.", False),
        (PIN, "How do I unpin a stream?", "1. Hover over a stream. 2. Click on the ellipsis. 3. Click Unpin.", False),
        (PIN, "keep a stream on top", "1. Press a stream. 2. Click on the ellipsis. 3. Click Pin to top.", True),
    ],
)
def test_what_reads_as_a_new_version(fact: Fact, question: str, answer: str, *, is_new: bool) -> None:
    assert is_new_version(fact, question, answer) is is_new


@pytest.mark.parametrize(
    ("reason", "is_new"), [(reason, reason in ("outdated", "incomplete", "tone")) for reason in Reason]
)
def test_who_says_that_it_is_outdated_has_not_been_misunderstood(reason: Reason, *, is_new: bool) -> None:
    rating = Rating(AnswerId("a"), AGENT.key, Gesture.REJECT, trusted=True, at=NOW, reason=reason)
    told = ("how do I order a card?", "Cards come by post. Ring us up and we send one out to you.")
    assert is_new_version(CARD, *told, [rating]) is is_new


def test_a_customer_decides_nothing() -> None:
    rating = Rating(AnswerId("a"), "U", Gesture.REJECT, trusted=False, at=NOW, reason=Reason.OUTDATED)
    told = ("how do I order a card?", "Cards come by post. Ring us up and we send one out to you.")
    assert not is_new_version(CARD, *told, [rating])


def test_of_neighbours_that_invented_companies_ask_about_hardly_any_takes_the_others_place() -> None:
    """Two questions each that differ in a word or two, with answers that share half of theirs."""
    with PAIRS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    taken = sum(is_new_version(known(r["question"], r["answer"]), r["question_else"], r["answer_else"]) for r in rows)
    changed = [(r, r["answer"].replace("1", "7").replace("2", "9").replace("3", "8")) for r in rows]
    changed = [(r, answer) for r, answer in changed if answer != r["answer"]]
    found = sum(is_new_version(known(r["question"], r["answer"]), r["question_roundabout"], a) for r, a in changed)
    assert len(rows) >= 30
    assert taken <= 2
    assert found == len(changed) >= 10


async def test_the_answer_to_another_question_stays_and_the_agent_is_told(house: House, chat: FakeConnector) -> None:
    pin = await house.teach(
        "How do I pin a stream?", "Hover over a stream, click on the ellipsis and choose Pin to top."
    )
    await house.desk.receive(message("The stream?"))
    await house.settle()
    right = "Hover over a stream, click on the ellipsis and choose Unpin from the top."
    await house.desk.receive(correction(chat.answers[-1].answer.id, "How do I unpin a stream?", right))
    await house.settle()
    told = [each.text for each in chat.posted if isinstance(each, Offer)]
    assert told == [ENGLISH.noted_apart.format(question=pin.question)]
    for question, answer in ((pin.question, pin.answer), ("How do I unpin a stream?", right)):
        await house.desk.receive(message(question))
        await house.settle()
        assert chat.answers[-1].answer.text == answer
