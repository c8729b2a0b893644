"""Files that an admin sends from the page: kept in the data folder, and loaded like any other. Implements
`bot.ports.Library`.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from bot.errors import SourceUnreadable
from bot.ids import new_id
from bot.retrieval import Loaded
from deploy.loading import papers_folder
from deploy.parts import Kept, cleaning
from learning.sources.formats import format_of
from learning.sources.ingest import Options, ingest

MAX_NAME_CHARS = 100


class Uploads:
    def __init__(self, kept: Kept) -> None:
        self._kept, self._folder = kept, papers_folder(kept) / "uploads"
        self._turn = asyncio.Lock()
        """One load at a time, so that nobody can have many files parsed side by side."""

    async def load(self, name: str, content: AsyncIterator[bytes]) -> Loaded:
        path = self._folder / safe_name(name)
        most = format_of(path).max_bytes
        self._folder.mkdir(parents=True, exist_ok=True)
        async with self._turn:
            unfinished = self._folder / f".{new_id()}"
            try:
                await _write(unfinished, content, most)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
            options = Options(cleaning(self._kept.settings), folder=papers_folder(self._kept))
            report = await ingest([path], self._kept.store, options)
        return Loaded(
            path.name, report.sections, report.facts, report.data.dropped, len(report.data.contradictions),
            report.data.kept_pairs,
        )  # fmt: skip


def safe_name(name: str) -> str:
    """A file's name without folders, hidden marks, and characters that mean something. Raises SourceUnreadable."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    plain = re.sub(r"[^\w. -]+", "_", last).strip(" .")[-MAX_NAME_CHARS:].lstrip(" .")
    if not plain:
        raise SourceUnreadable("The file has no name.")
    return plain


async def _write(path: Path, content: AsyncIterator[bytes], most: int) -> None:
    size = 0
    with path.open("wb") as file:
        async for piece in content:
            size += len(piece)
            if size > most:
                raise SourceUnreadable(f"The file is larger than {most / 1e6:.0f} MB.")
            await asyncio.to_thread(file.write, piece)
