"""Writes what a load brought into the store, and withdraws what is gone. Each function is part of one transaction."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bot.feedback import Fact, Lesson, LessonSource, Phrasing, facts_of
from bot.ids import SHARED, FactId, LessonId, Tenant, new_id
from bot.ports import Unit
from bot.retrieval import Section
from learning.sources.doubting import doubt
from learning.sources.staging import GROWN, KNOWN, Staged

AUTHOR = "faq:"
AT_ONCE = 500
"""Facts in one transaction, so that loading holds up no event."""


def fact_of(source: str, key: str) -> FactId:
    """The same for the same entry of the same file, so that a changed answer is a new version of the fact."""
    return FactId(hashlib.sha256(f"{source}\n{key}".encode()).hexdigest()[:32])


def known(unit: Unit, after: str, authors: set[str]) -> tuple[str, list[Staged]] | None:
    """The next known facts, but for those of the authors, and the id to go on after; None when there are no more."""
    ids = unit.lessons.facts(after, AT_ONCE)
    if not ids:
        return None
    lessons = [lesson for lesson in unit.lessons.all(ids) if lesson.withdrawn_at is None]
    theirs = {lesson.fact for lesson in lessons if lesson.author in authors}
    facts = facts_of([lesson for lesson in lessons if lesson.fact not in theirs], unit.lessons.phrasings(ids))
    return ids[-1], [_known(fact) for fact in facts]


def _known(fact: Fact) -> Staged:
    lesson = fact.lesson
    source = (
        lesson.author.removeprefix(AUTHOR) if lesson.source is LessonSource.FAQ else f"taught by {lesson.author_name}"
    )
    return Staged(
        KNOWN, source, 0, fact.id, lesson.question, lesson.answer, lesson.topic, fact.phrasings, details=lesson.id,
        trainable=lesson.trainable,
    )  # fmt: skip


def keep_page(
    unit: Unit, source: str, sections: Sequence[Section], tenant: Tenant = SHARED, *, separate: bool = False
) -> bool:
    """False when they are the same as before. Lessons that leaned on what is gone are marked; of a workspace's page,
    only its own where workspaces don't share."""
    content = hashlib.sha256("\n".join(map(repr, sections)).encode("utf-8", "surrogatepass")).hexdigest()
    before = unit.documents.sections([source])
    if not unit.documents.replace(source, content if sections else "", sections, tenant):
        return False
    if before:
        doubt(unit, source, before, sections, tenant or None if separate else None)
    return True


def keep_entries(unit: Unit, entries: Sequence[Staged], now: datetime, tenant: Tenant = SHARED) -> list[str]:
    """Add what is new of them, for a workspace or for all; the source of each one that was new or other than before."""
    ids = [FactId(entry.fact) for entry in entries]
    theirs = {entry.fact for entry in entries if entry.kind != GROWN}
    lessons: dict[str, Lesson] = {}
    for lesson in unit.within(None).lessons.all(ids):
        if lesson.source is LessonSource.FAQ and lesson.withdrawn_at is None:
            if lesson.fact in theirs and lesson.tenant != tenant:
                unit.lessons.withdraw(lesson.id, now)  # the file was somebody else's
            else:
                lessons[lesson.fact] = lesson
    phrasings: dict[str, set[str]] = {}
    for phrasing in unit.lessons.phrasings(ids):
        if phrasing.withdrawn_at is None:
            phrasings.setdefault(phrasing.fact, set()).add(phrasing.text)
    added: tuple[list[Lesson], list[Phrasing]] = ([], [])
    changed = [
        entry.source
        for entry in entries
        if _is_new(entry, lessons.get(entry.fact), phrasings.get(entry.fact, set()), now, *added)
    ]
    unit.lessons.add_all(
        [replace(lesson, tenant=tenant) for lesson in added[0]], [replace(text, tenant=tenant) for text in added[1]]
    )
    return changed


def _is_new(
    entry: Staged,
    before: Lesson | None,
    known: set[str],
    now: datetime,
    lessons: list[Lesson],
    phrasings: list[Phrasing],
) -> bool:
    """Add to lessons and phrasings what an entry brings beyond what is known of it."""
    texts = entry.phrasings if entry.kind == GROWN else (entry.question, *entry.phrasings)
    origin = LessonId(entry.details)
    if entry.kind != GROWN:
        is_known = before is not None and _says(before, entry)
        if before is None or not is_known:
            before, known = _lesson(entry, now), set()
            lessons.append(before)
        origin = before.id
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    phrasings += [Phrasing(fact=FactId(entry.fact), text=text, origin=origin) for text in missing]
    return bool(missing)


def _lesson(entry: Staged, now: datetime) -> Lesson:
    return Lesson(
        id=LessonId(new_id()), fact=FactId(entry.fact), question=entry.question, answer=entry.answer,
        author=f"{AUTHOR}{entry.source}", author_name=Path(entry.source).name, source=LessonSource.FAQ, taught_at=now,
        topic=entry.topic, trainable=entry.trainable,
    )  # fmt: skip


def _says(lesson: Lesson, entry: Staged) -> bool:
    said = lesson.question, lesson.answer, lesson.topic, lesson.trainable
    return said == (entry.question, entry.answer, entry.topic, entry.trainable)


def withdraw(
    unit: Unit, source: str, after: str, now: datetime, stays: Callable[[str], bool] = lambda _: False
) -> tuple[str, int] | None:
    """Withdraw the next entries of a file, but for those that stay; the id to go on after and how many there were."""
    ids = unit.lessons.facts(after, AT_ONCE, f"{AUTHOR}{source}")
    if not ids:
        return None
    gone = [fact for fact in ids if not stays(fact)]
    for lesson in unit.lessons.all(gone) if gone else ():
        if lesson.author == f"{AUTHOR}{source}" and lesson.withdrawn_at is None:
            unit.lessons.withdraw(lesson.id, now)
    return ids[-1], len(gone)
