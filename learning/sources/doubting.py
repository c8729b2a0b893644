"""Lessons whose help page has changed under them: they go on being said, aren't trained on, and wait for somebody to
look. Part of the transaction that changes the page.
"""

from collections.abc import Sequence
from itertools import chain

from bot.feedback import Lesson, LessonSource
from bot.ids import Tenant
from bot.ports import Unit
from bot.retrieval import Section
from bot.tenants import facts_by_tenant
from learning.examples import section_of


def doubt(
    unit: Unit, source: str, before: Sequence[Section], after: Sequence[Section], of: Tenant | None = None
) -> None:
    """Mark the lessons (of a workspace) that could be read from what is gone and can't be any more; unmark those that
    can be again."""
    kept = {section.text for section in after}
    gone = [section for section in before if section.text not in kept]
    known = {section.text for section in before}
    new = [section for section in after if section.text not in known]
    for lesson in (each for each in _taught(unit) if of in (None, each.tenant)):
        if lesson.doubted_by == source and section_of(lesson.answer, new) is not None:
            unit.lessons.doubt(lesson.id, "")
        elif section_of(lesson.answer, gone) is not None and section_of(lesson.answer, after) is None:
            unit.lessons.doubt(lesson.id, source)


def _taught(unit: Unit) -> list[Lesson]:
    """What people have taught and is said now, in whichever workspace."""
    facts = chain(*facts_by_tenant(unit.lessons.all(), ()).values())
    said = {fact.lesson.id: fact.lesson for fact in facts}
    return [lesson for lesson in said.values() if lesson.source is not LessonSource.FAQ]
