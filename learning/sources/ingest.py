"""Loads help pages, FAQ files and conversations, so that loading them again changes only what has changed.

find → read → clean → merge → keep. Pages go into the store file by file. FAQ entries of all files wait in a staging
file until all are there, so that duplicates and contradictions are found across files; then they are kept in portions,
each a transaction: an interrupted load goes on where it was. Pairs of conversations are never kept here: they are
written down for somebody to look at, and become knowledge when they come back as an FAQ file.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from bot.consent import may_train
from bot.errors import SourceUnreadable
from bot.ids import SHARED, Tenant
from bot.lineage import Progress
from bot.ports import Store, Unit
from bot.retrieval import Origin
from learning.sources import keeping
from learning.sources.cleaning import Cleaner, Cleaning
from learning.sources.files import Found, IsReady, find, reason, version
from learning.sources.formats import FORMATS
from learning.sources.intake import Intake, Taken
from learning.sources.items import Terms
from learning.sources.merging import compare_pairs, limit_people, limit_topics, merge
from learning.sources.papers import Papers
from learning.sources.reading import Reader
from learning.sources.report import DataReport
from learning.sources.staging import FAQ, GROWN, PAIR, Staged, Staging

READING = "3"
"""To be raised when files are to be read anew because something reads them differently."""
AGAIN = "again"
"""Marks a file some of whose entries another file's stand for: if those go, it is read anew."""

NOT_YOURS = "it was loaded for {tenant}; for others, load a copy of it"

T = TypeVar("T")

Tell = Callable[[Progress], None]


@dataclass(frozen=True)
class IngestReport:
    sections: int
    """Of new and changed pages."""
    facts: int
    """New and changed FAQ entries."""
    unchanged: int
    """Files that were loaded before as they are."""
    skipped: tuple[tuple[Path, str], ...]
    """Files that couldn't be used, with the reason."""
    data: DataReport = field(default_factory=DataReport, compare=False)


@dataclass(frozen=True)
class Options:
    cleaning: Cleaning = field(default_factory=Cleaning)
    licence: str = ""
    """Of files that name none."""
    consent: str = ""
    folder: Path | None = None
    """Where what was dropped, and what is to be reviewed, is written; None: nowhere."""
    tenant: Tenant = SHARED
    """The workspace that it is for."""
    separate: bool = False
    """Workspaces don't share what they know, so that nothing is compared with what others do."""
    dry_run: bool = False
    """Read and report; keep nothing."""
    is_ready: IsReady = lambda _: True
    """Files that are not are left for the next time; nothing of theirs is withdrawn."""


async def ingest(
    paths: Sequence[Path], store: Store, options: Options | None = None, tell: Tell = lambda _: None
) -> IngestReport:
    """Load files and folders. Raises SourceUnreadable when there is nothing usable in them."""
    options = options or Options()
    found = await asyncio.to_thread(find, paths, options.is_ready)
    with (
        tempfile.TemporaryDirectory(prefix="mentee-ingest-") as folder,
        Staging(Path(folder) / "staging.db") as staging,
    ):
        load = _Load(store, options, found, staging, tell)
        await load.read()
        if not load.taken and not load.unchanged:
            raise SourceUnreadable(_nothing(paths, found))
        await load.merge()
        if not load.options.dry_run:
            await load.keep()
        is_of_interest = load.report.files and not options.dry_run and not options.cleaning.as_is
        if options.folder is not None and is_of_interest:
            await asyncio.to_thread(Papers(options.folder).note, load.report, datetime.now(UTC))
        return load.told()


