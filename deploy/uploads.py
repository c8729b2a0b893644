"""Files that an admin sends from the page, loaded like any other; what loads did, and rows that are restored.
Implements `bot.ports.Library`.

A file that was sent is removed once it was read: it may hold what nobody has redacted.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath

from bot.errors import SourceUnreadable
from bot.ids import SHARED, Tenant
from bot.retrieval import DroppedRow, Loaded, LoadReport, Step
from deploy.loading import papers_folder
from deploy.parts import Kept, cleaning
from learning.sources.formats import format_of
from learning.sources.ingest import Options, ingest
from learning.sources.papers import Papers, id_of

MAX_NAME_CHARS = 100


class Uploads:
    def __init__(self, kept: Kept) -> None:
        self._kept, self._papers = kept, Papers(papers_folder(kept))
        self._folder = self._papers.folder / "uploads"
        self._turn = asyncio.Lock()
        """One load at a time, so that nobody can have many files parsed side by side."""

    async def load(self, name: str, content: AsyncIterator[bytes], tenant: Tenant = SHARED) -> Loaded:
        async with self._turn:
            path = await self._path(safe_name(name), tenant)
            most = format_of(path).max_bytes
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                await _write(path, content, most)
                return await self._ingest(path, tenant)
            finally:
                path.unlink(missing_ok=True)

    async def report(self) -> LoadReport | None:
        noted = await asyncio.to_thread(self._papers.noted)
        if noted is None:
            return None
        steps = tuple(
            Step(name, each["changed"], each["dropped"], tuple(each["examples"]))
            for name, each in noted["steps"].items()
        )
        contradictions = tuple((each["question"], each["answer"], each["other"]) for each in noted["contradictions"])
        counts = {name: noted[name] for name in ("sections", "entries", "kept_entries", "pairs", "kept_pairs")}
        at = datetime.fromisoformat(noted["at"])
        return LoadReport(at, **counts, steps=steps, contradictions=contradictions, quality=noted["quality"])

    async def dropped(self, limit: int) -> Sequence[DroppedRow]:
        return await asyncio.to_thread(self._dropped, limit)

    def _dropped(self, limit: int) -> Sequence[DroppedRow]:
        restored = self._papers.restored()
        return [
            DroppedRow(
                id_of(row), row["source"], row["line"], row["step"], row["reason"], row["question"], row["answer"],
                id_of(row) in restored,
            )
            for row in islice(self._papers.all_dropped(), limit)
        ]  # fmt: skip

    async def restore(self, row: str) -> Loaded:
        async with self._turn:
            return await self._ingest(await asyncio.to_thread(self._papers.restore, row), as_is=True)

    async def _ingest(self, path: Path, tenant: Tenant = SHARED, *, as_is: bool = False) -> Loaded:
        settings = self._kept.settings
        options = Options(
            replace(cleaning(settings), as_is=as_is), folder=self._papers.folder, tenant=tenant,
            separate=settings.separate,
        )  # fmt: skip
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
