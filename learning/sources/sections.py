"""Pages as sections along their headings, whatever they were written in. Knows nothing of where they are kept."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from bot.ids import SectionId
from bot.retrieval import Section

MAX_SECTION_CHARS = 1_200
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n")


@dataclass
class Piece:
    """The lines under one heading."""

    level: int
    heading: str
    lines: list[str] = field(default_factory=list)
    anchor: str = ""
    """What stands after `#` in a link to it."""


def sections_along(source: str, pieces: Sequence[Piece], title: str = "", link: str | None = None) -> list[Section]:
    """One section for each piece with text, more for a long one. Without a title, the first heading is it.

    The ids come from source and headings, so that an unchanged section keeps its id when the page changes elsewhere.
    """
    title = title or next((piece.heading for piece in pieces if piece.heading), "") or title_of(source)
    sections: list[Section] = []
    seen: dict[str, int] = {}
    for heading, piece in _headed(pieces, title):
        address = f"{link}#{piece.anchor}" if link and piece.anchor else link
        for part in split("\n".join(piece.lines)):
            number = seen[heading] = seen.get(heading, 0) + 1
            sections.append(Section(_id(source, heading, number), source, title, heading, part, address))
    return sections


def split(text: str) -> list[str]:
    """Cut a long text at paragraphs, and a long paragraph at lines or sentences, into pieces of about one size."""
    text = text.strip()
    if len(text) <= MAX_SECTION_CHARS:
        return [text] if text else []
    parts: list[str] = []
    for separator, unit in _units(text):
        if parts and len(parts[-1]) + len(separator) + len(unit) <= MAX_SECTION_CHARS:
            parts[-1] += separator + unit
        else:
            parts.append(unit)
    return parts


def _units(text: str) -> Iterator[tuple[str, str]]:
    """What may not be cut, each with what stands before it."""
    for paragraph in re.split(r"\n\s*\n", text):
        if len(paragraph) <= MAX_SECTION_CHARS:
            yield "\n\n", paragraph.strip()
            continue
        separator = "\n\n"
        for sentence in SENTENCE_END.split(paragraph):
            if sentence.strip():
                yield separator, sentence.strip()
                separator = " "


def _headed(pieces: Sequence[Piece], title: str) -> Iterator[tuple[str, Piece]]:
    """Each piece under the path of headings that leads to it, without the title."""
    path: list[Piece] = []
    for piece in pieces:
        path = [above for above in path if above.level < piece.level] + ([piece] if piece.heading else [])
        names = [above.heading for above in path if above.heading != title]
        yield " › ".join(names) or title, piece


def title_of(source: str) -> str:
    """A title for a page that has none: its file's name."""
    return re.sub(r"[-_]+", " ", PurePath(source).stem).strip().capitalize()


def _id(source: str, heading: str, number: int) -> SectionId:
    return SectionId(hashlib.sha256(f"{source}\n{heading}\n{number}".encode()).hexdigest()[:32])
