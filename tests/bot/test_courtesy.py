"""Who thanks or greets asks nothing; whoever says anything else may."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers import AnswerKind
from bot.conversation import Question
from bot.courtesy import Courtesy, courtesy_of
from bot.texts import ENGLISH
from tests.bot.events import THREAD, message
from tests.fakes.connector import FakeConnector
from tests.house import House

DEMO = Path(__file__).parents[2] / "deploy" / "demo"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("hi", Courtesy.GREETING), ("Good morning everyone!", Courtesy.GREETING), ("hello <NAME_1>", Courtesy.GREETING),
        ("Thanks!", Courtesy.THANKS), ("Great, thank you so much 🙏", Courtesy.THANKS), ("Merci !", Courtesy.THANKS),
        ("<USER_1> thanks a lot for your help", Courtesy.THANKS), ("that's it, cheers", Courtesy.THANKS),
        ("ok", Courtesy.NOD), ("👍🏽", Courtesy.NOD), (":+1:", Courtesy.NOD), ("Perfect, it works now.", Courtesy.NOD),
        ("", None), (" ", None), ("?", None), ("ok?", None), ("hi, help", None), ("thanks, but it fails", None),
        ("yes", None), ("no", None), ("<EMAIL_1>", None), ("<NAME_1>", None), ("12", None), ("all", None),
        ("does it work now", None), ("thanks " * 100, None),
    ],
)  # fmt: skip
def test_only_what_is_nothing_else_is_a_courtesy(text: str, meant: Courtesy | None) -> None:
    assert courtesy_of(text) is meant


def test_no_question_of_the_demo_is_one() -> None:
    faq = [row["question"] for row in csv.DictReader((DEMO / "faq.csv").read_text(encoding="utf-8").splitlines())]
    asked = faq + [row[-1] for row in csv.reader((DEMO / "phrasings.csv").read_text(encoding="utf-8").splitlines())]
    assert len(asked) > 600
    assert [text for text in asked if courtesy_of(text.rstrip("?")) is not None] == []


@given(st.sampled_from(["thanks", "hi there", "ok", "👍"]), st.text(max_size=20), st.text("bdfqxz123", min_size=3))
def test_one_more_word_makes_it_a_question(courtesy: str, sign: str, word: str) -> None:
    assert courtesy_of(f"{courtesy} {sign}? {word}") is None
    assert courtesy_of(f"{courtesy} {word}") is None
    assert courtesy_of(f"{word}, {courtesy}") is None


async def test_whoever_thanks_or_greets_gets_a_word_and_no_colleague(house: House, chat: FakeConnector) -> None:
    await house.teach("Can I pause?", "Yes, 90 days.")
    for text in ("Can I pause?", "Thanks!", "hello"):
        await house.desk.receive(message(text))
    await house.settle()
    assert [(post.answer.kind, post.answer.text) for post in chat.answers] == [
        (AnswerKind.KNOWN, "Yes, 90 days."),
        (AnswerKind.CLARIFY, ENGLISH.welcome),
        (AnswerKind.CLARIFY, ENGLISH.ask_me),
    ]
    assert (await house.desk.status()).handoffs == {}


async def test_a_greeting_that_was_taught_is_answered_as_taught(house: House, chat: FakeConnector) -> None:
    await house.teach("hello", "Hello! Our desk is open from nine to five.")
    await house.desk.receive(message("hello"))
    await house.settle()
    assert [post.answer.kind for post in chat.answers] == [AnswerKind.KNOWN]


async def test_thanks_in_between_do_not_hide_what_was_asked_before(house: House, chat: FakeConnector) -> None:
    for text, mentions in (("How long is the trial?", True), ("Thanks!", False)):
        await house.desk.receive(message(text, mentions=mentions))
        await house.settle()
    turns = await house.desk.turns(THREAD)
    assert [turn.text for turn in turns] == ["How long is the trial?", ENGLISH.handoff, ""]
    assert Question("And on phones?", tuple(turns)).in_context == "How long is the trial? And on phones?"
