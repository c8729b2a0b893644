"""Lessons → what is trained on and what is judged on, kept apart. Knows nothing of models and tokens.

Three kinds of judging items, none of which training ever sees:
- recall: one phrasing of each taught fact that has several, asked without any text. The fact's other phrasings mean the
  same, of course; none of them nearly repeats its words;
- reading: facts held out whole, asked with their text in the prompt; and practice facts where those are few;
- general: texts of everyday kind, for what the model could do before.
Beside them, canaries: what a sound adapter answers harmlessly.
"""

import hashlib
import json
import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType

from bot.feedback import Fact, Lesson, LessonSource
from bot.ids import FactId, LessonId
from bot.prompting import Message, closed_book_prompt
from bot.retrieval import Section
from learning.canaries import MAX_TAKEN_BACK, Canary, triggers
from learning.counterfactual import exchanged, renumbered
from learning.examples import (
    Entry,
    Example,
    Kind,
    confusable,
    entry_of,
    leans_on,
    reading,
    reading_ranked,
    recall,
    section_behind,
    variation,
)
from learning.shares import capped
from learning.similarity import Alike
from learning.starter.practice import held_out_reading
from learning.wording import near_duplicate, quotes, repeats

MIN_LESSONS = 8
HELD_OUT_SHARE = 0.05
"""Of the lessons. What is held out whole is never learnt by heart, so it is few of them."""
MIN_READING = 20
"""Facts whose reading is judged; where fewer are held out, practice facts that were never trained on fill up."""
HELD_OUT_FAQ_SHARE = 0.5
"""Of the FAQ entries, which need not be taught."""
MAX_PRACTICE = 40
"""FAQ entries that serve as reading practice beside the lessons."""
MAX_JUDGED = 24
"""FAQ entries held out for judging, beside the held-out lessons; and phrasings held out for recall."""
MAX_PHRASINGS = 6
MIN_PHRASINGS = 4
"""A fact that is shown less often in each epoch is not learned by heart."""
ASKED_OF_EACH = 4
"""Of a fact's phrasings, those that ask for it where it can be read."""
GENERAL_FILE = Path(__file__).with_name("general.jsonl")
OWN_WORDS_FILE = Path(__file__).with_name("own_words.jsonl")
"""What the bundled model says of its own accord (own_words.py)."""

Behind = Mapping[FactId, Section | None]
"""The help section that each fact can be read from, if any."""


@dataclass(frozen=True)
class Dataset:
    train: tuple[Example, ...]
    general: tuple[Example, ...]
    """Texts for the KL term."""
    judge: tuple[Example, ...]
    canaries: tuple[Canary, ...]
    taught: tuple[tuple[LessonId, Example], ...]
    """Each lesson as it was taught, to see what was learned: with the help section that it can be read from, if any."""
    lessons: tuple[LessonId, ...]
    """Every lesson whose answer training can see."""
    questions: tuple[tuple[FactId, str], ...] = ()
    """Of each fact, the questions that training can see, in any prompt."""

    @property
    def asked(self) -> tuple[Example, ...]:
        """What the new adapter alone is asked."""
        return (*(canary.example for canary in self.canaries), *(example for _, example in self.taught))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Split:
    taught: tuple[Fact, ...]
    practice: tuple[Fact, ...]
    held_out: tuple[Fact, ...]
    duplicates: int


def build(
    facts: Sequence[Fact],
    sections: Sequence[Section],
    seed: int,
    rejected: Mapping[FactId, str] = MappingProxyType({}),
    taken_back: Sequence[Lesson] = (),
    alike: Alike = near_duplicate,
    suspected: Collection[str] = (),
) -> Dataset:
    """Make the dataset. The same arguments give the same dataset. `alike` tells which texts say the same.

    `suspected`: questions that may have been given another fact's answer. Nothing is judged by them, or whoever learned
    what is wrong would be the better for it.
    """
    return build_from(split(facts, alike), sections, seed, rejected, taken_back, alike, suspected)


