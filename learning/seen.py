"""What an adapter, and those that it went on from, were trained on, as far as lineages tell. Whatever goes on from it
is not judged by that.

Knows which lessons' words an adapter has seen, and what these say; its examples are kept nowhere. So it knows neither
the help sections that stood in prompts, which no example teaches to say, nor questions that
were made up of these words.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.feedback import Fact, Lesson, Phrasing
from bot.ids import FactId, LessonId
from bot.lineage import Adapter
from learning.dataset import Dataset
from learning.examples import Example, Kind, question_of
from learning.similarity import Alike
from learning.wording import near_duplicate, quotes

Brought = Mapping[tuple[FactId, str], Collection[LessonId]]
"""The lessons that each fact's ways of asking come from."""


def brought_by(lessons: Iterable[Lesson], phrasings: Iterable[Phrasing]) -> Brought:
    """Of the lessons that stand. What a rating or a choice brought is never trained on."""
    standing = {lesson.id: lesson for lesson in lessons if lesson.withdrawn_at is None}
    brought = defaultdict[tuple[FactId, str], set[LessonId]](set)
    for lesson in standing.values():
        brought[lesson.fact, lesson.question].add(lesson.id)
    for phrasing in phrasings:
        if (origin := LessonId(phrasing.origin)) in standing:
            brought[phrasing.fact, phrasing.text].add(origin)
    return brought


def questions_in(dataset: Dataset, brought: Brought) -> tuple[LessonId, ...]:
    """The lessons whose questions the training shows."""
    trained = {example.fact for example in dataset.train}
    shown = [asked for asked in dataset.questions if asked[0] in trained]
    return tuple(sorted({lesson for asked in shown for lesson in brought.get(asked, ())}))


@dataclass(frozen=True)
class Seen:
    """What training has shown to an adapter."""

    lessons: tuple[LessonId, ...]
    """Those whose questions it has seen."""
    facts: frozenset[FactId]
    questions: Sequence[str]
    answers: Sequence[str]

    def has(self, item: Example, fact: Fact | None, alike: Alike) -> bool:
        """Whether a judging item asks for nothing new. `fact`: the one that it asks for, where a lesson taught it.

        The same rules as within one dataset: of a taught fact the question's words are to be new, of a fact that is
        held out all that is said.
        """
        if item.kind is Kind.GENERAL or fact is None:
            return False
        if item.kind is Kind.RECALL:
            return any(_repeats(question_of(item), text, near_duplicate) for text in self.questions)
        known = (*self.questions, *self.answers)
        said = (fact.lesson.answer, *fact.phrasings)
        return fact.id in self.facts or any(_repeats(one, other, alike) for one in said for other in known)


def seen_by(adapter: Adapter, lessons: Sequence[Lesson], brought: Brought) -> Seen:
    """Of an adapter that has kept no list: each question of the facts that it was trained on."""
    known = frozenset(adapter.lessons)
    taught = [lesson for lesson in lessons if lesson.id in known]
    facts = frozenset(lesson.fact for lesson in taught)
    asked = frozenset(adapter.questions if adapter.questions is not None else _all_of(facts, brought))
    questions = [text for (_, text), origins in brought.items() if not asked.isdisjoint(origins)]
    return Seen(tuple(sorted(asked)), facts, questions, [lesson.answer for lesson in taught])


def _all_of(facts: Collection[FactId], brought: Brought) -> Iterable[LessonId]:
    return (lesson for (fact, _), origins in brought.items() if fact in facts for lesson in origins)


def _repeats(one: str, other: str, alike: Alike) -> bool:
    return alike(one, other) or quotes(one, other)
