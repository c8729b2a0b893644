"""Reads files and folders into pages and FAQs. What can't be read is named with its reason, and the rest goes on."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import SourceUnreadable
from bot.retrieval import Section
from learning.sources.faq_csv import FaqRow, rows_of
from learning.sources.markdown import sections_of

MAX_FILE_BYTES = 10_000_000
PAGES = (".md", ".markdown")
FAQS = (".csv",)


@dataclass(frozen=True)
class Page:
    path: Path
    sha256: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Faq:
    path: Path
    rows: tuple[FaqRow, ...]


@dataclass
class Found:
    pages: list[Page] = field(default_factory=list)
    faqs: list[Faq] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    """Folders that were walked: what had come from there and is gone now is to be forgotten."""
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    paths: set[Path] = field(default_factory=set)
    """Every file that was looked at, the unreadable ones included."""


def find(paths: Sequence[Path]) -> Found:
    """Read all files; folders are walked. Paths are made absolute: they are what a source goes by."""
    found = Found()
    for path in dict.fromkeys(path.expanduser().resolve() for path in paths):
        if path.is_dir():
            found.folders.append(path)
        for file in _files(path):
            if file in found.paths:
                continue
            found.paths.add(file)
            try:
                _read(file, found)
            except (SourceUnreadable, OSError) as problem:
                found.skipped.append((file, _reason(problem)))
    return found


def _files(path: Path) -> Iterator[Path]:
    """A file itself, whatever it is; in a folder, what could be a source. Hidden ones stay out."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.suffix.lower() in PAGES + FAQS and file.is_file() and not hidden:
            yield file


def _read(path: Path, found: Found) -> None:
    kind = path.suffix.lower()
    if path.exists() and kind not in PAGES + FAQS:
        raise SourceUnreadable("neither Markdown (.md) nor a FAQ file (.csv)")
    raw = _bytes(path)
    text = _text(raw)
    if kind in FAQS:
        found.faqs.append(Faq(path, tuple(rows_of(text))))
    else:
        sections = tuple(sections_of(str(path), text))
        if not sections:
            raise SourceUnreadable("no text in it")
        found.pages.append(Page(path, hashlib.sha256(raw).hexdigest(), sections))


def _bytes(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise SourceUnreadable(f"{size / 1e6:.0f} MB; files may have {MAX_FILE_BYTES / 1e6:.0f} MB, so split it")
    return path.read_bytes()


def _text(raw: bytes) -> str:
    if b"\0" in raw:
        raise SourceUnreadable("a binary file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise SourceUnreadable(f"not UTF-8 (byte {problem.start}); save it as UTF-8") from problem
    if not text.strip():
        raise SourceUnreadable("empty")
    return text


def _reason(problem: Exception) -> str:
    return (problem.strerror or str(problem)) if isinstance(problem, OSError) else str(problem)