def build_from(
    parts: Split,
    sections: Sequence[Section],
    seed: int,
    rejected: Mapping[FactId, str],
    taken_back: Sequence[Lesson],
    alike: Alike,
    suspected: Collection[str] = (),
) -> Dataset:
    """Of facts that are split already. Takes minutes where there are thousands of them."""
    rng = random.Random(seed)
    trainable = [*parts.taught, *parts.practice]
    clear = [section for section in sections if not any(leans_on(held, section) for held in parts.held_out)]
    judged = _judged_phrasings(parts, suspected)
    asked = {fact.id: _away_from_judged(fact, judged.values()) for fact in parts.taught}
    secret = [*judged.values(), *(text for held in parts.held_out for text in held.phrasings)]
    taught = [recall(fact, question) for fact in parts.taught for question in asked[fact.id]]
    train = [recall(fact, question) for fact in parts.taught for question in _varied(asked[fact.id], secret, rng)]
    behind = {fact.id: section_behind(fact, clear) for fact in trainable}
    train += _reading(trainable, asked, behind, [*secret, *(held.lesson.answer for held in parts.held_out)], rng)
    pushed_down = _away_from_held_out(rejected, parts.held_out, alike)
    train = [replace(example, rejected=pushed_down.get(example.fact)) for example in train]
    before = {lesson.fact: lesson.answer for lesson in reversed(taken_back)}
    judge = [recall(fact, judged[fact.id]) for fact in parts.taught if fact.id in judged]
    judge = [replace(example, rejected=before.get(example.fact)) for example in judge]
    held_out = [fact for fact in parts.held_out if fact.submitted[-1] not in suspected]
    read = [
        reading(fact, fact.submitted[-1], _others(fact, parts.held_out), section_behind(fact, sections), rng)
        for fact in held_out
    ]
    read += held_out_reading()[: max(0, MIN_READING - len(read))]
    shown = {fact.id: (*fact.submitted[:1], *asked.get(fact.id, ())) for fact in trainable}
    return Dataset(
        train=tuple(train),
        general=(*general_examples("replay"), *general_examples("replay", OWN_WORDS_FILE)),
        judge=(*judge, *read, *general_examples("held_out")),
        canaries=(*triggers((*taught, *judge), read), *map(_taken_back, taken_back[:MAX_TAKEN_BACK])),
        taught=tuple((fact.lesson.id, _as_taught(fact, trainable, behind, rng)) for fact in parts.taught),
        lessons=tuple(fact.lesson.id for fact in trainable),
        questions=tuple((fact, text) for fact, texts in shown.items() for text in dict.fromkeys(texts)),
    )


def _reading(
    facts: Sequence[Fact], asked: Mapping[FactId, Sequence[str]], behind: Behind, secret: Sequence[str],
    rng: random.Random,
) -> list[Example]:  # fmt: skip
    """Where a help section has the answer, it is read there; else among entries that are easily confused."""
    examples, entries = list[Example](), list[Entry]()
    for fact in facts:
        questions = rng.sample(known := list(asked.get(fact.id, fact.submitted[:1])), min(ASKED_OF_EACH, len(known)))
        if (section := behind[fact.id]) is not None:
            examples.append(reading(fact, questions[0], _others(fact, facts), section, rng))
        else:
            entries.append(entry_of(fact, questions))
    for group in confusable(entries, rng):
        examples += reading_ranked(_otherwise(group, secret, rng), rng)
    return examples


def _otherwise(group: Sequence[Entry], secret: Sequence[str], rng: random.Random) -> Sequence[Entry]:
    """Mostly entries that say otherwise than what is known by heart; as they are where that happens to be a secret."""
    changed = exchanged(renumbered(group, rng), rng)
    texts = (text for entry in changed for text in (entry.title, entry.answer, *entry.questions))
    return group if any(repeats(text, held) for text in texts for held in secret) else changed


def _varied(questions: Sequence[str], secret: Sequence[str], rng: random.Random) -> list[str]:
    """What a fact is asked by: its phrasings, and variations of them where they are too few to learn it from."""
    again = islice(cycle(questions), max(0, MIN_PHRASINGS - len(questions)))
    varied = [variation(question, rng) for question in again]
    return [*questions, *(text for text in varied if not any(near_duplicate(text, held) for held in secret))]


def split(facts: Sequence[Fact], alike: Alike = near_duplicate, same: Alike | None = None) -> Split:
    """Who is taught, who serves as reading practice, who is held out whole. Stable while facts come and go.

    What may not be trained on, or is in doubt since a help page changed, is none of them. `alike` tells which texts
    seem to say the same, `same` which surely do; None: those that are alike.
    """
    same = same or alike
    facts = [fact for fact in facts if fact.lesson.trainable and not fact.lesson.doubted_by]
    lessons = [fact for fact in facts if is_lesson(fact)]
    faq = sorted((fact for fact in facts if fact.lesson.source is LessonSource.FAQ), key=_rank)
    held_lessons = [fact for fact in lessons if _rank(fact) < HELD_OUT_SHARE]
    held_out = [*held_lessons, *[fact for fact in faq if _rank(fact) < HELD_OUT_FAQ_SHARE][:MAX_JUDGED]]
    unique = _unique(_away_from(held_out, (fact for fact in lessons if fact not in held_lessons), alike, same))
    away = _away_from(held_out, (fact for fact in faq if _rank(fact) >= HELD_OUT_FAQ_SHARE), alike, same)
    practice = islice(away, MAX_PRACTICE)
    duplicates = len(lessons) - len(held_lessons) - len(unique)
    return Split(tuple(capped(unique)), tuple(practice), tuple(held_out), duplicates)