class _Load:
    """One load: read, merge, keep; each is called once."""

    def __init__(self, store: Store, options: Options, found: Found, staging: Staging, tell: Tell) -> None:
        self.store, self.options, self.found, self.staging, self.tell = store, options, found, staging, tell
        self.report = DataReport()
        self.taken: list[Taken] = []
        self.unchanged: list[Path] = []
        self._changed_sections = 0
        self._changed_entries: Counter[str] = Counter()
        """By source."""
        self._elsewhere: set[str] = set()
        """Sources some of whose entries another file's stand for."""

    async def read(self) -> None:
        """Read what has changed. Pages are kept at once; entries wait in the staging file."""
        changed = await self._changed()
        if changed:
            await self._stage_known({f"{keeping.AUTHOR}{path}" for path, _ in changed})
        cleaner = Cleaner(self.options.cleaning, self.report)
        terms = Terms(self.options.licence, self.options.consent)
        intake = Intake(self.staging, cleaner, self.report, partial(self._say_rows, len(changed)), terms)
        with Reader() as reader:
            for path, sha256 in changed:
                self._say(f"Reading {path.name}", len(self.taken), len(changed))
                try:
                    taken = await asyncio.to_thread(intake.take, path, sha256, reader.read(path))
                except (SourceUnreadable, OSError) as problem:
                    self.staging.forget(str(path))
                    self.found.skipped.append((path, reason(problem)))
                    continue
                await self._take(taken)

    async def merge(self) -> None:
        """Find what says the same, across all files and what is known."""
        await asyncio.to_thread(compare_pairs, self.staging, self.report)
        self._elsewhere = await asyncio.to_thread(merge, self.staging, self.report)
        cleaning = self.options.cleaning
        await asyncio.to_thread(limit_people, self.staging, self.report, cleaning.most_per_person)
        await asyncio.to_thread(limit_topics, self.staging, self.report, cleaning.most_per_topic)
        self.report.kept_entries, self.report.kept_pairs = self.staging.count(FAQ), self.staging.count(PAIR)

    async def keep(self) -> None:
        """Keep what is new of the entries, withdraw what is gone, and note which versions were read."""
        done, total = 0, self.staging.count(GROWN) + self.staging.count(FAQ)
        for kind in (GROWN, FAQ):
            for portion in _portions(self.staging.remaining(kind)):
                keep = partial(keeping.keep_entries, entries=portion, now=datetime.now(UTC), tenant=self.options.tenant)
                self._changed_entries.update(await self._seen(keep))
                done += len(portion)
                self._say("Keeping what is new", done, total)
        for taken in (taken for taken in self.taken if not taken.sections):
            await self._finish(taken)
        await self._forget_lost()

    def told(self) -> IngestReport:
        facts = self._changed_entries.total()
        return IngestReport(
            self._changed_sections, facts, len(self.unchanged), tuple(self.found.skipped), self.report
        )  # fmt: skip

    async def _changed(self) -> list[tuple[Path, str]]:
        """Files that are new, other, or to be read another way, with their sha256."""
        known = {origin.source: origin for origin in await self.store.run(lambda unit: unit.documents.origins())}
        changed: list[tuple[Path, str]] = []
        for path in self.found.files:
            sha256 = await asyncio.to_thread(version, path)
            before = known.get(str(path))
            if before is not None and self.options.separate and before.tenant not in (SHARED, self.options.tenant):
                self.found.skipped.append((path, NOT_YOURS.format(tenant=before.tenant)))
            elif before is not None and (before.sha256, before.reading) == (sha256, self._reading):
                self.unchanged.append(path)
            else:
                changed.append((path, sha256))
        return changed

    async def _stage_known(self, authors: set[str]) -> None:
        """Put what is known into the staging file, but for what comes from files that are about to be read."""
        after: str | None = ""
        while after is not None:
            portion = await self._seen(partial(keeping.known, after=after, authors=authors))
            after, entries = portion or (None, [])
            await asyncio.to_thread(self._put_known, entries)

    def _put_known(self, entries: Sequence[Staged]) -> None:
        for entry in entries:
            self.staging.put(entry)
            self.staging.index(entry)

    async def _take(self, taken: Taken) -> None:
        self.taken.append(taken)
        self.report.files += 1
        self.report.sections += len(taken.sections)
        if taken.sections and not self.options.dry_run:
            if await self.store.run(partial(self._keep_page, taken=taken)):
                self._changed_sections += len(taken.sections)
            else:
                self.unchanged.append(taken.path)

    def _keep_page(self, unit: Unit, taken: Taken) -> bool:
        whose, separate = self.options.tenant, self.options.separate
        is_new = keeping.keep_page(unit, str(taken.path), taken.sections, whose, separate=separate)
        unit.documents.note(self._origin(taken))
        return is_new

    async def _finish(self, taken: Taken) -> None:
        """Of a file with entries, when they are kept: withdraw those that are gone from it."""
        source, gone = str(taken.path), 0
        if not taken.broken:
            gone = await self._withdraw(source, partial(self.staging.keeps, source))
        if not gone and not self._changed_entries[source] and not taken.pairs:
            self.unchanged.append(taken.path)
        if self.options.folder is not None:
            papers = await asyncio.to_thread(Papers(self.options.folder).write, source, self.staging)
            self.report.dropped_files += [papers[0]] if papers[0] is not None else []
            self.report.review_files += [papers[1]] if papers[1] is not None else []
        await self.store.run(lambda unit: unit.documents.note(self._origin(taken)))

    async def _withdraw(self, source: str, stays: Callable[[str], bool]) -> int:
        gone, after = 0, ""
        while True:
            work = partial(keeping.withdraw, source=source, after=after, now=datetime.now(UTC), stays=stays)
            portion = await self.store.run(work)
            if portion is None:
                return gone
            after, count = portion
            gone += count

    async def _forget_lost(self) -> None:
        """Forget what came from files that are no longer in a folder that was walked."""
        for origin in await self.store.run(lambda unit: unit.documents.origins()):
            if self.found.has_lost(Path(origin.source)):
                await self._withdraw(origin.source, lambda _: False)
                await self.store.run(partial(keeping.keep_page, source=origin.source, sections=()))
                if self.options.folder is not None:
                    Papers(self.options.folder).forget(origin.source)

    def _origin(self, taken: Taken) -> Origin:
        source = str(taken.path)
        licence = "; ".join(taken.licences) or self.options.licence
        consent = "; ".join(taken.consents) or self.options.consent
        reading = AGAIN if source in self._elsewhere else self._reading
        return Origin(source, taken.sha256, licence, consent, reading, self.options.tenant)

    @property
    def _reading(self) -> str:
        options = self.options
        may = "" if may_train(options.licence, options.consent) else " not trained on"
        whose = f" for {options.tenant}" if options.tenant else ""
        return f"{READING} {options.cleaning}{may}{whose}{' apart' if options.separate else ''}"

    async def _seen(self, work: Callable[[Unit], T]) -> T:
        """Done with what the workspace knows that is loaded for."""
        within = self.options.tenant if self.options.separate else None
        return await self.store.run(lambda unit: work(unit.within(within)))

    def _say_rows(self, files: int, path: Path, rows: int) -> None:
        self._say(f"Reading {path.name}: {rows:,} entries", len(self.taken), files)

    def _say(self, stage: str, done: int, total: int) -> None:
        self.tell(Progress(stage, done, total))


def _portions(entries: Iterator[Staged]) -> Iterator[list[Staged]]:
    while portion := list(islice(entries, keeping.AT_ONCE)):
        yield portion


def _nothing(paths: Sequence[Path], found: Found) -> str:
    reasons = "; ".join(f"{path}: {reason}" for path, reason in found.skipped[:5])
    return (
        f"Nothing to load in {', '.join(map(str, paths))}. {f'{reasons}. ' if reasons else ''}"
        f"Mentee reads {', '.join(FORMATS)}; FAQ files name the columns question and answer."
    )
