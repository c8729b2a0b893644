"""Markdown help pages. Knows nothing of files."""

import re

from bot.retrieval import Section
from learning.sources.items import Terms
from learning.sources.sections import Piece, sections_along

HEADING = re.compile(r"(#{1,3})\s+(\S.*)")
EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.{1,300}?)(?<=\S)\1")
"""Answers are written from the words; each channel has its own markup."""
FENCE = re.compile(r"\s*(```|~~~)")
FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
FIELD = re.compile(r"^(link|licen[cs]e|consent):(.*)$", re.MULTILINE)


def sections_of(source: str, text: str) -> list[Section]:
    """Split a page along `#`, `##` and `###`. Its first heading is the title; headings without text bring nothing."""
    text = text.replace("\r\n", "\n")
    front = FRONT_MATTER.match(text)
    pieces = _pieces(text[front.end() :] if front else text)
    return sections_along(source, pieces, link=_fields(text).get("link"))


def terms_of(text: str) -> Terms:
    """`licence:` and `consent:` of the front matter."""
    fields = _fields(text.replace("\r\n", "\n"))
    return Terms(fields.get("licence", ""), fields.get("consent", ""))


def _fields(text: str) -> dict[str, str]:
    front = FRONT_MATTER.match(text)
    found = FIELD.findall(front[1]) if front else []
    return {name.replace("license", "licence"): value.strip() for name, value in found if value.strip()}


def _pieces(text: str) -> list[Piece]:
    pieces = [Piece(0, "")]
    in_code = False
    for line in text.split("\n"):
        if FENCE.match(line):
            in_code = not in_code
        heading = None if in_code else HEADING.match(line)
        if heading:
            pieces.append(Piece(len(heading[1]), heading[2].rstrip().rstrip("#").rstrip()))
        else:
            pieces[-1].lines.append(line)
    for piece in pieces:
        piece.lines = EMPHASIS.sub(r"\2", "\n".join(piece.lines)).split("\n")
    return pieces
