"""Down to what led to an answer: lessons, pages and adapter, who taught each and when, and what can be done about it.

Tells what the unit sees (`Unit.within`), so that a workspace reads nothing of another one's. Changes nothing. Which of
an adapter's lessons made it write a text can't be known: those that are nearest to the question in words are named.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from bot.answers import Answer, PostedAnswer, SourceKind
from bot.feedback import Lesson, LessonSource, Ruling, facts_of
from bot.ids import FactId, LessonId, SectionId, Tenant
from bot.lineage import Adapter, Move
from bot.ports import Unit
from bot.retrieval import Section
from bot.reviewing import short
from bot.shortening import shorten
from bot.status import explain
from bot.support import content_words, coverage, jaccard
from bot.texts import Texts
from bot.trying import live_adapter

NEAR_FROM = 0.5
"""Least share of the question's content that a lesson speaks of, to be named among those an adapter learned from."""
MOST_LISTED = 5
MOST_TEACHERS = 10


@dataclass(frozen=True)
class Blaming:
    texts: Texts
    common: Tenant | None
    """Whose lessons train what answers everywhere; None: everybody's."""

    def describe(self, unit: Unit, posted: PostedAnswer) -> str:
        """All that led to the answer, as lines."""
        answer, adapter = posted.answer, _adapter(unit, posted.answer)
        said = _said(unit, answer)
        before = [each for each in _versions(unit, said) if each not in said]
        since = [each for each in unit.lessons.about(answer.id) if each not in (*said, *before)]
        lines = [explain(unit, posted, self.texts, self.common)]
        lines += self._listed(unit, self.texts.blame_said, said)
        if answer.confirmation is not None and not said:
            lines.append(self.texts.blame_gone)
        lines += self._phrasing(unit, answer)
        lines += self._listed(unit, self.texts.blame_versions, before)
        lines += self._pages(unit, answer)
        lines += self._learned(unit, answer, adapter) if adapter is not None else []
        lines += self._listed(unit, self.texts.blame_since, since)
        return "\n".join([*lines, self.texts.blame_remedies, *self._remedies(unit, answer, said, adapter)])

    # --- lessons ---------------------------------------------------------------------------------------------------

    def _listed(self, unit: Unit, title: str, lessons: Sequence[Lesson]) -> list[str]:
        """The last ones: of versions, the newest."""
        if not lessons:
            return []
        more = [self.texts.held_more.format(count=len(lessons) - MOST_LISTED)] if len(lessons) > MOST_LISTED else []
        return [title, *(self._line(unit, lesson) for lesson in lessons[-MOST_LISTED:]), *more]

    def _line(self, unit: Unit, lesson: Lesson) -> str:
        return self.texts.blame_lesson.format(
            id=short(lesson), name=lesson.author_name, date=f"{lesson.taught_at:%Y-%m-%d %H:%M}",
            source=self._source(lesson.source), state=self._state(unit, lesson), question=shorten(lesson.question),
            answer=shorten(lesson.answer),
        )  # fmt: skip

    def _source(self, source: LessonSource) -> str:
        return {
            LessonSource.CORRECTION: self.texts.source_correction,
            LessonSource.APPROVAL: self.texts.source_approval,
            LessonSource.TAUGHT: self.texts.source_taught,
            LessonSource.REPLY: self.texts.source_reply,
            LessonSource.FAQ: self.texts.source_faq,
        }[source]

    def _state(self, unit: Unit, lesson: Lesson) -> str:
        if lesson.held is not None:
            return self.texts.lesson_held
        if lesson.ruling is Ruling.DROPPED:
            return self.texts.lesson_dropped.format(by=lesson.ruled_by)
        if lesson.withdrawn_at is not None:
            return self.texts.lesson_withdrawn
        return self.texts.lesson_in_use if _is_in_use(unit, lesson) else self.texts.lesson_replaced

    def _phrasing(self, unit: Unit, answer: Answer) -> list[str]:
        """Of a known answer, the words that it is known by and that are nearest to what was asked, and who brought
        them: a wrong one is why an answer is given to another question."""
        if answer.fact is None:
            return []
        known = [each for each in unit.lessons.phrasings([answer.fact]) if each.withdrawn_at is None]
        asked = answer.question
        nearest = max(reversed(known), key=lambda each: (each.text == asked, _likeness(each.text, asked)), default=None)
        if nearest is None:
            return []
        lesson = unit.lessons.get(LessonId(nearest.origin))
        gesture, _, rest = nearest.origin.partition(":")
        brought = {"rating": self.texts.phrasing_by_rating, "choice": self.texts.phrasing_by_choice}.get(gesture, "")
        by = brought.format(person=rest.partition(":")[2]) if lesson is None else f"`{short(lesson)}`"
        return [self.texts.blame_phrasing.format(phrasing=shorten(nearest.text), by=by or nearest.origin)]

    # --- pages -----------------------------------------------------------------------------------------------------

    def _pages(self, unit: Unit, answer: Answer) -> list[str]:
        read = answer.read
        lines = [self._page(unit, read.section, read.sha256)] if read is not None else []
        cited = [each for each in answer.sources if each.kind is SourceKind.SECTION]
        lines += [
            self._page(unit, SectionId(each.id), "", each.title)
            for each in cited
            if read is None or each.id != read.section
        ]
        return [self.texts.blame_pages, *lines] if lines else []

    def _page(self, unit: Unit, id: SectionId, sha256: str, title: str = "") -> str:
        section = unit.documents.section(id)
        if section is None:
            return self.texts.blame_page_gone.format(title=title or self.texts.blame_page_unnamed)
        as_then = self.texts.page_same if sha256 in ("", section.sha256) else self.texts.page_changed
        return self.texts.blame_page.format(title=section.label, file=_file(section), state=as_then)

    # --- the adapter -----------------------------------------------------------------------------------------------

    def _learned(self, unit: Unit, answer: Answer, adapter: Adapter) -> list[str]:
        """How the adapter came to be, who taught what it learned, and which of it is nearest to the question."""
        known = {lesson.id: lesson for lesson in unit.lessons.all()}
        lessons = [known[each] for each in adapter.lessons if each in known]
        teachers = Counter(lesson.author_name for lesson in lessons).most_common(MOST_TEACHERS)
        told = self.texts.blame_adapter.format(
            line=" ← ".join(each.name for each in _line_of(unit, adapter)),
            date=f"{adapter.created_at:%Y-%m-%d %H:%M}", lessons=len(adapter.lessons), base=adapter.base_model,
            teachers=", ".join(f"{count} {name}" for name, count in teachers) or self.texts.nothing_counted,
        )  # fmt: skip
        promoted = [
            each.at for each in unit.adapters.history() if (each.move, each.adapter) == (Move.PROMOTE, adapter.id)
        ]
        if promoted:
            told += f" {self.texts.blame_promoted.format(date=f'{promoted[-1]:%Y-%m-%d %H:%M}')}"
        if hidden := len(adapter.lessons) - len(lessons):
            told += f" {self.texts.blame_hidden.format(count=hidden)}"
        return [told, *self._listed(unit, self.texts.blame_nearest, _nearest(answer.question, lessons))]

    # --- what can be done ------------------------------------------------------------------------------------------

    def _remedies(self, unit: Unit, answer: Answer, said: Sequence[Lesson], adapter: Adapter | None) -> list[str]:
        texts = self.texts
        lines = [texts.remedy_correct.format(menu=texts.offer_button)]
        for lesson in said:
            if lesson.source is LessonSource.FAQ:
                lines.append(texts.remedy_faq.format(file=lesson.author_name))
            elif _is_in_use(unit, lesson):
                lines.append(texts.remedy_drop.format(id=short(lesson)))
        page = unit.documents.section(answer.read.section) if answer.read is not None else None
        if page is not None:
            lines.append(texts.remedy_page.format(file=_file(page)))
        if adapter is not None and adapter == live_adapter(unit.within(self.common)):
            lines.append(texts.remedy_adapter)
        return [f"• {line}" for line in lines]


