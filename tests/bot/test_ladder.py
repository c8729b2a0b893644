"""The ladder: which rung answers what, and that there is always an answer."""

import pytest

from bot.answering import Answering
from bot.answers import AnswerKind
from bot.conversation import MAX_QUESTION_CHARS, Question, clean_question
from bot.feedback import Fact, Lesson, LessonSource
from bot.ids import SHARED, FactId, LessonId, SectionId, Tenant
from bot.policy import Policy
from bot.retrieval import FactMatch, Retrieval, Section, SectionMatch
from bot.texts import ENGLISH
from bot.writing import whole_sentences
from tests.bot.events import AGENT, NOW, THREAD, message
from tests.fakes.connector import FakeConnector
from tests.fakes.generator import FakeGenerator
from tests.house import House


async def ask(house: House, chat: FakeConnector, text: str) -> AnswerKind:
    await house.desk.receive(message(text))
    await house.settle()
    return chat.answers[-1].answer.kind


async def test_known_answers_never_touch_the_model(house: House, chat: FakeConnector) -> None:
    await house.teach("How long is the trial?", "21 days.")
    assert await ask(house, chat, "how long is the trial?") is AnswerKind.KNOWN
    assert house.generator.prompts == []


async def test_close_ones_are_offered_as_buttons_and_a_click_answers(house: House, chat: FakeConnector) -> None:
    await house.teach("gift card expiry", "Gift cards never expire.")
    assert await ask(house, chat, "gift card refund?") is AnswerKind.CLARIFY
    assert [c.question for c in chat.answers[-1].answer.candidates] == ["gift card expiry"]


async def test_a_merely_possible_fact_is_offered_only_when_nothing_can_be_written(
    house: House, chat: FakeConnector
) -> None:
    await house.teach("gift card expiry", "Gift cards never expire.")
    question = "gift design printing colours?"
    assert await ask(house, chat, question) is AnswerKind.CLARIFY
    await house.add_section("Gift cards", "Design", "The gift card design has four colours for printing.")
    house.generator.replies = ["The design has four colours."]
    assert await ask(house, chat, question) is AnswerKind.GROUNDED


class Possible:
    """A memory in which several facts are possible, and none is likely."""

    def __init__(self, *probabilities: float) -> None:
        lessons = [
            Lesson(
                id=LessonId(f"l{n}"), fact=FactId(f"f{n}"), question=f"Question {n}?", answer="Yes.", author="U",
                author_name="Ana", source=LessonSource.TAUGHT, taught_at=NOW,
            )
            for n in range(len(probabilities))
        ]  # fmt: skip
        self._matches = [
            FactMatch(Fact(lesson, (lesson.question,)), p) for lesson, p in zip(lessons, probabilities, strict=True)
        ]

    async def search(self, question: str, tenant: Tenant = SHARED) -> Retrieval:
        return Retrieval(tuple(self._matches))


@pytest.mark.parametrize(
    ("probabilities", "offered"),
    [
        ([0.07, 0.06, 0.05, 0.04], 3),  # one of the three with 18 %
        ([0.09, 0.001], 0),
        ([0.4, 0.039], 1),  # what is far behind is not shown
        ([0.04, 0.03, 0.02, 0.02], 0),
    ],
)
async def test_it_asks_back_when_one_of_those_shown_may_well_be_meant(probabilities: list[float], offered: int) -> None:
    answer = await Answering(Possible(*probabilities), FakeGenerator(), Policy(), ENGLISH).answer(Question("What?"))
    assert len(answer.candidates) == offered
    assert answer.kind is (AnswerKind.CLARIFY if offered else AnswerKind.HANDOFF)


async def test_a_help_section_is_answered_from_with_its_source(house: House, chat: FakeConnector) -> None:
    await house.add_section("Payouts", "Payout days", "Payouts arrive on Tuesdays.", "https://help.example/payouts")
    assert await ask(house, chat, "Which day do payouts arrive?") is AnswerKind.GROUNDED
    answer = chat.answers[-1].answer
    assert answer.text == "Payouts arrive on Tuesdays."
    assert [(s.title, s.link) for s in answer.sources] == [("Payouts › Payout days", "https://help.example/payouts")]


async def test_what_the_sources_do_not_support_is_handed_off(house: House, chat: FakeConnector) -> None:
    await house.add_section("Payouts", "Payout days", "Payouts arrive on Tuesdays.")
    house.generator.replies = ["Payouts arrive within 3 hours."]
    assert await ask(house, chat, "When do payouts arrive?") is AnswerKind.HANDOFF


class OneSection:
    """A memory that finds the same section near to everything."""

    async def search(self, question: str, tenant: Tenant = SHARED) -> Retrieval:
        section = Section(SectionId("s"), "x.md", "Locations", "Add a location", "Open Settings and add a location.")
        return Retrieval(sections=(SectionMatch(section, 0.9),))


