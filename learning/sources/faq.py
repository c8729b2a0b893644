"""FAQ entries, from CSV and from rows of any kind that name question and answer. Knows nothing of where they are kept.

Columns: question and answer; optionally id, topic, phrasings (or phrasing_1, phrasing_2, …), licence and consent.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from bot.errors import SourceUnreadable
from learning.sources.items import Broken, FaqRow

SEPARATORS = ",;\t"
REQUIRED = {"question", "answer"}
MAX_CELL_CHARS = 1_000_000


def read_csv(file: TextIO) -> Iterator[FaqRow | Broken]:
    """Parse a file (opened with newline=""), row by row. Raises SourceUnreadable where it can't go on."""
    csv.field_size_limit(MAX_CELL_CHARS)
    columns, separator = _header(file.readline())
    reader = csv.reader(file, delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _row(columns, cells, reader.line_num + 1)
    except csv.Error as problem:
        raise SourceUnreadable(f"line {reader.line_num + 1}: {problem}") from problem


def faq_row(named: Mapping[str, str], line: int, phrasings: Sequence[str] = ()) -> FaqRow | Broken:
    """`named`: stripped texts by their column."""
    for name in sorted(REQUIRED):
        if not named.get(name):
            return Broken(line, f"the {name} is empty", " | ".join(filter(None, named.values())))
    given = (*phrasings, *(text for name, text in named.items() if name.startswith("phrasing")))
    key = named.get("id") or question_key(named["question"])
    others = tuple(dict.fromkeys(text for text in given if text))
    return FaqRow(
        key, named["question"], named["answer"], named.get("topic", ""), others, line, *terms_in(named)
    )  # fmt: skip


def terms_in(named: Mapping[str, str]) -> tuple[str, str]:
    """Licence and consent of a record."""
    return named.get("licence") or named.get("license") or "", named.get("consent") or ""


def question_key(question: str) -> str:
    """What an entry without an id goes by."""
    return " ".join(question.casefold().split())


def _header(first: str) -> tuple[list[str], str]:
    """The columns' names and the separator with which they are the right ones."""
    for separator in SEPARATORS:
        columns = [name.strip().strip('"').lower() for name in first.removeprefix("\ufeff").split(separator)]
        if set(columns) >= REQUIRED:
            return columns, separator
    raise SourceUnreadable("its first line does not name the columns question and answer")


def _row(columns: Sequence[str], cells: Sequence[str], line: int) -> FaqRow | Broken:
    if len(cells) != len(columns):
        return Broken(
            line,
            f"{len(cells)} cells where the header has {len(columns)}; put quotes around text that contains separators",
            " | ".join(cells),
        )
    return faq_row({name: cell.strip() for name, cell in zip(columns, cells, strict=True)}, line)
