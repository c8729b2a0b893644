"""Lessons whose help page has changed under them: they go on being said, aren't trained on, and wait for somebody to
look. Part of the transaction that changes the page.
"""

from collections.abc import Sequence

from bot.feedback import Lesson, LessonSource, facts_of
from bot.ports import Unit
from bot.retrieval import Section
from learning.examples import section_of


def doubt(unit: Unit, source: str, before: Sequence[Section], after: Sequence[Section]) -> None:
    """Mark the lessons that could be read from what is gone and can't be any more; unmark those that can be again."""
    kept = {section.text for section in after}
    gone = [section for section in before if section.text not in kept]
    known = {section.text for section in before}
    new = [section for section in after if section.text not in known]
    for lesson in _taught(unit):
        if lesson.doubted_by == source and section_of(lesson.answer, new) is not None:
            unit.lessons.doubt(lesson.id, "")
        elif section_of(lesson.answer, gone) is not None and section_of(lesson.answer, after) is None:
            unit.lessons.doubt(lesson.id, source)


def _taught(unit: Unit) -> list[Lesson]:
    """What people have taught and is said now."""
    facts = facts_of(unit.lessons.all(), ())
    return [fact.lesson for fact in facts if fact.lesson.source is not LessonSource.FAQ]
