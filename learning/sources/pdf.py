"""PDF help pages: along their outline, or page by page. Runs where a hostile file can do no harm (`reader.py`)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from bot.errors import SourceUnreadable
from bot.retrieval import Section
from learning.sources.sections import Piece, sections_along, title_of

MAX_PAGES = 2_000


def read_pdf(source: str, path: Path) -> list[Section]:
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise SourceUnreadable("it is encrypted; save it without its password")
        if len(reader.pages) > MAX_PAGES:
            raise SourceUnreadable(f"{len(reader.pages)} pages; {MAX_PAGES} are read at most, so split it")
        title = str(reader.metadata.title or "").strip() if reader.metadata else ""
        sections = sections_along(source, _pieces(reader), title or title_of(source))
    except PyPdfError as problem:
        raise SourceUnreadable(f"not a whole PDF ({problem})") from problem
    if not sections:
        raise SourceUnreadable("no text in it; scanned pages must be recognised (OCR) first")
    return sections


def _pieces(reader: PdfReader) -> list[Piece]:
    headings = _outline(reader)
    pieces = [Piece(0, "")]
    for number, page in enumerate(reader.pages):
        text = _flowing(page.extract_text())
        if not headings:
            pieces.append(Piece(1, f"page {number + 1}", [text]))
            continue
        for level, heading in headings.get(number, ()):
            before, found, after = text.partition(heading)
            pieces[-1].lines.append(before if found else "")
            pieces.append(Piece(level, heading, anchor=f"page={number + 1}"))
            text = after if found else text
        pieces[-1].lines.append(text)
    return pieces


def _outline(reader: PdfReader) -> dict[int, list[tuple[int, str]]]:
    """Page → the headings on it, with their levels."""
    found: dict[int, list[tuple[int, str]]] = {}
    for level, entry in _entries(reader.outline, 1):
        page = reader.get_destination_page_number(entry)
        heading = " ".join(str(entry.title or "").split())
        if page is not None and heading:
            found.setdefault(page, []).append((level, heading))
    return found


def _entries(outline: list[Any], level: int) -> Iterator[tuple[int, Any]]:
    for entry in outline:
        if isinstance(entry, list):
            yield from _entries(entry, level + 1)
        else:
            yield level, entry


def _flowing(text: str) -> str:
    """Lines that were only broken to fit the page are joined; words that were hyphenated there, too."""
    text = re.sub(r"(?<=[a-zß-ÿ])-\n(?=[a-zß-ÿ])", "", text)
    return re.sub(r"(?<![.!?:\n])\n(?=[a-zß-ÿ(])", " ", text)
