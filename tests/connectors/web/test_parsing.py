"""Requests become events."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.events import CandidateChosen, CommandGiven, CorrectionSubmitted, MessagePosted, MessageRef, Place, Reacted
from bot.ids import AnswerId, EventId, FactId, SectionId
from bot.people import Person, Platform
from connectors.web.parsing import Ask, Choose, Command, Correct, React, person_as, role_named

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ID = "0190b2f4-0000-4000-8000-000000000001"
TALK = "0190b2f4-0000-4000-8000-0000000000aa"
BASE = {"id": ID, "conversation": TALK}
EVENT = EventId(f"web:{ID}")
PLACE = Place(Platform.WEB, "page", TALK, is_direct=True)
AGENT = person_as("agent")


def test_a_question_is_a_direct_message() -> None:
    event = Ask.model_validate(BASE | {"text": "How?"}).event(AGENT, AT)
    assert event == MessagePosted(
        id=EVENT, place=PLACE, person=AGENT, at=AT, text="How?", mentions_bot=False, opens_thread=False,
        message=MessageRef(Platform.WEB, "page", TALK, ID),
    )  # fmt: skip


@pytest.mark.parametrize("added", [True, False])
def test_a_toggle_is_a_reaction(added: bool) -> None:
    event = React.model_validate(BASE | {"message": "m1", "emoji": "✅", "added": added}).event(AGENT, AT)
    message = MessageRef(Platform.WEB, "page", TALK, "m1")
    assert event == Reacted(id=EVENT, place=PLACE, person=AGENT, at=AT, message=message, emoji="✅", added=added)


@pytest.mark.parametrize(
    ("fields", "fact", "section"),
    [({"fact": "f1"}, FactId("f1"), None), ({"fact": None, "section": "s1"}, None, SectionId("s1")),
     ({"fact": None}, None, None)],
)  # fmt: skip
def test_a_button_is_a_choice(fields: dict[str, str | None], fact: FactId | None, section: SectionId | None) -> None:
    event = Choose.model_validate(BASE | {"answer": "a1"} | fields).event(AGENT, AT)
    assert event == CandidateChosen(
        id=EVENT, place=PLACE, person=AGENT, at=AT, answer=AnswerId("a1"), fact=fact, section=section
    )


def test_a_form_is_a_correction() -> None:
    event = Correct.model_validate(BASE | {"answer": "a1", "question": "How?", "text": "So."}).event(AGENT, AT)
    assert event == CorrectionSubmitted(
        id=EVENT, place=PLACE, person=AGENT, at=AT, answer=AnswerId("a1"), question="How?", text="So."
    )


def test_a_console_button_is_a_command() -> None:
    event = Command.model_validate(BASE | {"text": "retrain --dry-run"}).event(AGENT, AT)
    assert event == CommandGiven(id=EVENT, place=PLACE, person=AGENT, at=AT, text="retrain --dry-run")


@pytest.mark.parametrize("change", [{"id": "1"}, {"conversation": "../x"}, {"text": None}, {"text": 7}])
def test_what_has_another_shape_is_turned_away(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Ask.model_validate(BASE | {"text": "How?"} | change)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_text_comes_through_as_typed(text: str) -> None:
    assert Ask(id=UUID(ID), conversation=UUID(TALK), text=text).text == text


def test_what_no_database_can_keep_is_left_out() -> None:
    assert Ask(id=UUID(ID), conversation=UUID(TALK), text="a\0b\ud83d").text == "ab?"


def test_the_page_is_one_person_in_three_roles() -> None:
    assert Person(Platform.WEB, "page-agent", "page agent", groups=frozenset({"web:agent"})) == AGENT
    assert person_as("customer").groups == {"web:customer"}


@pytest.mark.parametrize("cookie", [None, "", "operator", "Admin", "admin "])
def test_an_unknown_role_is_a_customer(cookie: str | None) -> None:
    assert role_named(cookie) == "customer"
    assert role_named("admin") == "admin"
