"""What reading is practised on: fictional facts of many companies, and the demo's. Knows nothing of how it is trained.

Copying must pay and knowing must not: each time a text is shown, the numbers in it are other ones.
"""

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from bot.ids import FactId
from bot.prompting import Passage, grounded_prompt
from bot.retrieval import Section
from learning.counterfactual import other_numbers, renumbered, with_numbers
from learning.examples import Entry, Example, Kind, by_words, confusable, reading_ranked, reading_together, section_of
from learning.sources.markdown import sections_of

Groups = Sequence[Sequence[Entry]]
FACTS_FILE = Path(__file__).with_name("practice.csv")
ROUNDS = 3
ASKED_OF_EACH = 2
HELD_OUT_EVERY = 8
ANOTHER_TEXT = 0.5
"""Share of the help sections that are shown beside another one."""


@dataclass(frozen=True)
class Practice:
    """Facts by what they may be confused with: those of a group are near each other."""

    groups: tuple[tuple[Entry, ...], ...]
    sections: tuple[Section, ...]

    @property
    def entries(self) -> list[Entry]:
        return [entry for group in self.groups for entry in group]


def read_practice(demo: Path) -> tuple[Practice, Practice]:
    """What is trained on, and what is held out for judging; whole groups."""
    groups = [*practice_groups(), *([entry] for entry in _demo(demo))]
    sections = tuple(
        s for page in sorted(demo.glob("help/*.md")) for s in sections_of(page.name, page.read_text("utf-8"))
    )
    held_out = _held_out(groups)
    trained = [group for group in groups if group not in held_out]
    return Practice(tuple(map(tuple, trained)), sections), Practice(tuple(map(tuple, held_out)), sections)


@cache
def held_out_reading() -> tuple[Example, ...]:
    """One question about each of the fictional facts that no starter adapter was trained on."""
    rng = random.Random(0)
    entries = [_asked(entry, rng) for group in _held_out(practice_groups()) for entry in group]
    alone = [replace(entry, questions=entry.questions[:1]) for entry in entries]
    return tuple(example for group in confusable(alone, rng) for example in reading_ranked(group, rng))


def _held_out(groups: Groups) -> Groups:
    return groups[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY]


def examples(practice: Practice, rounds: int, rng: random.Random) -> list[Example]:
    """Every fact about so many times, each time beside others and with other numbers."""
    made: list[Example] = []
    siblings = {entry.fact: number for number, group in enumerate(practice.groups) for entry in group}

    def likeness(one: Entry, other: Entry) -> float:
        return 1.0 if siblings[one.fact] == siblings[other.fact] else by_words(one, other)

    for _ in range(rounds):
        for group in confusable([_asked(entry, rng) for entry in practice.entries], rng, likeness):
            made += reading_together(renumbered(group, rng), rng)
        for entry in practice.entries:
            made += _from_section(entry, practice.sections, rng)
    return made


def _asked(entry: Entry, rng: random.Random) -> Entry:
    """Under one of its phrasings, asked for in others."""
    title, *questions = rng.sample(entry.questions, min(len(entry.questions), 1 + ASKED_OF_EACH))
    return replace(entry, title=title, questions=tuple(questions))


def _from_section(entry: Entry, sections: Sequence[Section], rng: random.Random) -> list[Example]:
    """The answer is to be found in a help section, alone or beside another one."""
    section = section_of(entry.answer, sections)
    if section is None:
        return []
    shown = [section, *(rng.sample(sections, 1) if rng.random() < ANOTHER_TEXT else [])]
    numbers = other_numbers((entry.answer, *entry.questions, *(each.text for each in shown)), rng)
    passages = [Passage(each.label, with_numbers(numbers, each.text)) for each in rng.sample(shown, len(shown))]
    return [
        Example(
            entry.fact,
            Kind.READING,
            tuple(grounded_prompt(with_numbers(numbers, question), passages)),
            with_numbers(numbers, entry.answer),
        )
        for question in entry.questions
    ]


# --- files ----------------------------------------------------------------------------------------------------------


def practice_groups(path: Path = FACTS_FILE) -> Groups:
    """The fictional facts, those that are easily confused together."""
    groups: dict[str, list[Entry]] = {}
    for row in _rows(path):
        group = groups.setdefault(row["group"], [])
        questions = tuple(text for column, text in row.items() if column.startswith(("question", "phrasing")))
        group.append(Entry(FactId(f"{row['group']}-{len(group)}"), row["question"], row["answer"], questions))
    return list(groups.values())


def _demo(folder: Path) -> Iterator[Entry]:
    """The FAQ's entries with their `dev` phrasings, and the lessons."""
    phrasings: dict[str, list[str]] = {}
    for row in _rows(folder / "phrasings.csv"):
        if row["split"] == "dev":
            phrasings.setdefault(row["faq_id"], []).append(row["question"])
    for row in _rows(folder / "faq.csv"):
        yield Entry(FactId(row["id"]), row["question"], row["answer"], (row["question"], *phrasings[row["id"]]))
    for row in _rows(folder / "lessons.csv"):
        questions = (row["question"], *(row[f"phrasing_{i}"] for i in range(1, 4)))
        yield Entry(FactId(row["id"]), row["question"], row["answer"], questions)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
