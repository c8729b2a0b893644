"""The correction form fits Slack's limits, and what is typed comes back whole."""

from datetime import UTC, datetime
from typing import Any

from bot.events import Place
from bot.ids import AnswerId
from bot.outgoing import CorrectionForm
from bot.people import Platform
from bot.texts import ENGLISH
from connectors.slack.forms import correction_submitted, correction_view, empty_fields
from tests.connectors.slack.payloads import BOT

PLACE = Place(Platform.SLACK, "T1", "C1", "1.2")
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def form(question: str = "How?", text: str = "So.") -> CorrectionForm:
    return CorrectionForm(
        answer=AnswerId("a1"),
        title="Correct this answer of the bot",
        question_label="The question",
        question=question,
        answer_label="The right answer",
        text=text,
        submit_label="Teach",
        left_out="Too long to be shown.",
    )


def sent(view: dict[str, Any], question: str | None, text: str | None) -> dict[str, Any]:
    typed = {"question": question, "answer": text}
    state = {"values": {name: {name: {"type": "plain_text_input", "value": value}} for name, value in typed.items()}}
    return {"user": {"id": "U1", "name": "ann"}, "view": {**view, "id": "V1", "hash": "12.ab", "state": state}}


def test_the_form_is_prefilled() -> None:
    view = correction_view(form(), PLACE)
    assert [block["element"]["initial_value"] for block in view["blocks"]] == ["How?", "So."]
    assert view["title"]["text"] == "Correct this answer of …"


def test_an_empty_field_is_left_out_because_slack_takes_no_empty_value() -> None:
    assert "initial_value" not in correction_view(form(text=""), PLACE)["blocks"][1]["element"]


def test_an_answer_that_is_too_long_for_it_is_not_prefilled_in_part_and_that_is_said() -> None:
    question, answer = correction_view(form("q" * 4_000, "x" * 3_001), PLACE)["blocks"]
    assert question["element"]["initial_value"] == "q" * 3_000
    assert "initial_value" not in answer["element"]
    assert answer["hint"]["text"] == "Too long to be shown."
    answer = correction_view(form(text="x" * 3_000), PLACE)["blocks"][1]
    assert (answer["element"]["initial_value"], "hint" in answer) == ("x" * 3_000, False)


def test_what_is_sent_is_what_was_typed_at_the_place_where_the_form_was_opened() -> None:
    submitted = correction_submitted(sent(correction_view(form(), PLACE), "How?", "Like <b>this</b> & that."), BOT, NOW)
    assert (submitted.question, submitted.text) == ("How?", "Like <b>this</b> & that.")
    assert (submitted.answer, submitted.place, submitted.person.id) == ("a1", PLACE, "U1")
    assert submitted.id == "slack:V1:12.ab"
    assert empty_fields(submitted, ENGLISH) == {}


def test_empty_fields_are_named_one_by_one() -> None:
    submitted = correction_submitted(sent(correction_view(form(), PLACE), None, " \n"), BOT, NOW)
    assert empty_fields(submitted, ENGLISH) == {"question": ENGLISH.empty_lesson, "answer": ENGLISH.empty_lesson}
