"""ZIP archives that may be hostile. Nothing is ever unpacked to disk."""

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from bot.errors import SourceUnreadable

MAX_ENTRIES = 50_000
MAX_ENTRY_BYTES = 100_000_000
MAX_TOTAL_BYTES = 2_000_000_000
MAX_RATIO = 200
"""Text is packed 3 to 20 times smaller. What is far beyond was made to burst."""
RATIO_FROM_BYTES = 1_000_000
ENCRYPTED = 0x1


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open it, once everything that it says of itself is harmless. Raises SourceUnreadable."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive.infolist())
            yield archive
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as problem:
        raise SourceUnreadable(f"not a whole ZIP archive ({problem})") from problem


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise SourceUnreadable(f"{len(entries)} files in it; {MAX_ENTRIES} are read at most")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise SourceUnreadable(f"it unpacks to {total / 1e6:.0f} MB; {MAX_TOTAL_BYTES / 1e6:.0f} MB are read at most")
    for entry in entries:
        if reason := _objection(entry):
            raise SourceUnreadable(f"{entry.filename!r} in it {reason}")


def _objection(entry: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts[:1] and path.parts[0].endswith(":")):
        return "points out of the archive"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a symbolic link"
    if entry.flag_bits & ENCRYPTED:
        return "is encrypted; pack it without a password"
    if entry.file_size > MAX_ENTRY_BYTES:
        return f"unpacks to {entry.file_size / 1e6:.0f} MB; {MAX_ENTRY_BYTES / 1e6:.0f} MB are read at most"
    if entry.file_size > RATIO_FROM_BYTES and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
        return "is packed so densely that it must be a ZIP bomb"
    return None
