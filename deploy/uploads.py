"""Files that an admin sends from the page: kept in the data folder, and loaded like any other. Implements
`bot.ports.Library`.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from bot.errors import SourceUnreadable
from bot.ids import SHARED, Tenant, new_id
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

    async def load(self, name: str, content: AsyncIterator[bytes], tenant: Tenant = SHARED) -> Loaded:
        async with self._turn:
            path = await self._path(safe_name(name), tenant)
            most = format_of(path).max_bytes
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = self._folder / f".{new_id()}"
            try:
                await _write(unfinished, content, most)
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
            separate = self._kept.settings.separate
            options = Options(
                cleaning(self._kept.settings), folder=papers_folder(self._kept), tenant=tenant, separate=separate
            )
            report = await ingest([path], self._kept.store, options)
        return Loaded(
            path.name, report.sections, report.facts, report.data.dropped, len(report.data.contradictions),
            report.data.kept_pairs,
        )  # fmt: skip

    async def _path(self, name: str, tenant: Tenant) -> Path:
        """Where a file goes: where workspaces don't share, none takes the place of another one's."""
        path = self._folder / name
        if not self._kept.settings.separate:
            return path
        owner = (await self._kept.store.run(lambda unit: unit.documents.tenants([str(path)]))).get(str(path), tenant)
        return path if owner == tenant else self._folder / (tenant.replace(":", "_") or "shared") / name


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
