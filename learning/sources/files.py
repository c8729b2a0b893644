"""Finds the files that are to be read. What can't be used is named with its reason, and the rest goes on."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import SourceUnreadable
from learning.sources.formats import FORMATS, format_of, too_big


@dataclass
class Found:
    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    """Folders that were walked: what had come from there and is gone now is to be forgotten."""
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    paths: set[Path] = field(default_factory=set)
    """Every file that was looked at, the unusable ones included."""

    def has_lost(self, path: Path) -> bool:
        """True for a file that is no longer in a folder that was walked."""
        return path not in self.paths and any(path.is_relative_to(folder) for folder in self.folders)


IsReady = Callable[[Path], bool]
"""False for a file that is still being written."""


def find(paths: Sequence[Path], is_ready: IsReady = lambda _: True) -> Found:
    """All files; folders are walked. Paths are made absolute: they are what a source goes by."""
    found = Found()
    for path in dict.fromkeys(path.expanduser().resolve() for path in paths):
        if path.is_dir():
            found.folders.append(path)
        for file in _files(path):
            if file not in found.paths:
                found.paths.add(file)
                _check(file, path, found, is_ready)
    return found


def is_address(text: str) -> bool:
    """True for https://… and whatever else no path begins with."""
    return re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) is not None


def version(path: Path) -> str:
    """The file's sha256, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(path: Path) -> Iterator[Path]:
    """A file itself, whatever it is; in a folder, what could be a source. Hidden ones stay out."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.suffix.lower() in FORMATS and not hidden and not file.is_dir():
            yield file


def _check(file: Path, given: Path, found: Found, is_ready: IsReady) -> None:
    try:
        if not file.resolve().is_relative_to(given):
            raise SourceUnreadable("a link that leads out of the folder; name the file itself")
        size = file.stat().st_size
        if not file.is_file():
            raise SourceUnreadable("not a regular file")
        form = format_of(file)
        if size > form.max_bytes:
            raise too_big(size, form)
        if not is_ready(file):
            raise SourceUnreadable("it is being written; it is read when it has been left alone for a while")
        found.files.append(file)
    except (SourceUnreadable, OSError) as problem:
        found.skipped.append((file, reason(problem)))


def reason(problem: Exception) -> str:
    return (problem.strerror or str(problem)) if isinstance(problem, OSError) else str(problem)
