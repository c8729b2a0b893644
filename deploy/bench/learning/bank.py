"""The data set: facts with gold answers and many ways to ask for each. Reads it, and says what is wrong with it.

Lines are JSON objects with `id, fact, topic, question, answer, split`; some add `key_facts`, which a right answer
contains, and `answer_v2` with `key_facts_v2`, a later change. Splits: `stream`, then `train`, then `pool` are asked
and corrected; `test` is never shown to any learner.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.errors import OperatorError
from bot.ids import SectionId
from bot.retrieval import Section

TAUGHT = ("stream", "train", "pool")
TESTED = "test"
MOST_FACTS = 300
"""More are sampled: of more, nothing more is learnt about learning."""


class DataFileUnusable(OperatorError):
    """A data file lacks something. The message names the line, or what is missing, and the remedy."""


@dataclass(frozen=True)
class Version:
    """A right answer, for as long as it is right."""

    answer: str
    key_facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class BankFact:
    id: str
    topic: str
    now: Version
    later: Version | None
    taught: tuple[str, ...]
    """Questions that may be asked and corrected, in the order in which they are."""
    tested: tuple[str, ...]


@dataclass(frozen=True)
class Bank:
    facts: tuple[BankFact, ...]

    @property
    def most_taught(self) -> int:
        """How many questions every fact has for teaching, at least."""
        return min(len(fact.taught) for fact in self.facts)

    def meant_by(self, question: str) -> set[str]:
        """Ids of the facts that are asked for in these words."""
        return {fact.id for fact in self.facts if question in fact.taught}

    def sample(self, facts: int, tested: int, seed: int = 0) -> "Bank":
        """At most so many facts, with at most so many test questions each."""
        chance = random.Random(seed)
        chosen = sorted(chance.sample(range(len(self.facts)), min(facts, len(self.facts))))
        return Bank(tuple(replace(self.facts[i], tested=self.facts[i].tested[:tested]) for i in chosen))


def read_bank(path: Path) -> Bank:
    """Raises DataFileUnusable."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in read_rows(path, ("fact", "question", "answer", "split")):
        rows.setdefault(str(row["fact"]), []).append(row)
    facts = [_fact(name, each) for name, each in rows.items()]
    usable = [fact for fact in facts if fact.taught and fact.tested]
    if len(usable) < 2:
        raise DataFileUnusable(
            f"{path} has {len(usable)} facts with a question of the split stream or train and one of the split test; "
            "at least 2 are needed."
        )
    return Bank(tuple(usable)).sample(MOST_FACTS, max(len(fact.tested) for fact in usable))


def _fact(id: str, rows: Sequence[dict[str, Any]]) -> BankFact:
    first = rows[0]
    later = next((row for row in rows if row.get("answer_v2")), None)
    return BankFact(
        id=id,
        topic=str(first.get("topic", "")),
        now=Version(first["answer"], tuple(first.get("key_facts") or ())),
        later=Version(later["answer_v2"], tuple(later.get("key_facts_v2") or ())) if later is not None else None,
        taught=tuple(dict.fromkeys(row["question"] for split in TAUGHT for row in rows if row["split"] == split)),
        tested=tuple(dict.fromkeys(row["question"] for row in rows if row["split"] == TESTED)),
    )


def read_sections(path: Path) -> list[Section]:
    """Sections of help pages: `id, title, heading, text`. Raises DataFileUnusable."""
    return [
        Section(SectionId(str(row["id"])), str(row.get("source", path.name)), row["title"], row["heading"], row["text"])
        for row in read_rows(path, ("id", "title", "heading", "text"))
    ]


def read_split(path: Path, split: str, fields: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of one split. Raises DataFileUnusable when there are none."""
    rows = [row for row in read_rows(path, (*fields, "split")) if row["split"] == split]
    if not rows:
        raise DataFileUnusable(f"{path} has no rows of the split {split}.")
    return rows


def read_rows(path: Path, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
    """JSON lines that have all of the fields as texts. Raises DataFileUnusable."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _row(path, number, line, fields)
    except (OSError, UnicodeDecodeError) as problem:
        raise DataFileUnusable(f"{path} can't be read: {problem}.") from problem


def _row(path: Path, number: int, line: str, fields: Sequence[str]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as problem:
        raise DataFileUnusable(f"{path}, line {number} is not JSON: {problem}.") from problem
    wrong = [field for field in fields if not isinstance(row, dict) or not isinstance(row.get(field), str)]
    if wrong:
        raise DataFileUnusable(f"{path}, line {number} has no text in {', '.join(wrong)}.")
    return dict(row)
