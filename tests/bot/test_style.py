"""The house's style: asked for in the prompt, checked on what is written, never applied to what agents taught."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.answers import Answer, AnswerKind
from bot.policy import Policy
from bot.presentation import attribution
from bot.style import Style
from bot.texts import ENGLISH
from tests.bot.events import message
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

STYLE = Style("Be brief.", ("as soon as possible", "ASAP"), {"sign in": ("log in", "login")})
QUESTION = "How do I pause a pass?"
HELP = "To pause a pass, log in to the pass page and choose Pause."


@pytest.fixture
async def styled(tmp_path: Path, chat: FakeConnector) -> AsyncIterator[House]:
    async with open_house(tmp_path, lambda _: [chat], policy=Policy(staff=STAFF, style=STYLE)) as house:
        yield house


async def ask(house: House, chat: FakeConnector) -> Answer:
    await house.desk.receive(message(QUESTION))
    await house.settle()
    return chat.answers[-1].answer


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("We do it asap.", ["ASAP"]),
        ("We do it as  soon\nas possible!", ["as soon as possible"]),
        ("The asaph is fine.", []),
        ("Possible as soon as Monday.", []),
    ],
)
def test_banned_phrases_are_found_as_whole_words_in_any_case(text: str, found: list[str]) -> None:
    assert STYLE.offences(text) == found


def test_terms_are_replaced_but_for_those_of_the_source() -> None:
    assert STYLE.worded("Log in, then login again.", "Open the page.") == "Sign in, then sign in again."
    assert STYLE.worded("Choose Log in.", "The button Log in opens it.") == "Choose Log in."


def test_the_instructions_name_all_of_it() -> None:
    told = STYLE.instructions()
    assert told == "Be brief. Say “sign in”, not “log in” or “login”. Never say “as soon as possible” or “ASAP”."
    assert Style().instructions() == ""


async def test_the_prompt_asks_for_it(styled: House, chat: FakeConnector) -> None:
    await styled.add_section("Passes", "", HELP)
    await ask(styled, chat)
    assert STYLE.instructions() in styled.generator.prompts[-1][0].content


async def test_a_written_answer_with_a_banned_phrase_is_not_said_but_its_source_is(
    styled: House, chat: FakeConnector
) -> None:
    await styled.add_section("Passes", "", HELP)
    styled.generator.replies.append("Pause the pass on the pass page ASAP.")
    answer = await ask(styled, chat)
    assert (answer.kind, answer.text, answer.quoted) == (AnswerKind.GROUNDED, HELP, True)
    assert attribution(answer, ENGLISH) == ENGLISH.quoted


async def test_where_the_source_says_it_too_a_colleague_is_called(styled: House, chat: FakeConnector) -> None:
    await styled.add_section("Passes", "", f"{HELP} We do it ASAP.")
    styled.generator.replies.append("Pause the pass on the pass page ASAP.")
    assert (await ask(styled, chat)).kind is AnswerKind.HANDOFF


async def test_what_an_agent_taught_is_said_word_for_word(styled: House, chat: FakeConnector) -> None:
    await styled.teach(QUESTION, "Write to us, we do it ASAP.")
    assert (await ask(styled, chat)).text == "Write to us, we do it ASAP."
