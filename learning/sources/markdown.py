"""Markdown help pages as sections along their headings. Knows nothing of where they are kept."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

from bot.ids import SectionId
from bot.retrieval import Section

MAX_SECTION_CHARS = 1_200
HEADING = re.compile(r"(#{1,3})\s+(.+?)\s*#*\s*$")
EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
"""Answers are written from the words; each channel has its own markup."""
FENCE = re.compile(r"\s*(```|~~~)")
FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
LINK = re.compile(r"^link:\s*(\S+)\s*$", re.MULTILINE)
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n")


@dataclass
class _Piece:
    """The lines under one heading."""

    level: int
    heading: str
    lines: list[str] = field(default_factory=list)


def sections_of(source: str, text: str) -> list[Section]:
    """Split a page along `#`, `##` and `###`. Its first heading is the title; headings without text bring nothing.

    The ids come from source and headings, so that an unchanged section keeps its id when the page changes elsewhere.
    """
    text = text.replace("\r\n", "\n")
    front = FRONT_MATTER.match(text)
    link = LINK.search(front[1]) if front else None
    pieces = _pieces(text[front.end() :] if front else text)
    title = next((piece.heading for piece in pieces if piece.heading), "") or _title_of(source)
    sections: list[Section] = []
    seen: dict[str, int] = {}
    for heading, body in _headed(pieces, title):
        for part in split(EMPHASIS.sub(r"\2", body)):
            number = seen[heading] = seen.get(heading, 0) + 1
            sections.append(
                Section(_id(source, heading, number), source, title, heading, part, link[1] if link else None)
            )
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


def _pieces(text: str) -> list[_Piece]:
    pieces = [_Piece(0, "")]
    in_code = False
    for line in text.split("\n"):
        if FENCE.match(line):
            in_code = not in_code
        heading = None if in_code else HEADING.match(line)
        if heading:
            pieces.append(_Piece(len(heading[1]), heading[2]))
        else:
            pieces[-1].lines.append(line)
    return pieces


def _headed(pieces: list[_Piece], title: str) -> Iterator[tuple[str, str]]:
    """Each piece's text under the path of headings that leads to it, without the title."""
    path: list[_Piece] = []
    for piece in pieces:
        path = [above for above in path if above.level < piece.level] + ([piece] if piece.heading else [])
        names = [above.heading for above in path if above.heading != title]
        yield " › ".join(names) or title, "\n".join(piece.lines)


def _title_of(source: str) -> str:
    return re.sub(r"[-_]+", " ", PurePath(source).stem).strip().capitalize()


def _id(source: str, heading: str, number: int) -> SectionId:
    return SectionId(hashlib.sha256(f"{source}\n{heading}\n{number}".encode()).hexdigest()[:32])