@pytest.mark.parametrize(
    ("question", "kind"),
    [("How do I add a location?", AnswerKind.GROUNDED), ("How do I export my customers?", AnswerKind.CLARIFY)],
)
async def test_near_in_meaning_is_not_enough_to_write_from(question: str, kind: AnswerKind) -> None:
    answering = Answering(OneSection(), FakeGenerator(), Policy(), ENGLISH)
    assert (await answering.answer(Question(question))).kind is kind


async def test_generated_text_is_shown_while_it_grows_as_far_as_it_is_checked(
    house: House, chat: FakeConnector
) -> None:
    await house.add_section("Payouts", "Payout days", "Payouts arrive on Tuesdays. In Norway on Fridays.")
    await ask(house, chat, "When do payouts arrive?")
    answered = chat.answers[-1]
    assert [draft.text for draft in chat.drafts] == ["", "Payouts arrive on Tuesdays."]
    assert {(draft.place, draft.in_reply_to) for draft in chat.drafts} == {(answered.place, answered.in_reply_to)}


async def test_what_turns_out_unsupported_later_is_no_answer_though_it_was_begun(
    house: House, chat: FakeConnector
) -> None:
    await house.add_section("Payouts", "Payout days", "Payouts arrive on Tuesdays.")
    house.generator.replies = ["Payouts arrive on Tuesdays. They take 3 hours. Ask us."]
    assert await ask(house, chat, "When do payouts arrive?") is AnswerKind.HANDOFF
    assert chat.drafts[-1].text == "Payouts arrive on Tuesdays."


async def test_a_follow_up_is_understood_with_the_question_before_it(house: House, chat: FakeConnector) -> None:
    await house.add_section("Payouts", "Payout days", "Payouts arrive on Tuesdays, in Norway on Fridays.")
    await ask(house, chat, "When do payouts arrive?")
    assert await ask(house, chat, "And abroad?") is AnswerKind.GROUNDED
    roles = [m.role for m in house.generator.prompts[-1]]
    assert roles == ["system", "user", "assistant", "user"]


async def test_a_question_that_stands_for_itself_is_not_mixed_with_the_one_before(
    house: House, chat: FakeConnector
) -> None:
    await house.teach("What does Grove cost a month?", "$69.")
    await house.add_section("Exports", "Who may export", "Managers may export data.")
    assert await ask(house, chat, "What does Grove cost a month?") is AnswerKind.KNOWN
    assert await ask(house, chat, "Who may export data?") is AnswerKind.GROUNDED


@pytest.mark.parametrize("text", ["", "   \n", "\u200b"])
async def test_an_empty_question_is_asked_back(house: House, chat: FakeConnector, text: str) -> None:
    kind = await ask(house, chat, text)
    assert kind in (AnswerKind.CLARIFY, AnswerKind.HANDOFF)
    assert chat.answers[-1].answer.text


@pytest.mark.parametrize(
    "text",
    [
        "Wie lange dauert die Probezeit?",
        "```python\nprint('hi')\n```",
        "🎉🎉🎉 42",
        "x" * 50_000,
        "日本語で答えられますか",
        "'; DROP--",
    ],
)
async def test_strange_questions_get_an_answer_or_a_hand_off(house: House, chat: FakeConnector, text: str) -> None:
    assert await ask(house, chat, text) is AnswerKind.HANDOFF


async def test_paused_it_hands_off_and_still_learns(house: House, chat: FakeConnector) -> None:
    await house.store.run(lambda unit: house.desk.routing.commands.set_paused(unit, True, "web:admin"))
    await house.teach("How long is the trial?", "21 days.")
    assert await ask(house, chat, "How long is the trial?") is AnswerKind.HANDOFF
    assert "paused" in chat.answers[-1].answer.text


async def test_it_stays_out_of_talk_between_people(house: House, chat: FakeConnector) -> None:
    await house.desk.receive(message("Anna, could you look at this?", mentions=False))
    await house.settle()
    assert chat.posted == []


async def test_it_answers_the_asker_in_its_own_thread_until_somebody_else_speaks(
    house: House, chat: FakeConnector
) -> None:
    await house.teach("How long is the trial?", "21 days.")
    await ask(house, chat, "How long is the trial?")
    await house.desk.receive(message("How long is the trial?", mentions=False))
    await house.settle()
    assert len(chat.answers) == 2
    await house.desk.receive(message("Let me take over.", AGENT, THREAD, mentions=False))
    await house.desk.receive(message("Thanks, how long is the trial?", mentions=False))
    await house.settle()
    assert len(chat.answers) == 2


def test_a_cut_sentence_is_dropped() -> None:
    assert whole_sentences("It costs $9. It is paid mon") == "It costs $9."
    assert whole_sentences("no end") == "no end"


def test_a_very_long_question_keeps_its_head_and_tail() -> None:
    text = clean_question("start " + "x" * 10_000 + " end")
    assert len(text) <= MAX_QUESTION_CHARS + 3
    assert text.startswith("start")
    assert text.endswith("end")