def _adapter(unit: Unit, answer: Answer) -> Adapter | None:
    """Whoever's it is: a workspace may know which adapter wrote to it, but not what others taught it."""
    return unit.within(None).adapters.get(answer.adapter) if answer.adapter is not None else None


def _line_of(unit: Unit, adapter: Adapter) -> list[Adapter]:
    """The adapter, the one that its training went on from, and so on."""
    line, everything = [adapter], unit.within(None).adapters
    while line[-1].start is not None and (before := everything.get(line[-1].start)) is not None:
        line.append(before)
    return line


def _said(unit: Unit, answer: Answer) -> list[Lesson]:
    """The lesson that was said word for word; of "did you mean", those that were offered."""
    if answer.confirmation is not None:
        lesson = unit.lessons.get(answer.confirmation.lesson)
        return [lesson] if lesson is not None else []
    offered = [each.fact for each in answer.candidates if each.fact is not None]
    return [fact.lesson for fact in facts_of(unit.lessons.all(offered), ())] if offered else []


def _versions(unit: Unit, lessons: Iterable[Lesson]) -> list[Lesson]:
    """All lessons of the same facts, oldest first."""
    facts = list(dict.fromkeys(lesson.fact for lesson in lessons))
    return list(unit.lessons.all(facts)) if facts else []


def _file(section: Section) -> str:
    """Where it lies on the machine is nobody's business."""
    return PurePath(section.source).name or section.source


def _is_in_use(unit: Unit, lesson: Lesson) -> bool:
    return any(fact.lesson.id == lesson.id for fact in facts_of(unit.lessons.all([FactId(lesson.fact)]), ()))


def _nearest(question: str, lessons: Iterable[Lesson]) -> list[Lesson]:
    scored = [(coverage(question, f"{each.question} {each.answer}"), each) for each in lessons]
    near = [(score, each) for score, each in scored if score >= NEAR_FROM]
    return [each for _, each in sorted(near, key=lambda pair: (-pair[0], pair[1].id))[:MOST_LISTED]]


def _likeness(one: str, other: str) -> float:
    """Share of content words that two texts have in common, in [0, 1]."""
    return jaccard(set(content_words(one)), set(content_words(other)))
