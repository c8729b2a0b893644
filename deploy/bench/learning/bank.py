"""The data set: facts with gold answers and many ways to ask for each. Reads it, and says what is wrong with it.

Lines are JSON objects with `id, fact, topic, question, answer, split`; some add `key_facts`, which a right answer
contains, and `answer_v2` with `key_facts_v2`, a later change. Splits: `stream`, then `train`, then `pool` are asked
and corrected; `test` is never shown to any learner. A file is read twice, and only the questions of the facts that are
measured are kept, so that it may be of any length.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.capturing import MAX_ANSWER_CHARS
from bot.errors import OperatorError
from bot.ids import SectionId
from bot.retrieval import Section
from learning.rightness import says

TAUGHT = ("stream", "train", "pool")
TESTED = "test"
MOST_FACTS = 300
"""More are sampled: of more, nothing more is learnt about learning."""
MOST_QUESTIONS = 100
"""Of each fact and split; the first ones are kept."""
MOST_ROWS = 5_000
"""Of a split of the other files."""
TEXTS = ("fact", "question", "answer", "split")


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
    left_out: int = 0
    """Test questions that are taught word for word, too: they would test nothing."""

    def share_taught(self, number: int) -> float:
        """Of the facts, those that have so many questions for teaching."""
        return sum(len(fact.taught) >= number for fact in self.facts) / len(self.facts)

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
    splits: Counter[str] = Counter()
    usable = [name for name, seen in _survey(path, splits).items() if seen.taught and seen.tested]
    if len(usable) < 2:
        told = ", ".join(f"{count} of {split!r}" for split, count in splits.most_common()) or "none"
        raise DataFileUnusable(
            f"{path} has {len(usable)} facts with a question of the split stream or train and one of the split test; "
            f"at least 2 are needed. Its rows by their split: {told}. Rows of one fact have the same `fact`."
        )
    chosen = random.Random(0).sample(range(len(usable)), min(MOST_FACTS, len(usable)))
    rows: dict[str, list[dict[str, Any]]] = {usable[i]: [] for i in sorted(chosen)}
    kept: Counter[tuple[str, str]] = Counter()
    for _, row in _numbered(path, TEXTS):
        place = (row["fact"], row["split"])
        if row["fact"] in rows and kept[place] < MOST_QUESTIONS:
            rows[row["fact"]].append(row)
            kept[place] += 1
    facts = [_fact(name, each) for name, each in rows.items()]
    clear = [replace(fact, tested=tuple(q for q in fact.tested if q not in fact.taught)) for fact in facts]
    left_out = sum(len(fact.tested) for fact in facts) - sum(len(fact.tested) for fact in clear)
    return Bank(tuple(fact for fact in clear if fact.tested), left_out)


@dataclass(slots=True)
class _Seen:
    """What the first reading keeps of a fact."""

    answers: dict[str, tuple[int, int]]
    """By field: the line that gave it first, and its hash."""
    taught: bool = False
    tested: bool = False


def _survey(path: Path, splits: "Counter[str]") -> dict[str, _Seen]:
    """Every fact, in the order of the file. Raises DataFileUnusable for lines that can't be, or that disagree."""
    facts: dict[str, _Seen] = {}
    for number, row in _numbered(path, TEXTS):
        _check_row(path, number, row)
        seen = facts.setdefault(row["fact"], _Seen({}))
        _check_agreement(path, number, row, seen)
        splits[row["split"]] += 1
        seen.taught |= row["split"] in TAUGHT
        seen.tested |= row["split"] == TESTED
    return facts


def _check_row(path: Path, number: int, row: dict[str, Any]) -> None:
    """A row that nothing could learn, or nobody answer."""
    where = f"{path}, line {number}"
    for field in ("question", "answer", "answer_v2"):
        text = row.get(field)
        if text is not None and (not isinstance(text, str) or not text.strip()):
            raise DataFileUnusable(f"{where} has no text in {field}. Fill it in, or remove the line.")
        if text is not None and len(text) > MAX_ANSWER_CHARS:
            raise DataFileUnusable(
                f"{where} has {len(text):,} characters in {field}, and a lesson has {MAX_ANSWER_CHARS:,} at most. "
                "Shorten it, or remove the line."
            )
    for field, answer in (("key_facts", "answer"), ("key_facts_v2", "answer_v2")):
        keys = row.get(field) or []
        if not isinstance(keys, list) or not all(isinstance(key, str) and key.strip() for key in keys):
            raise DataFileUnusable(f"{where}: {field} is no list of texts.")
        for key in keys:
            if whole_words(key, row.get(answer) or "") is None:
                raise DataFileUnusable(
                    f"{where}: {answer} does not contain {key!r} of {field}, so that nothing could ever be right. "
                    "Mend one of the two."
                )


