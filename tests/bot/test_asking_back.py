"""Help pages among what is asked back: which, when, and what becomes of the click."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering import Answering
from bot.answers import AnswerKind, Candidate
from bot.asking_back import MAX_BESIDE, MAX_CANDIDATES, candidates, stands_out
from bot.conversation import Question
from bot.feedback import Fact, Lesson, LessonSource
from bot.ids import SHARED, FactId, LessonId, SectionId, Tenant
from bot.policy import Policy
from bot.retrieval import FactMatch, Retrieval, Section, SectionMatch
from bot.texts import ENGLISH
from tests.bot.events import NOW, chosen, message
from tests.fakes.connector import FakeConnector
from tests.fakes.generator import FakeGenerator
from tests.house import House

STEPS = "1. Hover over the stream.\n2. Click Unpin."


def section(title: str, text: str = "The stream and its pin.") -> Section:
    return Section(SectionId(f"id {title}"), f"{title}.md", title, title, text)


def match(title: str, similarity: float, text: str = "The stream and its pin.") -> SectionMatch:
    return SectionMatch(section(title, text), similarity)


def fact(number: int, probability: float) -> FactMatch:
    lesson = Lesson(
        id=LessonId(f"l{number}"), fact=FactId(f"f{number}"), question=f"Question {number}?", answer="Yes.", author="U",
        author_name="Ana", source=LessonSource.TAUGHT, taught_at=NOW,
    )  # fmt: skip
    return FactMatch(Fact(lesson, (lesson.question,)), probability)


@dataclass
class Found:
    """A memory that finds the same whatever is asked."""

    facts: tuple[FactMatch, ...] = ()
    sections: tuple[SectionMatch, ...] = ()

    async def search(self, question: str, tenant: Tenant = SHARED) -> Retrieval:
        return Retrieval(self.facts, self.sections)


def answering(found: Found) -> Answering:
    return Answering(found, FakeGenerator(), Policy(), ENGLISH)


def titles(offered: tuple[Candidate, ...]) -> list[str]:
    return [each.question.removeprefix("📖 ") for each in offered]


@pytest.mark.parametrize(
    ("second", "kind"), [(0.79, AnswerKind.CLARIFY), (0.76, AnswerKind.CLARIFY), (0.74, AnswerKind.GROUNDED)]
)
async def test_a_page_that_stands_out_is_written_from_and_others_are_asked_back(
    second: float, kind: AnswerKind
) -> None:
    found = Found(sections=(match("Pin a stream", 0.8), match("Unpin a stream", second)))
    answer = await answering(found).answer(Question("unpin the stream"))
    assert answer.kind is kind
    offered = ["Pin a stream", "Unpin a stream"] if kind is AnswerKind.CLARIFY else []
    assert titles(answer.candidates) == offered


def test_parts_of_one_page_are_no_rivals() -> None:
    parts = Retrieval(sections=(match("Pins", 0.8), SectionMatch(section("Pins", "More."), 0.79), match("Mute", 0.6)))
    assert stands_out(parts.sections[0].section, parts, Policy())
    assert titles(candidates((), [each.section for each in parts.sections], ENGLISH)) == ["Pins", "Mute"]


def test_the_only_page_stands_out() -> None:
    alone = Retrieval(sections=(match("Pins", 0.5),))
    assert stands_out(alone.sections[0].section, alone, Policy())


async def test_a_page_that_is_not_near_is_not_asked_back() -> None:
    answer = await answering(Found(sections=(match("Pins", 0.44), match("Mutes", 0.43)))).answer(Question("a stream?"))
    assert answer.kind is AnswerKind.HANDOFF


async def test_what_is_possible_is_asked_back_with_the_pages_beside_it() -> None:
    found = Found((fact(1, 0.2), fact(2, 0.1)), (match("Pins", 0.8), match("Mutes", 0.79), match("Stars", 0.78)))
    answer = await answering(found).answer(Question("a stream?"))
    assert titles(answer.candidates) == ["Question 1?", "Question 2?", "Pins", "Mutes"]


async def test_who_declines_what_is_known_is_asked_about_pages_and_then_handed_off() -> None:
    bot = answering(Found((fact(1, 0.6),), (match("Pins", 0.8), match("Mutes", 0.79))))
    first = await bot.answer(Question("a stream?"))
    second = await bot.answer(Question("a stream?"), declined=first.candidates)
    third = await bot.answer(Question("a stream?"), declined=second.candidates)
    assert (titles(first.candidates), titles(second.candidates)) == (["Question 1?"], ["Pins", "Mutes"])
    assert third.kind is AnswerKind.HANDOFF


@given(st.integers(0, 5), st.lists(st.sampled_from("abcdef"), max_size=6))
def test_there_are_never_more_buttons_than_a_glance_takes_in(facts: int, names: list[str]) -> None:
    known = [fact(number, 0.2) for number in range(min(facts, MAX_CANDIDATES))]
    offered = candidates(known, [section(name) for name in names], ENGLISH)
    assert len(offered) <= MAX_CANDIDATES + (MAX_BESIDE if facts else 0)
    assert len({each.question for each in offered}) == len(offered)
    assert all((each.fact is None) != (each.section is None) for each in offered)


async def test_steps_are_told_word_for_word_and_nothing_is_written() -> None:
    bot = answering(Found(sections=(match("Unpin a stream", 0.8, STEPS),)))
    answer = await bot.answer(Question("unpin a stream"))
    assert (answer.text, answer.quoted, answer.adapter) == (STEPS, True, None)


async def test_the_chosen_page_answers(house: House, chat: FakeConnector) -> None:
    for title in ("Pin a stream", "Unpin a stream"):
        await house.add_section(title, title, f"{title}: hover over the stream.")
    await house.desk.receive(message("stream unpin pin hover"))
    await house.settle()
    asked = chat.answers[-1].answer
    page = next(each for each in asked.candidates if each.question.endswith("Unpin a stream"))
    house.generator.replies = ["Hover over the stream."]
    await house.desk.receive(chosen(asked, None, section=page.section))
    await house.settle()
    answered = chat.answers[-1].answer
    assert (answered.kind, answered.text) == (AnswerKind.GROUNDED, "Hover over the stream.")
    assert [source.title for source in answered.sources] == ["Unpin a stream"]


async def test_where_nothing_sound_is_written_the_chosen_page_speaks_for_itself(
    house: House, chat: FakeConnector
) -> None:
    for title in ("Pin a stream", "Unpin a stream"):
        await house.add_section(title, title, f"{title}: hover over the stream.")
    await house.desk.receive(message("stream unpin pin hover"))
    await house.settle()
    asked = chat.answers[-1].answer
    house.generator.replies = ["It costs 12 euros."]
    await house.desk.receive(chosen(asked, None, section=asked.candidates[0].section))
    await house.settle()
    assert chat.answers[-1].answer.quoted
    assert chat.answers[-1].answer.text.endswith("hover over the stream.")


async def test_a_page_that_was_not_offered_is_not_read(house: House, chat: FakeConnector) -> None:
    await house.add_section("Salaries", "Salaries", "Nobody outside may read this.")
    (secret,) = await house.store.run(lambda unit: unit.documents.sections())
    await house.desk.receive(message("hello there, zebra?"))
    await house.settle()
    await house.desk.receive(chosen(chat.answers[-1].answer, None, section=secret.id))
    await house.settle()
    assert chat.answers[-1].answer.kind is AnswerKind.HANDOFF
