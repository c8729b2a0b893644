"""What became of each lesson in training: learned, not yet, regressed. Told in the thread where it was taught.

Memory answers a lesson from the moment it is taught; this is about the adapter. Knows nothing of how it is judged.
"""

from collections.abc import Collection
from dataclasses import dataclass

from bot.events import Place
from bot.feedback import Lesson, LessonSource
from bot.ids import LessonId
from bot.lineage import Adapter
from bot.outgoing import Notice
from bot.ports import Unit
from bot.shortening import shorten
from bot.texts import Texts

MAX_QUOTED_CHARS = 120


@dataclass(frozen=True)
class Changes:
    """What is different with the new adapter, by lesson."""

    learned: frozenset[LessonId]
    """It says them, and the one before it didn't."""
    regressed: frozenset[LessonId]
    """The one before it said them. It was taught them as well, and doesn't."""
    not_yet: frozenset[LessonId]
    """It was taught them, as the one before it was not, and doesn't say them. Told once: of later adapters it is no
    change."""


def changes(before: Adapter | None, now: Adapter) -> Changes:
    had = frozenset(before.learned) if before is not None else frozenset()
    taught = frozenset(before.lessons) if before is not None else frozenset()
    has = frozenset(now.learned)
    return Changes(
        learned=has - had,
        regressed=(had - has) & frozenset(now.lessons),
        not_yet=frozenset(now.lessons) - taught - has,
    )


def tell_threads(unit: Unit, before: Adapter | None, now: Adapter, texts: Texts) -> None:
    """One message for each thread where something changed, in the transaction that promotes the adapter.

    Withdrawn lessons have been told as such when they were withdrawn, and are told no more.
    """
    changed = changes(before, now)
    lines: dict[str, list[str]] = {}
    places: dict[str, Place] = {}
    for ids, template in (
        (changed.learned, texts.lesson_learned), (changed.not_yet, texts.lesson_not_yet),
        (changed.regressed, texts.lesson_regressed),
    ):  # fmt: skip
        for lesson in _holding(unit, ids):
            posted = unit.answers.get(lesson.about) if lesson.about is not None else None
            if posted is not None:
                places[posted.place.key] = posted.place
                line = template.format(adapter=now.name, question=shorten(lesson.question, MAX_QUOTED_CHARS))
                lines.setdefault(posted.place.key, []).append(line)
    for key, place in places.items():
        unit.outbox.add(Notice(place=place, text="\n".join(lines[key])))


def standing(unit: Unit, lesson: LessonId, live: Adapter | None, texts: Texts) -> str:
    """What the adapter that answers now has made of a lesson; nothing where there is none, or for a FAQ entry."""
    known = unit.lessons.get(lesson)
    if live is None or known is None or known.source is LessonSource.FAQ:
        return ""
    if known.withdrawn_at is not None:
        return texts.standing_withdrawn
    if lesson not in live.lessons:
        return texts.standing_untrained
    answered = {deployment.adapter for deployment in unit.adapters.history()}
    had = [each.name for each in unit.adapters.all() if each.id in answered and lesson in each.learned]
    if lesson in live.learned:
        return texts.standing_learned.format(adapter=had[0])
    return texts.standing_regressed.format(adapter=had[-1]) if had else texts.standing_not_yet


def _holding(unit: Unit, ids: Collection[LessonId]) -> list[Lesson]:
    found = (unit.lessons.get(lesson) for lesson in sorted(ids))
    return [lesson for lesson in found if lesson is not None and lesson.withdrawn_at is None]
