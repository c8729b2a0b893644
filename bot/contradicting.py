"""Lessons that contradict the help documents: found by their numbers, served at once, and not trained on until an admin
has confirmed them. An agent is often right just because the page is out of date, so nothing is kept from the asker; but
what is wrong in the weights can't be looked up.

Knows nothing of how sections are found: it gets those that speak of the question.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.feedback import Fact, Lesson
from bot.ids import LessonId
from bot.ports import Unit
from bot.retrieval import Section
from bot.support import content_words

ALIKE_ABOVE = 0.5
"""A sentence that has more than this share of the words of what is said (without numbers) speaks of the same."""
FEW_WORDS = 4
"""A sentence of fewer is understood only with its question."""
NUMBERS = "two three four five six seven eight nine ten eleven twelve".split()
COUNTED = {word: str(number) for number, word in enumerate(NUMBERS, 2)}
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True)
class Contradiction:
    section: Section
    sentence: str
    """What stands there instead."""


def contradiction(question: str, answer: str, sections: Sequence[Section]) -> Contradiction | None:
    """The first sentence of the sections that says the same as one of the answer but for its numbers.

    A number that any of them has contradicts none: it may be that one which means the question.
    """
    said = _numbers(answer)
    known = {number for section in sections for number in _numbers(f"{section.label} {section.text}")}
    claims = [_subject(question, claim) for claim in _SENTENCE_END.split(answer) if _numbers(claim) - known]
    for section in sections:
        for sentence in _SENTENCE_END.split(section.text):
            words = _plain_words(sentence)
            speaks = any(claim and len(claim & words) > ALIKE_ABOVE * len(claim) for claim in claims)
            if speaks and _numbers(sentence) - said:
                return Contradiction(section, sentence)
    return None


def contradicts(lesson: Lesson, sections: Sequence[Section]) -> Section | None:
    """The section that a lesson contradicts, of those that speak of its question."""
    found = contradiction(lesson.question, lesson.answer, sections)
    return found.section if found is not None else None


def in_doubt(lessons: Iterable[Lesson], sections: Sequence[Section]) -> Mapping[LessonId, Contradiction]:
    """The lessons that wait for an admin's word. One whose section was brought into line since waits no more."""
    by_id = {section.id: section for section in sections}
    found: dict[LessonId, Contradiction] = {}
    for lesson in lessons:
        section = by_id.get(lesson.contradicts) if lesson.contradicts is not None else None
        if section is None or lesson.ruling is not None or lesson.withdrawn_at is not None:
            continue
        if (contradicted := contradiction(lesson.question, lesson.answer, [section])) is not None:
            found[lesson.id] = contradicted
    return found


def undoubted(unit: Unit, facts: Sequence[Fact]) -> list[Fact]:
    """The facts that may be trained on."""
    doubted = in_doubt([fact.lesson for fact in facts], unit.documents.sections())
    return [fact for fact in facts if fact.lesson.id not in doubted]


def _subject(question: str, claim: str) -> set[str]:
    """What a sentence of the answer speaks of, in words."""
    words = _plain_words(claim)
    return words if len(words) >= FEW_WORDS else words | _plain_words(question)


def _numbers(text: str) -> set[str]:
    words = (COUNTED.get(word, word) for word in content_words(text))
    return {word for word in words if word[0].isdigit()}


def _plain_words(text: str) -> set[str]:
    return {word for word in content_words(text) if not word[0].isdigit() and word not in COUNTED}
