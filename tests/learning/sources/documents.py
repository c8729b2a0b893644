"""Small PDF, Word and Excel files for tests, made on the spot."""

from collections.abc import Sequence
from pathlib import Path

import docx
import openpyxl
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, StreamObject

FONT = DictionaryObject(
    {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
     NameObject("/BaseFont"): NameObject("/Helvetica")}
)  # fmt: skip


def make_pdf(path: Path, pages: Sequence[Sequence[str]], *, outline: bool = True, password: str = "") -> None:
    """Each page's first line is its heading."""
    writer = PdfWriter()
    for number, lines in enumerate(pages):
        page = writer.add_blank_page(300, 300)
        shown = StreamObject()
        shown.set_data(f"BT /F1 12 Tf 20 250 Td 14 TL {' '.join(f'({line}) Tj T*' for line in lines)} ET".encode())
        page[NameObject("/Contents")] = writer._add_object(shown)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): FONT})}
        )
        if outline:
            writer.add_outline_item(title=lines[0], page_number=number)
    if password:
        writer.encrypt(password)
    writer.write(path)


def make_docx(path: Path) -> None:
    document = docx.Document()
    document.add_heading("Refunds", 0)
    document.add_paragraph("What comes first.")
    document.add_heading("Refund a payment", 1)
    document.add_paragraph("Choose Refund.", style="List Bullet")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Fee", "None"
    document.save(str(path))


def make_xlsx(path: Path, rows: Sequence[Sequence[object]]) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    book.save(path)
