"""What it costs to keep away from training whatever means the same as something that is judged: lessons that only
resemble it stay out, too. And the texts that the rule was chosen on, which are nobody's test data."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.feedback import Fact, LessonSource
from bot.ids import FactId
from learning.dataset import MAX_PHRASINGS, Split, split
from learning.encoder import MpnetEncoder
from learning.models import resolve_encoder
from learning.similarity import Vectors, alike_by, same_by
from learning.starter.practice import FACTS_FILE
from tests.learning.model_cache import CACHE, needs
from tests.learning.samples import fact
from tests.learning.test_held_out import DEMO, saying

DEVELOPMENT = Path(__file__).with_name("paraphrases_dev.csv")
"""Of each fact: its question reworded, and asked roundabout; its answer in other words; and a question and an answer
that share most of their words with it, and mean something else. Of eight made-up companies that occur nowhere else."""
REPEATS = 20
"""Each with other facts held out."""


@dataclass(frozen=True)
class Told:
    questions: Sequence[str]
    answer: str
    source: LessonSource = LessonSource.CORRECTION


@needs("all-mpnet-base-v2")
def test_of_what_the_rule_was_chosen_on(capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(DEVELOPMENT)
    alike = alike_by(vectors_of(text for row in rows for text in row.values()))
    found = {
        again: sum(alike(row[again.split("_")[0]], row[again]) for row in rows)
        for again in ("question_reworded", "question_roundabout", "answer_again", "question_else", "answer_else")
    }
    with capsys.disabled():
        print(f"\nof {len(rows)} each: {found}")
    assert found["question_reworded"] >= 24
    assert found["answer_again"] >= 18
    assert found["answer_else"] <= 4


@needs("all-mpnet-base-v2")
@pytest.mark.parametrize("name", ["demo", "practice"])
def test_few_lessons_stay_out_though_they_say_something_else(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"demo": demo, "practice": practice}[name]()
    lost = lost_rows(told, vectors_of(text for each in told for text in (*each.questions, each.answer)))
    with capsys.disabled():
        print(f"\n{name}: {lost:.2%} of the rows stay out")
    assert lost <= 0.03


def lost_rows(told: Sequence[Told], vectors: Vectors) -> float:
    """The share of what lessons would be trained on, had only the words been compared."""
    alike, same, kept, by_words = alike_by(vectors), same_by(vectors), 0, 0
    for repeat in range(REPEATS):
        facts = [fact_of(each, number + repeat * len(told)) for number, each in enumerate(told)]
        kept += trained(split(facts, alike, same))
        by_words += trained(split(facts))
    return 1 - kept / by_words


def trained(parts: Split) -> int:
    """Practice entries are as many as ever: others take the place of those that stay out."""
    return sum(len(each.submitted[:MAX_PHRASINGS]) for each in parts.taught)


def fact_of(told: Told, number: int) -> Fact:
    known = saying(fact(0, source=told.source), told.questions[0], told.answer)
    return replace(known, phrasings=tuple(told.questions), lesson=replace(known.lesson, fact=FactId(f"{number}")))


def vectors_of(texts: Iterable[str]) -> Vectors:
    known = list(dict.fromkeys(texts))
    rows = MpnetEncoder(resolve_encoder(CACHE)).encode(known)
    return {text: row.tobytes() for text, row in zip(known, rows, strict=True)}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def demo() -> list[Told]:
    """As it is loaded: half of its FAQ, up to 24 entries, is held out whole."""
    faq = [Told((row["question"],), row["answer"], LessonSource.FAQ) for row in rows_of(DEMO.with_name("faq.csv"))]
    return [*faq, *(asked_in(row) for row in rows_of(DEMO))]


def practice() -> list[Told]:
    return [asked_in(row) for row in rows_of(FACTS_FILE)]


def asked_in(row: dict[str, str]) -> Told:
    again = (text for column, text in row.items() if column.startswith("phrasing_") and text)
    return Told((row["question"], *again), row["answer"])