def _check_agreement(path: Path, number: int, row: dict[str, Any], seen: _Seen) -> None:
    for field in ("answer", "answer_v2"):
        if row.get(field) is not None:
            first, said = seen.answers.setdefault(field, (number, hash(row[field])))
            if said != hash(row[field]):
                raise DataFileUnusable(
                    f"{path}, line {number} gives the fact {row['fact']!r} another {field} than line {first}. All rows "
                    "of a fact share its answers: give this one a fact of its own, or put what is right later into "
                    "answer_v2."
                )


def _fact(id: str, rows: Sequence[dict[str, Any]]) -> BankFact:
    first = rows[0]
    later = next((row for row in rows if row.get("answer_v2")), None)
    taught = tuple(dict.fromkeys(row["question"] for split in TAUGHT for row in rows if row["split"] == split))
    return BankFact(
        id=id,
        topic=str(first.get("topic", "")),
        now=_version(first["answer"], first.get("key_facts")),
        later=_version(later["answer_v2"], later.get("key_facts_v2")) if later is not None else None,
        taught=taught,
        tested=tuple(dict.fromkeys(row["question"] for row in rows if row["split"] == TESTED)),
    )


def _version(answer: str, keys: Sequence[str] | None) -> Version:
    return Version(answer, tuple(words for key in keys or () if (words := whole_words(key, answer)) is not None))


def whole_words(key: str, answer: str) -> str | None:
    """The words of an answer that a key fact stands in: all answers are compared by whole words, and a key may be a
    part of one. None where the answer doesn't have it."""
    if says(answer, key):
        return key
    at = answer.lower().find(key.lower())
    if at < 0:
        return None
    before, after = re.search(r"\w*$", answer[:at]), re.match(r"\w*", answer[at + len(key) :])
    return (before[0] if before else "") + answer[at : at + len(key)] + (after[0] if after else "")


def read_sections(path: Path) -> list[Section]:
    """Sections of help pages: `id, title, heading, text`. Raises DataFileUnusable."""
    return [
        Section(SectionId(str(row["id"])), str(row.get("source", path.name)), row["title"], row["heading"], row["text"])
        for row in read_rows(path, ("id", "title", "heading", "text"))
    ]


def read_split(path: Path, split: str, fields: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of one split, of very many a sample (Vitter's R). Raises DataFileUnusable when there are none."""
    chance = random.Random(0)
    kept: list[tuple[int, dict[str, Any]]] = []
    rows = (row for row in read_rows(path, (*fields, "split")) if row["split"] == split)
    for number, row in enumerate(rows):
        if number < MOST_ROWS:
            kept.append((number, row))
        elif (place := chance.randrange(number + 1)) < MOST_ROWS:
            kept[place] = (number, row)
    if not kept:
        raise DataFileUnusable(f"{path} has no rows of the split {split}. Call those that may be asked {split!r}.")
    return [row for _, row in sorted(kept, key=lambda each: each[0])]


def read_rows(path: Path, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
    """JSON lines that have all of the fields as texts. Raises DataFileUnusable."""
    return (row for _, row in _numbered(path, fields))


def _numbered(path: Path, fields: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _row(path, number, line, fields)
    except (OSError, UnicodeDecodeError) as problem:
        raise DataFileUnusable(
            f"{path} can't be read: {problem}. Give a file of JSON objects in UTF-8, one a line."
        ) from problem


def _row(path: Path, number: int, line: str, fields: Sequence[str]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as problem:
        raise DataFileUnusable(
            f"{path}, line {number} is not JSON: {problem}. Each line is an object; its form: deploy/bench/README.md."
        ) from problem
    wrong = [field for field in fields if not isinstance(row, dict) or not isinstance(row.get(field), str)]
    if wrong:
        raise DataFileUnusable(
            f"{path}, line {number} has no text in {', '.join(wrong)}. Fill it in, or remove the line."
        )
    return dict(row)