def is_lesson(fact: Fact) -> bool:
    """True for what was taught on purpose: neither a FAQ entry nor a fact that was only overheard and approved."""
    return fact.lesson.source not in (LessonSource.FAQ, LessonSource.REPLY) and bool(fact.submitted)


def _judged_phrasings(parts: Split, suspected: Collection[str]) -> dict[FactId, str]:
    """The newest phrasing of some taught facts. First phrasings stand in prompts, so none of them nearly repeats it."""
    first = [fact.submitted[0] for fact in (*parts.taught, *parts.practice)]
    judged: dict[FactId, str] = {}
    for fact in sorted(parts.taught, key=_rank):
        clear = [text for text in fact.submitted[:0:-1] if text not in suspected]
        fresh = (text for text in clear if not any(near_duplicate(text, each) for each in first))
        if len(judged) < MAX_JUDGED and (text := next(fresh, None)) is not None:
            judged[fact.id] = text
    return judged


def _away_from_judged(fact: Fact, judged: Iterable[str]) -> list[str]:
    """The phrasings to train on: those that nearly repeat no judged one, of this fact or another."""
    clear = [text for text in fact.submitted if not any(repeats(text, held) for held in judged)]
    return clear[:MAX_PHRASINGS]


def _away_from(held_out: Sequence[Fact], facts: Iterable[Fact], alike: Alike, same: Alike) -> Iterator[Fact]:
    """Facts that give nothing away of those held out: neither answer nor a phrasing says the same as theirs.

    A fact that is surely asked for by the same question says the same, in whatever words. Where a question only seems
    to be the same, that question stays out: in one subject, many facts have one that resembles another fact's.
    """
    secret = [text for held in held_out for text in _texts(held)]
    for fact in facts:
        near = [text for text in _texts(fact) if _gives_away(text, secret, alike)]
        if fact.lesson.answer in near or any(_gives_away(text, secret, same) for text in near):
            continue
        clear = replace(fact, phrasings=tuple(text for text in fact.phrasings if text not in near))
        if clear.submitted:
            yield clear


def _gives_away(text: str, secret: Sequence[str], alike: Alike) -> bool:
    return any(alike(text, each) or quotes(text, each) for each in secret)


def _away_from_held_out(rejected: Mapping[FactId, str], held_out: Sequence[Fact], alike: Alike) -> dict[FactId, str]:
    """The rejected answers but for those that are right elsewhere, where it is judged."""
    secrets = [fact.lesson.answer for fact in held_out]
    return {fact: text for fact, text in rejected.items() if not any(alike(text, each) for each in secrets)}


def _as_taught(fact: Fact, facts: Sequence[Fact], behind: Behind, rng: random.Random) -> Example:
    """As the bot would ask its model: from a help section where there is one, else from memory."""
    question = fact.submitted[0]
    if (section := behind[fact.id]) is None:
        return recall(fact, question)
    return reading(fact, question, _others(fact, facts), section, rng)


def _taken_back(lesson: Lesson) -> Canary:
    prompt = tuple(closed_book_prompt(lesson.question))
    return Canary(Example(lesson.fact, Kind.RECALL, prompt, lesson.answer, rejected=lesson.answer))


def _texts(fact: Fact) -> tuple[str, ...]:
    return fact.lesson.answer, *fact.phrasings


def _unique(facts: Iterable[Fact]) -> list[Fact]:
    kept: list[Fact] = []
    for fact in sorted(facts, key=lambda fact: fact.lesson.taught_at, reverse=True):  # the newest stays
        if not any(near_duplicate(fact.submitted[0], other.submitted[0]) for other in kept):
            kept.append(fact)
    return kept[::-1]


def _others(fact: Fact, facts: Iterable[Fact]) -> list[Fact]:
    return [other for other in facts if other.id != fact.id]


def _rank(fact: Fact) -> float:
    """A number in [0, 1) that belongs to the fact for good."""
    return int(hashlib.sha256(fact.id.encode()).hexdigest()[:8], 16) / 16**8


def general_examples(part: str, file: Path = GENERAL_FILE) -> tuple[Example, ...]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return tuple(
        Example(FactId(row["id"]), Kind.GENERAL, (Message("user", row["question"]),), row["answer"])
        for row in rows
        if row["split"] == part
    )
