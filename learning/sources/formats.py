"""Which file is read by what. A format's own library is imported when such a file is read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bot.errors import SourceUnreadable
from learning.sources.items import Item

MB = 1_000_000
TEXT_BYTES = 10 * MB
ROWS_BYTES = 1_100 * MB  # 1 GiB, too
BINARY_BYTES = 100 * MB


@dataclass(frozen=True)
class Format:
    name: str
    read: Callable[[Path], Iterable[Item]]
    max_bytes: int
    is_plain: bool = False
    """Plain text, which is read in this process; everything else in one of its own."""
    needs: tuple[str, ...] = ()
    """Modules of the extra `ingest`."""


def format_of(path: Path) -> Format:
    """By its suffix. Raises SourceUnreadable for a file of no known format, or whose library is missing."""
    known = FORMATS.get(path.suffix.lower())
    if known is None:
        raise SourceUnreadable(f"neither help page nor FAQ nor conversation: Mentee reads {', '.join(FORMATS)}")
    if any(find_spec(module) is None for module in known.needs):
        raise SourceUnreadable(f"reading {known.name} needs an extra: pip install -e '.[ingest]'")
    return known


def too_big(size: int, form: Format) -> SourceUnreadable:
    return SourceUnreadable(f"{size / 1e6:.0f} MB; {form.name} may have {form.max_bytes / 1e6:.0f} MB, so split it")


def missing_libraries() -> list[str]:
    """Modules of the extra `ingest` that are not installed."""
    needed = {module: None for each in FORMATS.values() for module in each.needs}
    return [module for module in needed if find_spec(module) is None]


def decode(raw: bytes) -> str:
    """UTF-8, or what a byte order mark says. Raises SourceUnreadable for anything else."""
    try:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            return raw.decode("utf-16")
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise SourceUnreadable(f"not UTF-8 (byte {problem.start}); save it as UTF-8") from problem
    if "\0" in text:
        raise SourceUnreadable("a binary file")
    if not text.strip():
        raise SourceUnreadable("empty")
    return text


def _markdown(path: Path) -> Iterator[Item]:
    from learning.sources.markdown import sections_of, terms_of

    text = decode(path.read_bytes())
    yield terms_of(text)
    yield from sections_of(str(path), text)


def _html(path: Path) -> Iterator[Item]:
    from learning.sources.html import declared_encoding, read_html

    raw = path.read_bytes()
    encoding = declared_encoding(raw)
    try:
        text = raw.decode(encoding) if encoding else decode(raw)
    except (UnicodeDecodeError, LookupError) as problem:
        raise SourceUnreadable(f"it says that it is {encoding}, and is not") from problem
    sections, terms = read_html(str(path), text)
    yield terms
    yield from sections


def _pdf(path: Path) -> Iterator[Item]:
    from learning.sources.pdf import read_pdf

    yield from read_pdf(str(path), path)


def _docx(path: Path) -> Iterator[Item]:
    from learning.sources.office import read_docx

    yield from read_docx(str(path), path)


def _xlsx(path: Path) -> Iterator[Item]:
    from learning.sources.office import read_xlsx

    yield from read_xlsx(path)


def _csv(path: Path) -> Iterator[Item]:
    from learning.sources.faq import read_csv

    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from read_csv(file)


def _json_lines(path: Path) -> Iterator[Item]:
    from learning.sources.json_files import read_lines

    with path.open(encoding="utf-8-sig") as file:
        yield from read_lines(file)


def _json_document(path: Path) -> Iterator[Item]:
    from learning.sources.json_files import read_document

    yield from read_document(path)


def _slack_zip(path: Path) -> Iterator[Item]:
    from learning.sources.chat_exports import read_slack

    yield from read_slack(path)


MARKDOWN = Format("Markdown", _markdown, TEXT_BYTES, is_plain=True)
HTML = Format("HTML", _html, TEXT_BYTES, needs=("selectolax",))
JSON_LINES = Format("JSON lines", _json_lines, ROWS_BYTES, is_plain=True)
FORMATS = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".pdf": Format("PDF", _pdf, BINARY_BYTES, needs=("pypdf",)),
    ".docx": Format("Word documents", _docx, BINARY_BYTES, needs=("docx", "defusedxml")),
    ".csv": Format("CSV", _csv, ROWS_BYTES, is_plain=True),
    ".xlsx": Format("Excel workbooks", _xlsx, BINARY_BYTES, needs=("openpyxl", "docx", "defusedxml")),
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".json": Format("JSON", _json_document, BINARY_BYTES),
    ".zip": Format("Slack exports", _slack_zip, ROWS_BYTES),
}
