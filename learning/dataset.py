"""Lessons → what is trained on and what is judged on, kept apart. Knows nothing of models and tokens.

Three kinds of judging items, none of which training ever sees:
- recall: one phrasing of each taught fact that has several, asked without any text;
- reading: facts held out whole, asked with their text in the prompt;
- general: texts of everyday kind, for what the model could do before.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.feedback import Fact, LessonSource
from bot.ids import FactId, LessonId
from bot.prompting import Message
from bot.retrieval import Section
from bot.support import content_words
from learning.examples import Example, Kind, reading, recall

MIN_LESSONS = 8
HELD_OUT_SHARE = 0.15
MAX_PRACTICE = 40
"""FAQ entries that serve as reading practice beside the lessons."""
MAX_JUDGED = 24
"""FAQ entries held out for judging, beside the held-out lessons; and phrasings held out for recall."""
MAX_PHRASINGS = 6
NEAR_DUPLICATE = 0.7
GENERAL_FILE = Path(__file__).with_name("general.jsonl")


@dataclass(frozen=True)
class Dataset:
    train: tuple[Example, ...]
    general: tuple[Example, ...]
    """Texts for the KL term."""
    judge: tuple[Example, ...]
    lessons: tuple[LessonId, ...]
    """Every lesson that training can see."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Split:
    taught: tuple[Fact, ...]
    practice: tuple[Fact, ...]
    held_out: tuple[Fact, ...]
    duplicates: int


def build(facts: Sequence[Fact], sections: Sequence[Section], seed: int) -> Dataset:
    """Make the dataset. The same facts, sections and seed give the same dataset."""
    rng = random.Random(seed)
    parts = split(facts)
    train: list[Example] = []
    judge: list[Example] = []
    for fact in parts.taught:
        judged, trained = _split_phrasings(fact)
        train += [recall(fact, question) for question in trained]
        train.append(reading(fact, rng.choice(trained), _others(fact, parts), sections, rng))
        judge += [recall(fact, question) for question in judged][: MAX_JUDGED - len(judge)]
    for fact in parts.practice:
        train.append(reading(fact, fact.lesson.question, _others(fact, parts), sections, rng))
    for fact in parts.held_out:
        judge.append(reading(fact, fact.submitted[-1], parts.held_out, sections, rng))
    lessons = tuple(fact.lesson.id for fact in (*parts.taught, *parts.practice))
    return Dataset(tuple(train), _general("replay"), (*judge, *_general("held_out")), lessons)


def split(facts: Sequence[Fact]) -> Split:
    """Who is taught, who serves as reading practice, who is held out whole. Stable while facts come and go."""
    lessons = [fact for fact in facts if is_lesson(fact)]
    faq = sorted((fact for fact in facts if fact.lesson.source is LessonSource.FAQ), key=_rank)
    held_lessons = [fact for fact in lessons if _rank(fact) < HELD_OUT_SHARE]
    held_out = [*held_lessons, *faq[: min(len(faq) // 2, MAX_JUDGED)]]
    clear = _away_from(held_out, [fact for fact in lessons if fact not in held_lessons])
    unique = _unique(clear)
    practice = _away_from(held_out, faq[len(faq) // 2 :])[:MAX_PRACTICE]
    return Split(tuple(unique), tuple(practice), tuple(held_out), len(lessons) - len(held_lessons) - len(unique))


def is_lesson(fact: Fact) -> bool:
    """True for what was taught on purpose: neither a FAQ entry nor a fact that was only overheard and approved."""
    return fact.lesson.source is not LessonSource.FAQ and bool(fact.submitted)


def near_duplicate(a: str, b: str) -> bool:
    """True when two texts say nearly the same words (Jaccard similarity of their content words)."""
    first, second = set(content_words(a)), set(content_words(b))
    if not first or not second:
        return a.strip().lower() == b.strip().lower()
    return len(first & second) / len(first | second) >= NEAR_DUPLICATE


def _split_phrasings(fact: Fact) -> tuple[list[str], list[str]]:
    """The last phrasing is for judging where there are several; what nearly repeats it is not trained on."""
    *rest, last = fact.submitted
    trained = [text for text in rest if not near_duplicate(text, last)][:MAX_PHRASINGS]
    return ([last], trained) if trained else ([], [fact.submitted[0]])


def _away_from(held_out: Sequence[Fact], facts: Iterable[Fact]) -> list[Fact]:
    """Facts that give nothing away of those held out: neither answer nor a phrasing nearly repeats theirs."""
    return [fact for fact in facts if not any(_overlap(fact, held) for held in held_out)]


def _overlap(one: Fact, other: Fact) -> bool:
    if near_duplicate(one.lesson.answer, other.lesson.answer):
        return True
    return any(near_duplicate(a, b) for a in one.phrasings for b in other.phrasings)


def _unique(facts: Sequence[Fact]) -> list[Fact]:
    kept: list[Fact] = []
    for fact in sorted(facts, key=lambda fact: fact.lesson.taught_at, reverse=True):  # the newest stays
        if not any(near_duplicate(fact.lesson.question, other.lesson.question) for other in kept):
            kept.append(fact)
    return kept[::-1]


def _others(fact: Fact, parts: Split) -> list[Fact]:
    return [other for other in (*parts.taught, *parts.practice) if other.id != fact.id]


def _rank(fact: Fact) -> float:
    """A number in [0, 1) that belongs to the fact for good."""
    return int(hashlib.sha256(fact.id.encode()).hexdigest()[:8], 16) / 16**8


def _general(part: str) -> tuple[Example, ...]:
    rows = [json.loads(line) for line in GENERAL_FILE.read_text(encoding="utf-8").splitlines()]
    return tuple(
        Example(FactId(row["id"]), Kind.GENERAL, (Message("user", row["question"]),), row["answer"])
        for row in rows
        if row["split"] == part
    )
