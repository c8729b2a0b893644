"""FAQ files: CSV with the columns question and answer, and optionally id and topic."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from bot.capturing import MAX_ANSWER_CHARS
from bot.errors import SourceUnreadable

SEPARATORS = ",;\t"
REQUIRED = {"question", "answer"}


@dataclass(frozen=True)
class FaqRow:
    key: str
    """What makes it the same entry next time: its id, or else its question."""
    question: str
    answer: str
    topic: str


def rows_of(text: str) -> list[FaqRow]:
    """Parse a file's text. Raises SourceUnreadable, naming the line, for a file with anything unusable in it."""
    columns, separator = _header(text)
    rows: dict[str, FaqRow] = {}
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator, strict=True)
    try:
        next(reader)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = _row(columns, cells, reader.line_num)
                if row.key in rows:
                    raise SourceUnreadable(f"line {reader.line_num}: {row.key!r} stands there twice; make it unique")
                rows[row.key] = row
    except csv.Error as problem:
        raise SourceUnreadable(f"line {reader.line_num}: {problem}") from problem
    return list(rows.values())


def _header(text: str) -> tuple[list[str], str]:
    """The columns' names and the separator with which they are the right ones."""
    first = next(iter(text.removeprefix("\ufeff").splitlines()), "")
    for separator in SEPARATORS:
        columns = [name.strip().strip('"').lower() for name in first.split(separator)]
        if set(columns) >= REQUIRED:
            return columns, separator
    raise SourceUnreadable("its first line does not name the columns question and answer")


def _row(columns: Sequence[str], cells: Sequence[str], line: int) -> FaqRow:
    if len(cells) != len(columns):
        raise SourceUnreadable(
            f"line {line}: {len(cells)} cells where the header has {len(columns)}; "
            "put quotes around text that contains separators"
        )
    named = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    for name in sorted(REQUIRED):
        if not named[name]:
            raise SourceUnreadable(f"line {line}: the {name} is empty")
        if len(named[name]) > MAX_ANSWER_CHARS:
            raise SourceUnreadable(f"line {line}: the {name} is longer than {MAX_ANSWER_CHARS} characters")
    key = named.get("id") or " ".join(named["question"].casefold().split())
    return FaqRow(key, named["question"], named["answer"], named.get("topic", ""))
