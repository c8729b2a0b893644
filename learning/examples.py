"""Facts → training examples: closed-book ones that teach the fact, open-book ones that teach to read."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.feedback import Fact
from bot.ids import FactId
from bot.prompting import MAX_PASSAGE_CHARS, Message, Passage, closed_book_prompt, grounded_prompt
from bot.retrieval import Section
from bot.support import support
from learning.wording import likeness, share_within

WRITING = 6
"""What a written character costs while judging, in characters that are read."""
SHOWN_TOGETHER = 3
"""Entries in one prompt."""
LEFT_OUT = 0.2
"""Share of a question's words that a variation leaves out."""
LEANS_ON_SECTION = 0.75
"""Least share of an answer's content that a help section must contain to count as its source."""


class Kind(StrEnum):
    RECALL = "recall"  # closed book: the fact from the weights
    READING = "reading"  # open book: the answer from the text in the prompt
    GENERAL = "general"  # what the base model can do and must go on doing


@dataclass(frozen=True)
class Example:
    """What TRL calls prompt and completion."""

    fact: FactId
    kind: Kind
    messages: tuple[Message, ...]
    answer: str
    rejected: str | None = None
    """What the bot had said before an agent corrected it; of what is judged, what was right once."""
    shorter: tuple[Message, ...] | None = None
    """The messages with the right text alone, where others are shown beside it: for when they are too long."""


@dataclass(frozen=True)
class Entry:
    """A known answer as prompts show it, and ways of asking for it."""

    fact: FactId
    title: str
    answer: str
    questions: tuple[str, ...]


def recall(fact: Fact, question: str) -> Example:
    return Example(fact.id, Kind.RECALL, tuple(closed_book_prompt(question)), fact.lesson.answer)


def reading(fact: Fact, question: str, others: Sequence[Fact], section: Section | None, rng: random.Random) -> Example:
    """The right text, and after it one other. It is the help section that the answer can be read from, if any.

    Memory selects, and better than a small model: the bot shows its model the text that was chosen. So the right one
    comes first, and first texts are what a model learns to repeat.
    """
    right = Passage(section.label, section.text) if section is not None else _entry(fact)
    distractors = [_entry(rng.choice(others))] if others else []
    return _read(fact.id, question, [right, *distractors], right, fact.lesson.answer)


def _read(fact: FactId, question: str, passages: Sequence[Passage], right: Passage, answer: str) -> Example:
    shorter = tuple(grounded_prompt(question, [right])) if len(passages) > 1 else None
    return Example(fact, Kind.READING, tuple(grounded_prompt(question, passages)), answer, shorter=shorter)


def reading_together(entries: Sequence[Entry], rng: random.Random) -> list[Example]:
    """Every question of every entry, all of them about the same texts: only the question tells which one is meant."""
    passages = [Passage(entry.title, entry.answer) for entry in rng.sample(entries, len(entries))]
    return [
        _read(entry.fact, question, passages, Passage(entry.title, entry.answer), entry.answer)
        for entry in entries
        for question in entry.questions
    ]


def reading_ranked(entries: Sequence[Entry], rng: random.Random) -> list[Example]:
    """Every question of every entry, about all of the texts as a memory ranks them that finds the right one first."""
    examples: list[Example] = []
    for entry in entries:
        others = [other for other in entries if other is not entry]
        shown = [Passage(each.title, each.answer) for each in (entry, *rng.sample(others, len(others)))]
        examples += [_read(entry.fact, question, shown, shown[0], entry.answer) for question in entry.questions]
    return examples


def variation(question: str, rng: random.Random) -> str:
    """The question with some words left out, at least one: a way of asking that nobody taught.

    Random deletion: Wei & Zou 2019, "EDA".
    """
    words = question.split()
    left_out = {at for at in range(len(words)) if rng.random() < LEFT_OUT} or {rng.randrange(max(1, len(words)))}
    kept = [word for at, word in enumerate(words) if at not in left_out]
    return " ".join(kept or words)


def by_words(one: Entry, other: Entry) -> float:
    return likeness(f"{one.title} {one.answer}", f"{other.title} {other.answer}")


def confusable(
    entries: Sequence[Entry], rng: random.Random, likeness: Callable[[Entry, Entry], float] = by_words
) -> Iterator[list[Entry]]:
    """Groups to be shown together: an entry, the one most like it, and any other one.

    Each entry is in one group. The last group may be smaller.
    """
    left = rng.sample(entries, len(entries))
    while left:
        group = [left.pop()]
        while left and len(group) < SHOWN_TOGETHER:
            first = group[0]
            group.append(max(left, key=lambda other: likeness(first, other)) if len(group) == 1 else left[-1])
            left.remove(group[-1])
        yield group


def question_of(example: Example) -> str:
    return example.messages[-1].content


def length(example: Example) -> int:
    """Characters of prompt and answer."""
    return sum(len(message.content) for message in example.messages) + len(example.answer)


def judging_cost(item: Example) -> int:
    """How long it takes to judge, in characters that are read: general texts are scored, all others answered."""
    return length(item) + (WRITING * len(item.answer) if item.kind is not Kind.GENERAL else 0)


def section_behind(fact: Fact, sections: Sequence[Section]) -> Section | None:
    return section_of(fact.lesson.answer, sections)


def section_of(answer: str, sections: Sequence[Section]) -> Section | None:
    """The section that the answer can be read from, as much of it as a prompt shows; None where there is none."""
    leaning = [section for section in sections if share_within(answer, _shown(section)) >= LEANS_ON_SECTION]
    sources = [section for section in leaning if support(answer, [_shown(section)]) >= LEANS_ON_SECTION]
    return max(sources, key=lambda section: share_within(answer, _shown(section)), default=None)


def leans_on(fact: Fact, section: Section) -> bool:
    """True when the section gives most of the answer away, even if not every number in it."""
    return share_within(fact.lesson.answer, _shown(section)) >= LEANS_ON_SECTION


def _shown(section: Section) -> str:
    return section.text[:MAX_PASSAGE_CHARS]


def _entry(fact: Fact) -> Passage:
    return Passage(fact.submitted[0], fact.lesson.answer)


def entry_of(fact: Fact, questions: Sequence[str]) -> Entry:
    return Entry(fact.id, fact.submitted[0], fact.lesson.answer, tuple(questions))
