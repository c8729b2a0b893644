"""JSON and JSON lines: FAQ entries, tickets, exports of chats. What a record is, is told by its fields."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from bot.errors import SourceUnreadable
from learning.sources.chat_exports import read_discord
from learning.sources.conversations import pair_in
from learning.sources.faq import REQUIRED, faq_row, terms_in
from learning.sources.items import Broken, FaqRow, Pair
from learning.sources.tickets import conversation_of, is_conversation

MAX_LINE_CHARS = 10_000_000
MAX_BROKEN = 100
"""Of the first lines; a file with more broken ones than that, and nothing else, is something else."""

Found = FaqRow | Pair | Broken


def read_lines(file: TextIO) -> Iterator[Found]:
    """One record on each line. Raises SourceUnreadable for a file without any known one."""
    usable = broken = 0
    for number in range(1, 1 << 40):
        line = file.readline(MAX_LINE_CHARS)
        if not line:
            break
        if not line.strip("\ufeff \r\n"):
            continue
        item = _of_line(line, number)
        if isinstance(item, Broken):
            broken += 1
            if broken > MAX_BROKEN and not usable:
                raise SourceUnreadable(f"none of its first {broken} lines is a known record; {item.reason}")
        elif item is not None:
            usable += 1
        if item is not None:
            yield item
    if not usable and broken:
        raise SourceUnreadable("no line in it is a known record")


def _of_line(line: str, number: int) -> Found | None:
    try:
        record = json.loads(line.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as problem:
        return Broken(number, f"broken JSON ({problem})", line[:500].strip())
    return _of_record(record, number)


def read_document(path: Path) -> Iterator[Found]:
    """One JSON document: a Discord export, an Intercom conversation or list of them, or a list of FAQ entries."""
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as problem:
        raise SourceUnreadable(f"broken JSON ({problem})") from problem
    if isinstance(document, dict) and isinstance(document.get("channel"), dict) and _is_list(document, "messages"):
        yield from read_discord(document)
        return
    usable = 0
    for number, record in enumerate(_records(document), start=1):
        if (item := _of_record(record, number)) is not None:
            usable += not isinstance(item, Broken)
            yield item
    if not usable:
        raise SourceUnreadable("neither FAQ entries, nor tickets, nor a chat export that is known")


def _records(document: Any) -> list[Any]:
    if isinstance(document, dict):
        lists = (document.get(name) for name in ("conversations", "tickets", "faq", "entries"))
        return next((each for each in lists if isinstance(each, list)), [document])
    return document if isinstance(document, list) else [document]


def _of_record(record: Any, number: int) -> Found | None:
    """None for a conversation that nobody answered."""
    if not isinstance(record, dict):
        return Broken(number, "not a record with fields", str(record)[:500])
    if record.keys() >= REQUIRED:
        return _faq(record, number)
    if not is_conversation(record):
        return Broken(number, "neither question and answer, nor messages, nor a known ticket", str(record)[:500])
    found = pair_in(partial(conversation_of, record), number, record)
    if not isinstance(found, Pair):
        return found
    licence, consent = terms_in(_texts(record))
    return replace(found, licence=licence, consent=consent)


def _is_list(record: dict[str, Any], name: str) -> bool:
    return isinstance(record.get(name), list)


def _faq(record: dict[str, Any], number: int) -> FaqRow | Broken:
    phrasings = record.get("phrasings")
    others = [str(each).strip() for each in phrasings] if isinstance(phrasings, list) else []
    return faq_row(_texts(record), number, others)


def _texts(record: dict[str, Any]) -> dict[str, str]:
    return {name: str(value).strip() for name, value in record.items() if isinstance(value, str | int | float)}
