"""Payloads in all of the length that Slack's reference gives them, what becomes of them, and what the bot shows, as
they are committed beside this file. After a change that is meant, `python -m tests.connectors.slack.test_snapshots`
writes what comes out anew, to be read before it is committed. `test_parsing.py` says what matters in each."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.answers import Answer, AnswerKind, Candidate, Confirmation, Source, SourceKind
from bot.buttons import Act, Button
from bot.events import Event, Place
from bot.ids import AnswerId, EventId, FactId, LessonId, RunId
from bot.outgoing import AnswerPost, CorrectionOffer, Notice, Offer, Outgoing, ProgressPost
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.slack import parsing
from connectors.slack.forms import correction_submitted
from connectors.slack.rendering import render
from storage.codec import EVENT
from tests.connectors.slack.payloads import BOT

FOLDER = Path(__file__).parent / "snapshots"
AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
PLACE = Place(Platform.SLACK, "T1", "C1", "1712345678.000100")
ANN = Person(Platform.SLACK, "U1", "Ann")
PAYLOADS = sorted(path.name.removesuffix(".payload.json") for path in FOLDER.glob("*.payload.json"))


def parsed(name: str) -> Event | None:
    body = json.loads((FOLDER / f"{name}.payload.json").read_text())
    match name:
        case "message" | "app_mention":
            return parsing.message_posted(body["event"], BOT)
        case "message_changed":
            return parsing.message_edited(body["event"], BOT)
        case "message_deleted":
            return parsing.message_deleted(body["event"], BOT)
        case "reaction_added":
            return parsing.reacted(body, BOT)
        case "block_actions":
            return parsing.candidate_chosen(body, BOT, AT)
        case "view_submission":
            return correction_submitted(body, BOT, AT)
        case "slash_command":
            return parsing.command_given(body, BOT, AT)[0]
    raise AssertionError(f"Nobody parses {name}.")


def answer(kind: AnswerKind, **more: Any) -> AnswerPost:
    said = Answer(
        kind=kind, question="Can I pause?", confidence=0.9, latency_ms=1.0, id=AnswerId("a1"),
        text="Yes, for 90 days, see https://help.example/passes & <ask>.", **more,
    )  # fmt: skip
    return AnswerPost(place=PLACE, answer=said, in_reply_to=EventId("e1"))


SECTION = Source(SourceKind.SECTION, "s1", "Passes › Pause", "https://help.example/passes")
SHOWN: Mapping[str, Outgoing] = {
    "known": answer(AnswerKind.KNOWN, confirmation=Confirmation(LessonId("l1"), "Ann", AT), sources=(SECTION,)),
    "grounded": answer(AnswerKind.GROUNDED, sources=(SECTION,)),
    "clarify": answer(AnswerKind.CLARIFY, candidates=(Candidate(FactId("f1"), "Pause a pass?"),)),
    "handoff": answer(AnswerKind.HANDOFF),
    "correction": CorrectionOffer(place=PLACE, answer=AnswerId("a1"), to=ANN, text="Correct it?", button="Correct"),
    "offer": Offer(place=PLACE, to=ANN, text="Is it solved?", buttons=(Button("Solved", Act.SOLVE, "a1"),)),
    "notice": Notice(place=PLACE, text="Noted, <Ann>."),
    "progress": ProgressPost(place=PLACE, run=RunId("r1"), text="Training: 50 %"),
}  # fmt: skip


def event_of(name: str) -> Any:
    event = parsed(name)
    assert event is not None
    return EVENT.dump_python(event, mode="json")


def shown(name: str) -> Any:
    rendered = render(SHOWN[name], ENGLISH, "S0AGENTS")
    return {"text": rendered.text, "blocks": rendered.blocks}


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_becomes_the_event_that_is_committed(name: str) -> None:
    assert event_of(name) == json.loads((FOLDER / f"{name}.event.json").read_text())


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_said_is_shown_as_it_is_committed(name: str) -> None:
    assert shown(name) == json.loads((FOLDER / f"{name}.shown.json").read_text())


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    for each in PAYLOADS:
        _write(FOLDER / f"{each}.event.json", event_of(each))
    for each in SHOWN:
        _write(FOLDER / f"{each}.shown.json", shown(each))
