"""What exports of conversations bring: who asked, what resolved it, and what speaks for that."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from learning.sources.chat_exports import read_discord
from learning.sources.conversations import Conversation, Role, Said, pair_of
from learning.sources.items import Broken, FaqRow, Pair
from learning.sources.json_files import read_lines
from learning.sources.reading import Reader

ASK, REPLY, BOT = Role.ASKER, Role.OTHER, Role.BOT


def said(*turns: tuple[Role, str] | tuple[Role, str, bool]) -> list[Said]:
    return [Said(role.value, role, text, accepted=bool(rest)) for role, text, *rest in turns]


@pytest.mark.parametrize(
    ("turns", "answer", "why"),
    [
        ([(ASK, "How?"), (REPLY, "So."), (ASK, "Thanks, that worked!")], "So.", "thanked"),
        ([(ASK, "How?"), (REPLY, "So.", True), (REPLY, "Or so.")], "So.", "marked"),
        ([(ASK, "How?"), (REPLY, "So."), (ASK, "Thanks, but it still fails"), (REPLY, "Then so.")], "Then so.", "last"),
        ([(ASK, "How?"), (REPLY, "So."), (ASK, "solved 🙏"), (REPLY, "You're welcome")], "So.", "thanked"),
        ([(ASK, "How?"), (BOT, "A ticket was made."), (REPLY, "So.")], "So.", "nobody confirmed"),
        ([(BOT, "joined"), (ASK, "How?"), (ASK, "Anyone?"), (REPLY, "So.")], "So.", "nobody confirmed"),
    ],
)
def test_the_resolution_is_what_the_asker_was_content_with(turns: list[Any], answer: str, why: str) -> None:
    pair = pair_of(Conversation(said(*turns)))
    assert pair is not None
    assert pair.answer == answer
    assert why in pair.why
    assert pair.question.startswith("How?")


@pytest.mark.parametrize("turns", [[], [(ASK, "How?")], [(ASK, "How?"), (BOT, "Hi")], [(REPLY, "Note.")]])
def test_what_nobody_asked_or_answered_is_no_pair(turns: list[Any]) -> None:
    assert pair_of(Conversation(said(*turns))) is None


def test_a_closed_ticket_was_resolved_by_its_last_reply() -> None:
    pair = pair_of(Conversation(said((ASK, "How?"), (REPLY, "So.")), subject="Help", is_closed=True))
    assert pair is not None
    assert (pair.question, pair.why) == ("Help\nHow?", "the last reply before it was closed")


# --- exports --------------------------------------------------------------------------------------------------------


def read(path: Path) -> list[Pair]:
    with Reader() as reader:
        return [item for item in reader.read(path) if isinstance(item, Pair)]


def test_slack(tmp_path: Path) -> None:
    thread = {"thread_ts": "1.0"}
    days = {
        "users.json": [{"id": "U1", "name": "ann"}, {"id": "U2", "real_name": "Bo B."}, {"id": "U3", "is_bot": True}],
        "channels.json": [{"name": "help"}],
        "help/2026-01-01.json": [
            {**thread, "ts": "1.0", "user": "U1", "text": "How do I pause?"},
            {"ts": "1.1", "user": "U2", "text": "not in a thread"},
            {**thread, "ts": "1.2", "user": "U3", "text": "I am a bot"},
        ],
        "help/2026-01-02.json": [
            {**thread, "ts": "2.0", "user": "U2", "text": "Open Plans.", "reactions": [{"name": "white_check_mark"}]},
            {**thread, "ts": "2.1", "user": "U2", "text": "Anything else?"},
        ],
    }
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in days.items():
            archive.writestr(name, json.dumps(content))
    assert read(path) == [
        Pair(
            "How do I pause?",
            "Open Plans.",
            "help",
            "Bo B.",
            "marked as the answer",
            "1.0",
            "#help 1.0",
            people=("ann", "Bo B."),
        )
    ]


def discord_message(id: str, author: str, text: str, above: str | None = None, **more: Any) -> dict[str, Any]:
    reference = {"reference": {"messageId": above}} if above else {}
    return {"id": id, "type": "Default", "author": {"id": author, "name": author}, "content": text, **reference, **more}


def test_discord(tmp_path: Path) -> None:
    messages = [
        discord_message("1", "ann", "How do I pause?"),
        discord_message("2", "cy", "Nobody answers this"),
        discord_message("3", "bo", "Open Plans.", "1", reactions=[{"emoji": {"name": "✅"}, "count": 1}]),
        discord_message("4", "ann", "Where?", "3"),
    ]
    path = tmp_path / "channel.json"
    path.write_text(
        json.dumps({"guild": {}, "channel": {"type": "GuildTextChat", "name": "help"}, "messages": messages})
    )
    assert [(pair.question, pair.answer, pair.resolved_by, pair.topic) for pair in read(path)] == [
        ("How do I pause?", "Open Plans.", "bo", "help")
    ]


TICKET: dict[str, Any] = {
    "id": 7, "subject": "Pausing", "status": "solved", "tags": ["plans"], "requester_id": 1,
    "assignee": {"id": 2, "name": "Bo"},
    "comments": [
        {"author_id": 1, "plain_body": "How do I pause?", "created_at": "2026-01-01"},
        {"author_id": 2, "plain_body": "An internal note.", "public": False},
        {"author_id": 2, "plain_body": "Open Plans."},
    ],
}  # fmt: skip
CONVERSATION: dict[str, Any] = {
    "type": "conversation", "id": "9", "state": "closed",
    "source": {"body": "<p>How do I pause?</p>", "author": {"type": "user", "name": "Ann"}},
    "conversation_parts": {"conversation_parts": [
        {"part_type": "comment", "body": "<p>A bot's.</p>", "author": {"type": "bot"}},
        {"part_type": "note", "body": "<p>Internal.</p>", "author": {"type": "admin", "name": "Bo"}},
        {"part_type": "comment", "body": "<p>Open Plans.</p>", "author": {"type": "admin", "name": "Bo"}},
    ]},
}  # fmt: skip
PLAIN: dict[str, Any] = {
    "messages": [{"role": "user", "content": "How do I pause?"}, {"role": "agent", "content": "Open Plans."}]
}


@pytest.mark.parametrize("name", ["tickets.ndjson", "tickets.json"])
def test_tickets_and_plain_conversations(tmp_path: Path, name: str) -> None:
    records = [TICKET, CONVERSATION, PLAIN]
    path = tmp_path / name
    as_lines = "\n".join(map(json.dumps, records))
    path.write_text(as_lines if path.suffix == ".ndjson" else json.dumps({"conversations": records}))
    ticket, conversation, plain = read(path)
    assert (ticket.question, ticket.answer) == ("Pausing\nHow do I pause?", "Open Plans.")
    assert (ticket.resolved_by, ticket.topic, ticket.where) == ("Bo", "plans", "ticket 7")
    assert (conversation.answer, conversation.resolved_by) == ("<p>Open Plans.</p>", "Bo")
    assert "closed" in conversation.why
    assert (plain.question, plain.answer) == ("How do I pause?", "Open Plans.")


# --- records that are not what they should be -----------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def spoilt(draw: st.DrawFn, record: dict[str, Any]) -> dict[str, Any]:
    """The record with anything in place of one of its fields, however deep."""
    copy: dict[str, Any] = json.loads(json.dumps(record))
    within: Any = copy
    while True:
        keys = list(within) if isinstance(within, dict) else range(len(within))
        key = draw(st.sampled_from(keys))
        if not within[key] or not isinstance(within[key], dict | list) or draw(st.booleans()):
            within[key] = draw(ANYTHING)
            return copy
        within = within[key]


@given(st.lists(st.sampled_from([TICKET, CONVERSATION, PLAIN]).flatmap(spoilt), min_size=1, max_size=3))
def test_an_odd_record_costs_itself_alone(records: list[dict[str, Any]]) -> None:
    items = list(read_lines(io.StringIO("\n".join(map(json.dumps, [*records, PLAIN])))))
    assert isinstance(items[-1], Pair)
    for item in items:
        TypeAdapter[Any](type(item)).validate_python(vars(item))


CHAIN = [discord_message("1", "ann", "How do I pause?"), discord_message("3", "bo", "Open Plans.", "1")]
OTHER = [discord_message("5", "ann", "How do I stop?"), discord_message("6", "bo", "You can't.", "5")]


@given(spoilt({"messages": CHAIN}))
def test_an_odd_message_costs_its_thread_alone(export: dict[str, Any]) -> None:
    messages = export["messages"] if isinstance(export["messages"], list) else []
    items = list(read_discord({"channel": {"name": "help"}, "messages": [*messages, *OTHER]}))
    assert "How do I stop?" in [item.question for item in items if isinstance(item, Pair)]


def test_an_odd_thread_of_slack_costs_itself_alone(tmp_path: Path) -> None:
    thread = [
        {"ts": "1.0", "user": "U1", "text": "How do I pause?"},
        {"ts": "1.2", "user": "U2", "text": "Open Plans."},
    ]
    sound = [{**message, "thread_ts": "1.0"} for message in thread]
    odd = [{**message, "thread_ts": "3.0", "reactions": 7} for message in thread]
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("users.json", json.dumps([7, {"id": []}, {"id": "U1", "name": "ann"}]))
        archive.writestr("help/2026-01-01.json", json.dumps([7, {"thread_ts": []}, *odd, *sound]))
    with Reader() as reader:
        broken, pair = reader.read(path)
    assert isinstance(broken, Broken)
    assert (broken.line, broken.reason) == (1, "a field of it holds something else than it should")
    assert isinstance(pair, Pair)
    assert pair.question == "How do I pause?"


def test_what_can_be_written_nowhere_is_replaced(tmp_path: Path) -> None:
    """Half a character and NUL, as JSON may name them; in every text, and in what an entry goes by."""
    path = tmp_path / "faq.jsonl"
    path.write_text(r'{"question": "How \ud800?", "answer": "So\u0000.", "phrasings": ["\udfffOr?"]}')
    with Reader() as reader:
        [row] = reader.read(path)
    assert row == FaqRow("how �?", "How �?", "So�.", phrasings=("�Or?",), line=1)
