"""Lessons whose numbers contradict the help documents: found, served at once, and trained on only when confirmed."""

import csv
import random
import re
from pathlib import Path

import pytest

from bot.answers import AnswerKind
from bot.contradicting import contradiction, undoubted
from bot.feedback import Lesson, facts_of
from bot.ids import SectionId
from bot.people import Person
from bot.ports import Unit
from bot.retrieval import Section
from bot.support import content_words, coverage
from learning.sources.markdown import sections_of
from tests.bot.events import ADMIN, AGENT, command, correction, message
from tests.fakes.connector import FakeConnector
from tests.house import House

DEMO = Path(__file__).parents[2] / "deploy" / "demo"
QUESTION = "How long is the free trial?"
PAGE = "The free trial lasts 21 days. It has all features and asks for no card."
LESSON = "The free trial lasts 14 days."


def section(text: str) -> Section:
    return Section(SectionId("s"), "help.md", "Plans", "Trial", text)


@pytest.mark.parametrize(
    ("answer", "page", "contradicts"),
    [
        (LESSON, PAGE, True),
        ("14 days.", PAGE, True),  # understood with its question
        ("It lasts fourteen days.", PAGE, False),  # only digits and small numbers are compared
        ("The free trial lasts three days.", "The free trial lasts two days.", True),
        ("The free trial lasts 21 days.", PAGE, False),
        ("The free trial lasts three weeks, or 21 days.", PAGE, False),
        ("The free trial lasts 14 days.", "A class pass lasts 90 days. It can be given to a friend.", False),
        ("The free trial lasts 14 days.", "The free trial lasts as long as you like.", False),
        ("Ask your studio about the free trial.", PAGE, False),
    ],
)
def test_what_contradicts_a_section(answer: str, page: str, contradicts: bool) -> None:
    found = contradiction(QUESTION, answer, [section(page)])
    assert (found is not None) == contradicts


def test_a_number_that_another_section_has_contradicts_none() -> None:
    other = section("The free trial of a second studio lasts 14 days.")
    assert contradiction(QUESTION, LESSON, [section(PAGE), other]) is None


def test_few_of_the_demos_entries_are_suspected_and_most_with_a_changed_number_are() -> None:
    pages = [each for file in sorted((DEMO / "help").glob("*.md")) for each in sections_of(file.name, file.read_text())]
    words = [(f"{page.label} {page.text}", page) for page in pages]
    with (DEMO / "faq.csv").open(encoding="utf-8") as file:
        entries = [(row["question"], row["answer"]) for row in csv.DictReader(file)]
    chance, suspected, changed, found = random.Random(0), 0, 0, 0
    for question, answer in entries:
        shares = sorted(((coverage(question, text), n) for n, (text, _) in enumerate(words)), reverse=True)[:5]
        near = [words[number][1] for share, number in shares if share >= 0.5]
        suspected += contradiction(question, answer, near) is not None
        numbers = re.findall(r"\d[\d,.]*\d|\d", answer)
        if numbers and any(_numbers(answer) <= _numbers(f"{page.label} {page.text}") for page in near):
            number = chance.choice(numbers)
            other = str(int(re.sub(r"\D", "", number)) + chance.choice((1, 7, 30)))
            changed += 1
            found += contradiction(question, answer.replace(number, other, 1), near) is not None
    assert (len(entries), suspected) == (99, 0)
    assert changed > 40
    assert found >= 0.7 * changed


def _numbers(text: str) -> set[str]:
    return {word for word in content_words(text) if word[0].isdigit()}


# --- a story ------------------------------------------------------------------------------------------------------


async def corrected(house: House, chat: FakeConnector, person: Person = AGENT) -> Lesson:
    await house.add_section("Plans", "Trial", PAGE)
    await house.desk.receive(message(QUESTION))
    await house.settle()
    await house.desk.receive(correction(chat.answers[-1].answer.id, QUESTION, LESSON, person))
    await house.settle()
    return (await house.desk.lessons())[-1]


async def trained_on(house: House) -> list[str]:
    def facts(unit: Unit) -> list[str]:
        known = undoubted(unit, facts_of(unit.lessons.all(), unit.lessons.phrasings()))
        return [fact.lesson.answer for fact in known]

    return await house.store.run(facts)


async def said(house: House, chat: FakeConnector, text: str, person: Person = ADMIN) -> str:
    await house.desk.receive(command(text, person))
    await house.settle()
    return next(notice.text for notice in reversed(chat.notices) if notice.in_reply_to is not None)


async def answered(house: House, chat: FakeConnector) -> str:
    await house.desk.receive(message(QUESTION))
    await house.settle()
    return chat.answers[-1].answer.text


async def test_it_is_served_at_once_and_not_trained_on_until_an_admin_confirms_it(
    house: House, chat: FakeConnector
) -> None:
    lesson = await corrected(house, chat)
    assert "The help page “Plans › Trial” says otherwise" in chat.notices[-1].text
    assert await answered(house, chat) == LESSON
    assert chat.answers[-1].answer.kind is AnswerKind.KNOWN
    assert await trained_on(house) == []
    review = await said(house, chat, "review", AGENT)
    assert LESSON in review
    assert "“Plans › Trial”: The free trial lasts 21 days." in review
    assert "1 lessons wait for review" in await said(house, chat, "status")
    assert "Only an admin can settle" in await said(house, chat, f"accept {lesson.id[-8:]}", AGENT)
    assert await trained_on(house) == []
    await said(house, chat, f"accept {lesson.id[-8:]}")
    assert await trained_on(house) == [LESSON]
    assert "No lesson waits" in await said(house, chat, "review")


async def test_an_admin_may_drop_it(house: House, chat: FakeConnector) -> None:
    lesson = await corrected(house, chat)
    await said(house, chat, f"drop {lesson.id[-8:]}")
    assert await answered(house, chat) != LESSON
    assert await trained_on(house) == []
    assert "No lesson waits" in await said(house, chat, "review")


async def test_a_page_that_is_brought_into_line_settles_it(house: House, chat: FakeConnector) -> None:
    await corrected(house, chat)

    def mend(unit: Unit) -> None:
        (page,) = unit.documents.sections()
        mended = Section(page.id, page.source, page.title, page.heading, PAGE.replace("21", "14"))
        unit.documents.replace(page.source, "mended", [mended])

    await house.store.run(mend)
    assert await trained_on(house) == [LESSON]
    assert "No lesson waits" in await said(house, chat, "review")


async def test_what_an_admin_teaches_is_confirmed_already(house: House, chat: FakeConnector) -> None:
    await corrected(house, chat, ADMIN)
    assert "says otherwise" not in chat.notices[-1].text
    assert await trained_on(house) == [LESSON]
