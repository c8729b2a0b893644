"""What is found in a file, whatever its format: sections, FAQ rows, pairs of a conversation, and what can't be used."""

import re
from dataclasses import dataclass, fields, replace
from typing import Any

from bot.retrieval import Section


@dataclass(frozen=True)
class FaqRow:
    key: str
    """What makes it the same entry next time: its id, or else its question."""
    question: str
    answer: str
    topic: str = ""
    phrasings: tuple[str, ...] = ()
    """Other ways of asking it."""
    line: int = 0
    licence: str = ""
    consent: str = ""


@dataclass(frozen=True)
class Pair:
    """A question that was asked in a conversation, and what resolved it. A candidate: nobody has confirmed it yet."""

    question: str
    answer: str
    topic: str
    resolved_by: str
    why: str
    """What speaks for it: marked ✅, thanked for, closed, or only the last reply."""
    asked_at: str = ""
    where: str = ""
    """Channel and message, or the ticket."""
    line: int = 0
    licence: str = ""
    consent: str = ""
    people: tuple[str, ...] = ()
    """Names of those who spoke, the asker's first."""


@dataclass(frozen=True)
class Broken:
    """A line that can't be read."""

    line: int
    reason: str
    text: str = ""


@dataclass(frozen=True)
class Terms:
    """What a page says of its licence, and of the consent of those who wrote it."""

    licence: str = ""
    consent: str = ""


Item = Section | FaqRow | Pair | Broken | Terms

UNWRITABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, which PostgreSQL refuses, and half a character (JSON and PDFs may name one), which UTF-8 has no bytes for."""


def writable(item: Item) -> Item:
    """The item with "�" for whatever of its texts can be kept nowhere."""
    found = {each.name: getattr(item, each.name) for each in fields(item)}
    odd = {name: value for name, value in found.items() if _written(value) != value}
    return replace(item, **{name: _written(value) for name, value in odd.items()}) if odd else item


def _written(value: Any) -> Any:
    if isinstance(value, str):
        return UNWRITABLE.sub("�", value)
    return tuple(map(_written, value)) if isinstance(value, tuple) else value
