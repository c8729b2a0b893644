"""What a dry run expects: personal data in what would be trained on, lessons in conflict, and answers that will change.

What a training makes of an answer can't be known before. Expected to change is what the model wrote lately to a
question that a lesson, which would be trained on, answers otherwise. A ❌ alone trains nothing, so it changes nothing;
how many such answers there are is told, since teaching them is what would.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.answers import Answer, PostedAnswer
from bot.feedback import Fact, Gesture
from bot.ids import AnswerId
from bot.lineage import Changing, Found
from bot.personal import PLACEHOLDER
from bot.ports import Unit
from bot.support import content_words
from learning.redaction.finder import Finder
from learning.rightness import is_right

LOOK_BACK = timedelta(days=7)
MOST = 1_000
"""Answers that are looked at, newest first."""


def personal_data(facts: Iterable[Fact]) -> Found:
    """What redaction has replaced in questions and answers that would be trained on, and what stands in the clear
    there: an answer may keep a support address. Names are found only where a text says that they are."""
    finder, replaced, clear = Finder(), Counter[str](), Counter[str]()
    for fact in facts:
        for text in (*fact.submitted, fact.lesson.answer):
            replaced.update(found[0][1:].partition("_")[0] for found in PLACEHOLDER.finditer(text))
            clear.update(str(span.kind) for span in finder.find(text))
    return Found(dict(replaced), dict(clear))


def two_answers(facts: Sequence[Fact]) -> dict[str, tuple[str, ...]]:
    """Questions that facts share and answer otherwise, in each wording, with their answers."""
    asked: dict[Hashable, dict[Hashable, str]] = {}
    for fact in facts:
        for text in fact.submitted:
            asked.setdefault(_words(text), {}).setdefault(_words(fact.lesson.answer), fact.lesson.answer)
    texts = (text for fact in facts for text in fact.submitted)
    return {text: tuple(answers.values()) for text in texts if len(answers := asked[_words(text)]) > 1}


def without(facts: Sequence[Fact], questions: Collection[str]) -> list[Fact]:
    """The facts as if nobody had asked for them by these questions; those that have no others fall out."""
    kept = [replace(fact, phrasings=tuple(text for text in fact.phrasings if text not in questions)) for fact in facts]
    return [left for fact, left in zip(facts, kept, strict=True) if left.submitted or not fact.submitted]


@dataclass(frozen=True)
class Written:
    """What the model wrote lately."""

    answer: Answer
    is_rejected: bool
    """It got a ❌, and no lesson."""


def lately_written(unit: Unit, now: datetime) -> Sequence[Written]:
    return [
        Written(posted.answer, _is_rejected(unit, posted) and not _is_taught(unit, posted.answer.id))
        for posted in unit.answers.written(now - LOOK_BACK, MOST)
    ]


def changing(written: Sequence[Written], trained: Sequence[Fact]) -> Changing:
    """Which of the lately written answers a training on these facts is expected to change."""
    by_words = {_words(text): fact for fact in trained for text in fact.phrasings}
    by_answer = {fact.lesson.about: fact for fact in trained if fact.lesson.about is not None}
    expected: dict[Hashable, str] = {}
    untaught = 0
    for each in written:
        question = each.answer.question
        fact = by_answer.get(each.answer.id) or by_words.get(_words(question))
        if fact is not None and not is_right(each.answer.text, fact.lesson.answer):
            expected.setdefault(_words(question), question)
        elif fact is None:
            untaught += each.is_rejected
    return Changing(len(written), tuple(expected.values()), untaught, LOOK_BACK.days)


def _is_rejected(unit: Unit, posted: PostedAnswer) -> bool:
    return any(rating.gesture is Gesture.REJECT for rating in unit.ratings.of(posted.answer.id))


def _is_taught(unit: Unit, answer: AnswerId) -> bool:
    return any(lesson.withdrawn_at is None for lesson in unit.lessons.about(answer))


def _words(text: str) -> Hashable:
    """What makes two texts the same here (`bot.support.same_words`)."""
    return frozenset(content_words(text)) or text.strip()
