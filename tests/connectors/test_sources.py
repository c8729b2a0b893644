"""The same sources stand below the same answer, wherever it is read."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bot.answers import Answer, AnswerKind, Confirmation, Source, SourceKind
from bot.events import Place
from bot.ids import LessonId
from bot.outgoing import AnswerPost
from bot.people import OPERATOR, Platform
from bot.texts import ENGLISH
from connectors.discord.rendering import render_answer
from connectors.slack.rendering import render
from connectors.web.board import Entry
from connectors.web.rendering import Rendering

AT = datetime(2026, 5, 4, tzinfo=UTC)
PLACE = Place(Platform.CLI, "here", "c")


def on_slack(answer: Answer) -> str:
    return json.dumps(render(AnswerPost(place=PLACE, answer=answer), ENGLISH, None).blocks)


def on_discord(answer: Answer) -> str:
    return "\n".join(render_answer(answer, None, ENGLISH, None).pieces)


def on_the_page(answer: Answer) -> str:
    return Rendering(ENGLISH, "Mentee").entry(Entry("e1", AT, AnswerPost(place=PLACE, answer=answer)), OPERATOR)


def answer(kind: AnswerKind, source: SourceKind, confirmation: Confirmation | None = None) -> Answer:
    return Answer(
        kind=kind, question="?", text="Yes.", confidence=1.0, latency_ms=1.0, confirmation=confirmation,
        sources=(Source(source, "s1", "Pausing a pass"),),
    )  # fmt: skip


@pytest.mark.parametrize("shown", [on_slack, on_discord, on_the_page])
def test_help_sections_are_shown_and_a_lesson_is_known_by_who_confirmed_it(shown: Callable[[Answer], str]) -> None:
    assert "Pausing a pass" in shown(answer(AnswerKind.GROUNDED, SourceKind.SECTION))
    confirmed = Confirmation(LessonId("l1"), "Ann", AT)
    for source in (SourceKind.LESSON, SourceKind.FAQ):
        taught = shown(answer(AnswerKind.KNOWN, source, confirmed))
        assert "Ann" in taught
        assert "Pausing a pass" not in taught
