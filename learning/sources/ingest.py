"""Loads help pages and FAQ files into the store, so that loading them again changes only what has changed."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import SourceUnreadable
from bot.feedback import Lesson, LessonSource, Phrasing
from bot.ids import FactId, LessonId, new_id
from bot.ports import Store, Unit
from learning.redaction.sources import Redact, redacted
from learning.sources.faq_csv import FaqRow
from learning.sources.files import Faq, Found, find

AUTHOR = "faq:"


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


async def ingest(paths: Sequence[Path], store: Store, redact: Redact | None = None) -> IngestReport:
    """Load files and folders in one transaction. Raises SourceUnreadable when there is nothing usable in them."""
    found = await asyncio.to_thread(find, paths)
    if redact is not None:
        found = await asyncio.to_thread(redacted, found, redact)
    if not found.pages and not found.faqs:
        reasons = "; ".join(f"{path}: {reason}" for path, reason in found.skipped[:5])
        raise SourceUnreadable(
            f"Nothing to load in {', '.join(map(str, paths))}: Mentee reads Markdown pages (.md) and FAQ files "
            f"(.csv with the columns question and answer). {reasons}".strip()
        )
    return await store.run(lambda unit: _keep(unit, found, datetime.now(UTC)))


def _keep(unit: Unit, found: Found, now: datetime) -> IngestReport:
    sections = facts = unchanged = 0
    for page in found.pages:
        if unit.documents.replace(str(page.path), page.sha256, page.sections):
            sections += len(page.sections)
        else:
            unchanged += 1
    lessons = [lesson for lesson in unit.lessons.all() if lesson.source is LessonSource.FAQ]
    for faq in found.faqs:
        changed, removed = _keep_faq(unit, faq, lessons, now)
        facts += changed
        unchanged += not changed and not removed
    _forget_the_gone(unit, found, lessons, now)
    return IngestReport(sections, facts, unchanged, tuple(found.skipped))


def _keep_faq(unit: Unit, faq: Faq, lessons: Iterable[Lesson], now: datetime) -> tuple[int, int]:
    """Add new and changed entries, withdraw those that are gone; how many there were of each."""
    author = f"{AUTHOR}{faq.path}"
    active: dict[FactId, list[Lesson]] = {}
    for lesson in lessons:
        if lesson.author == author and lesson.withdrawn_at is None:
            active.setdefault(lesson.fact, []).append(lesson)
    changed = 0
    for row in faq.rows:
        versions = active.pop(_fact(faq.path, row), [])
        if not versions or not _says(versions[-1], row):
            _add(unit, faq.path, row, now)
            changed += 1
    for lesson in (lesson for versions in active.values() for lesson in versions):
        unit.lessons.withdraw(lesson.id, now)
    return changed, len(active)


def _add(unit: Unit, path: Path, row: FaqRow, now: datetime) -> None:
    lesson = Lesson(
        id=LessonId(new_id()), fact=_fact(path, row), question=row.question, answer=row.answer,
        author=f"{AUTHOR}{path}", author_name=path.name, source=LessonSource.FAQ, taught_at=now, topic=row.topic,
    )  # fmt: skip
    unit.lessons.add(lesson)
    unit.lessons.add_phrasing(Phrasing(fact=lesson.fact, text=row.question, origin=lesson.id))


def _says(lesson: Lesson, row: FaqRow) -> bool:
    return (lesson.question, lesson.answer, lesson.topic) == (row.question, row.answer, row.topic)


def _fact(path: Path, row: FaqRow) -> FactId:
    """The same for the same entry of the same file, so that a changed answer is a new version of the fact."""
    return FactId(hashlib.sha256(f"{path}\n{row.key}".encode()).hexdigest()[:32])


def _forget_the_gone(unit: Unit, found: Found, lessons: Iterable[Lesson], now: datetime) -> None:
    """Forget what came from a file that is no longer in a folder that was walked."""
    for source in {section.source for section in unit.documents.sections()}:
        if _is_gone(Path(source), found):
            unit.documents.replace(source, "", ())
    for lesson in lessons:
        if lesson.withdrawn_at is None and _is_gone(Path(lesson.author.removeprefix(AUTHOR)), found):
            unit.lessons.withdraw(lesson.id, now)


def _is_gone(path: Path, found: Found) -> bool:
    return path not in found.paths and any(path.is_relative_to(folder) for folder in found.folders)
