"""Conversations from exports of Slack (ZIP) and Discord (DiscordChatExporter's JSON). Parses; decides nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

from bot.errors import SourceUnreadable
from learning.sources.archive import open_archive
from learning.sources.conversations import Conversation, Role, Said, pair_in
from learning.sources.items import Broken, Pair

CHECKS = frozenset(("white_check_mark", "heavy_check_mark", "✅", "✔", "✔️", "dart", "🎯"))
Message = Mapping[str, Any]


# --- Slack ----------------------------------------------------------------------------------------------------------


def read_slack(path: Path) -> Iterator[Pair | Broken]:
    """Of the threads of a Slack export: a folder for each channel, a file for each day. One channel at a time."""
    with open_archive(path) as archive:
        names = archive.namelist()
        if "users.json" not in names:
            raise SourceUnreadable("a ZIP archive, but no Slack export: there is no users.json in it")
        people = {user["id"]: user for user in _json(archive, "users.json") if _has(user, "id")}
        days: dict[str, list[str]] = {}
        for name in sorted(names):
            parts = PurePosixPath(name).parts
            if len(parts) == 2 and name.endswith(".json"):
                days.setdefault(parts[0], []).append(name)
        number = count(1)
        for channel, files in days.items():
            for thread in _threads(archive, files).values():
                found = pair_in(partial(_slack_thread, channel, thread, people), next(number), thread)
                if found is not None:
                    yield found


def _threads(archive: ZipFile, files: Sequence[str]) -> dict[str, list[Message]]:
    threads: dict[str, list[Message]] = {}
    for name in files:
        for message in _json(archive, name):
            if _has(message, "thread_ts"):
                threads.setdefault(message["thread_ts"], []).append(message)
    return threads


def _json(archive: ZipFile, name: str) -> list[Any]:
    try:
        found = json.loads(archive.read(name))
    except ValueError as problem:
        raise SourceUnreadable(f"{name} in it is broken JSON ({problem})") from problem
    return found if isinstance(found, list) else []


def _slack_thread(channel: str, thread: Sequence[Message], people: Mapping[str, Any]) -> Conversation:
    thread = sorted(thread, key=lambda message: message.get("ts", ""))
    asker = thread[0].get("user")
    said = [
        Said(
            name=_slack_name(message, people), role=_slack_role(message, asker, people), at=message.get("ts", ""),
            text=message.get("text") or "",
            accepted=any(reaction.get("name") in CHECKS for reaction in message.get("reactions", ())),
        )
        for message in thread
    ]  # fmt: skip
    return Conversation(said, channel, f"#{channel} {thread[0].get('thread_ts', '')}")


def _slack_role(message: Message, asker: str | None, people: Mapping[str, Any]) -> Role:
    user = message.get("user")
    if "bot_id" in message or "subtype" in message or user is None or people.get(user, {}).get("is_bot"):
        return Role.BOT
    return Role.ASKER if user == asker else Role.OTHER


def _slack_name(message: Message, people: Mapping[str, Any]) -> str:
    user = people.get(message.get("user", ""), {})
    return user.get("real_name") or user.get("name") or message.get("user") or ""


# --- Discord --------------------------------------------------------------------------------------------------------


def read_discord(export: Mapping[str, Any]) -> Iterator[Pair | Broken]:
    """A thread's export is one conversation; in a channel's, each message with the replies to it is one."""
    channel = export.get("channel") or {}
    name = str(channel.get("name") or "")
    messages = [message for message in export["messages"] if _has(message, "id")]
    is_thread = "thread" in str(channel.get("type", "")).lower()
    for number, chain in enumerate([messages] if is_thread else _chains(messages).values(), start=1):
        if len(chain) > 1 and (found := pair_in(partial(_discord_thread, name, chain), number, chain)) is not None:
            yield found


def _chains(messages: Sequence[Message]) -> dict[str, list[Message]]:
    """The first message's id → it, and whatever replies to it or to a reply."""
    first: dict[str, str] = {}
    chains: dict[str, list[Message]] = {}
    for message in messages:
        reference = message.get("reference")
        above = str(reference.get("messageId") if isinstance(reference, dict) else None)
        root = first.get(above, str(message["id"]))
        first[str(message["id"])] = root
        chains.setdefault(root, []).append(message)
    return chains


def _discord_thread(channel: str, messages: Sequence[Message]) -> Conversation:
    asker = (messages[0].get("author") or {}).get("id")
    said = [_discord_said(message, asker) for message in messages]
    return Conversation(said, channel, f"#{channel} {messages[0]['id']}")


def _discord_said(message: Message, asker: str | None) -> Said:
    author = message.get("author") or {}
    is_bot = author.get("isBot") or message.get("type", "Default") not in ("Default", "Reply")
    role = Role.BOT if is_bot else Role.ASKER if author.get("id") == asker else Role.OTHER
    marks = {(reaction.get("emoji") or {}).get("name") for reaction in message.get("reactions") or ()}
    return Said(
        name=author.get("nickname") or author.get("name") or "", role=role, text=message.get("content") or "",
        at=message.get("timestamp") or "", accepted=bool(marks & CHECKS),
    )  # fmt: skip


def _has(record: object, name: str) -> bool:
    """Whether it is a record that goes by a word in that field."""
    return isinstance(record, dict) and isinstance(record.get(name), str)
