"""Word documents and Excel workbooks. Runs where a hostile file can do no harm (`reader.py`)."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import docx
import openpyxl
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph
from openpyxl.utils.exceptions import InvalidFileException

from bot.errors import SourceUnreadable
from bot.retrieval import Section
from learning.sources.archive import open_archive
from learning.sources.faq import REQUIRED, faq_row
from learning.sources.items import Broken, FaqRow
from learning.sources.sections import Piece, sections_along

HEADING = re.compile(r"heading ([1-9])$", re.IGNORECASE)


def read_docx(source: str, path: Path) -> list[Section]:
    """Sections along the styles Title and Heading 1 to 3."""
    _check(path)
    try:
        document = docx.Document(str(path))
        pieces = [Piece(0, "")]
        for block in document.iter_inner_content():
            _add(pieces, block)
    except (PackageNotFoundError, KeyError, ValueError) as problem:
        raise SourceUnreadable("not a whole Word document") from problem
    title = next((piece.heading for piece in pieces if piece.heading), "") or document.core_properties.title
    return sections_along(source, pieces, title)


def _add(pieces: list[Piece], block: Paragraph | Table) -> None:
    if isinstance(block, Table):
        pieces[-1].lines += ["", *(" | ".join(cell.text.strip() for cell in row.cells) for row in block.rows), ""]
        return
    style = (block.style.name if block.style is not None else None) or ""
    heading = HEADING.match(style)
    if block.text.strip() and (heading or style == "Title"):
        pieces.append(Piece(int(heading[1]) if heading else 0, " ".join(block.text.split())))
    elif style.startswith("List"):
        pieces[-1].lines.append(f"- {block.text.strip()}")
    else:
        pieces[-1].lines += ["", block.text.strip()]


def read_xlsx(path: Path) -> Iterator[FaqRow | Broken]:
    """The rows of every sheet whose first row names question and answer. A sheet's name stands in for a topic."""
    _check(path)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, KeyError, ValueError, OSError) as problem:
        raise SourceUnreadable("not a whole Excel workbook") from problem
    usable = 0
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # what it says of its own size may be anything
        rows = sheet.iter_rows(values_only=True)
        columns = [str(cell or "").strip().lower() for cell in next(rows, ())]
        if not set(columns) >= REQUIRED:
            continue
        usable += 1
        for line, cells in enumerate(rows, start=2):
            named = {name: _written(cell) for name, cell in zip(columns, cells, strict=False)}
            if any(named.values()):
                topic = {"topic": sheet.title} if len(book.worksheets) > 1 else {}
                yield faq_row({**topic, **named}, line)
    if not usable:
        raise SourceUnreadable("no sheet whose first row names the columns question and answer")


def _written(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else str(cell).strip()


def _check(path: Path) -> None:
    """Refuse what is no archive, a bomb, or XML that brings entities of its own."""
    with open_archive(path) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                _check_xml(archive, name)


def _check_xml(archive: zipfile.ZipFile, name: str) -> None:
    try:
        with archive.open(name) as file:
            for _, element in ElementTree.iterparse(file, forbid_dtd=True):
                element.clear()
    except DefusedXmlException as problem:
        raise SourceUnreadable(f"{name} in it declares XML entities, as documents never do") from problem
    except ElementTree.ParseError as problem:
        raise SourceUnreadable(f"{name} in it is broken XML") from problem
