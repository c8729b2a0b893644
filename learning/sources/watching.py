"""Folders whose changes the running bot loads by itself. A file that is being written waits until it is quiet."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from bot.errors import MenteeError
from bot.ports import Store
from learning.sources.files import find
from learning.sources.ingest import IngestReport, Options, ingest

log = structlog.get_logger()

LOOK_EVERY_S = 30.0
QUIET_S = 30.0
"""A file that nobody has touched for so long is taken for finished."""

Stamp = tuple[int, int]
"""Size and time of a file."""


@dataclass
class Watching:
    folders: Sequence[Path]
    store: Store
    options: Options
    clock: Callable[[], float] = time.time
    """Seconds, as files' times count them."""
    _seen: dict[Path, Stamp] | None = None
    """Of the files as they were loaded last; None before the first load."""
    _emptied: set[Path] = field(default_factory=set)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> IngestReport | None:
        """Load what has changed since the last look; None when nothing has. Safe to call at any time."""
        folders = await self._filled()
        stamps = await asyncio.to_thread(self._stamps, folders)
        if not folders or stamps == self._seen:
            return None
        self._seen = stamps
        try:
            report = await ingest(folders, self.store, replace(self.options, is_ready=self._is_quiet))
        except MenteeError as problem:
            log.warning("watched folders could not be loaded", remedy=str(problem))
            return None
        if report.sections or report.facts:
            log.info("knowledge loaded", sections=report.sections, entries=report.facts)
        for path, reason in report.skipped:
            log.warning("file skipped", path=str(path), reason=reason)
        return report

    async def _filled(self) -> list[Path]:
        """The folders but for those that have lost everything at once: a disk that isn't mounted is no deletion."""
        origins = await self.store.run(lambda unit: unit.documents.origins())
        filled = []
        for folder in (each.expanduser().resolve() for each in self.folders):
            is_known = any(Path(origin.source).is_relative_to(folder) for origin in origins)
            if not is_known or await asyncio.to_thread(_has_files, folder):
                self._emptied.discard(folder)
                filled.append(folder)
            elif folder not in self._emptied:
                self._emptied.add(folder)
                log.warning("watched folder is empty; what came from it stays. If that is meant: mentee ingest FOLDER",
                            folder=str(folder))  # fmt: skip
        return [folder for folder in filled if await asyncio.to_thread(folder.is_dir)]

    def _stamps(self, folders: Sequence[Path]) -> dict[Path, Stamp]:
        """Of every usable file; one that is being written counts as it was when it was loaded."""
        return dict(self._stamped(folders))

    def _stamped(self, folders: Sequence[Path]) -> Iterator[tuple[Path, Stamp]]:
        seen = self._seen or {}
        for path in find(folders).files:
            if self._is_quiet(path):
                yield path, _stamp(path)
            elif path in seen:
                yield path, seen[path]

    def _is_quiet(self, path: Path) -> bool:
        """By when it was last changed, which a copy that keeps the original's time can't hide."""
        try:
            stat = path.stat()
        except OSError:
            return False
        return self.clock() - max(stat.st_mtime, stat.st_ctime) >= QUIET_S


def _stamp(path: Path) -> Stamp:
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def _has_files(folder: Path) -> bool:
    return bool(find([folder]).files) if folder.is_dir() else False
