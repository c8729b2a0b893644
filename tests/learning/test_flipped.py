"""Lessons with another fact's answer, a share of them all: how many are held or listed, and whether the gate promotes
what learned them.

The demo's facts are taught by four agents through the bot itself, its vectors are the real encoder's. Adapters are
simulated as scores: what each item is worth stands in `challenger`.
"""

import csv
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from bot.events import CorrectionSubmitted
from bot.feedback import facts_of
from bot.lineage import Decision
from bot.people import Person, Platform
from bot.policy import Policy
from bot.ports import Unit
from learning import promotion
from learning.dataset import Dataset
from learning.encoder import MpnetEncoder
from learning.evaluation import Score
from learning.examples import Kind
from learning.mistaken import mistaken
from learning.models import resolve_encoder
from learning.planning import planned, read
from learning.promotion import decide
from learning.recipe import Recipe
from tests.bot.events import NOW, correction, message
from tests.fakes.connector import FakeConnector
from tests.fakes.encoder import HashingEncoder
from tests.house import STAFF, House, open_house
from tests.learning.model_cache import CACHE, needs
from tests.learning.samples import fact

DEMO = Path(__file__).parents[2] / "deploy" / "demo" / "lessons.csv"
TEACHERS = [Person(Platform.SLACK, f"U-{name}", name, groups=frozenset({"agents"})) for name in "abcd"]
PHRASINGS = ("question", "phrasing_1", "phrasing_2")
FACTS = 24
LEARNED = 0.6
"""Of what it is taught, a sound adapter says so much right from memory."""


def vectors_of(texts: Sequence[str], encoder: HashingEncoder) -> dict[str, bytes]:
    return {text: row.tobytes() for text, row in zip(texts, encoder.encode(texts), strict=True)}


def test_a_question_among_those_of_another_fact_is_suspected_and_no_other_one() -> None:
    rooms, cards = (replace(fact(number), phrasings=()) for number in (1, 2))
    about_rooms = ("rename a room", "rename the room please", "room rename how")
    about_cards = ("block my lost card", "card lost block it", "lost my card")
    rooms = replace(rooms, phrasings=(*about_rooms, "my card is lost block"))
    cards = replace(cards, phrasings=about_cards)
    facts = [rooms, cards, *(fact(number, f"Tell me: {fact(number).lesson.question}") for number in range(10, 30))]
    texts = [text for each in facts for text in (each.lesson.answer, *each.phrasings)]
    found = mistaken(facts, vectors_of(texts, HashingEncoder()))
    assert [(each.question, each.rather) for each in found] == [("my card is lost block", cards.lesson.answer)]
    assert mistaken(facts, {}) == mistaken([], {}) == []


@dataclass(frozen=True)
class Taught:
    flipped: frozenset[str]
    listed: frozenset[str]
    """Held, or told in the dry run."""
    taught: frozenset[str]
    dataset: Dataset


async def teach(tmp_path: Path, share: float, seed: int) -> Taught:
    """Every question is asked and corrected by one of the teachers, a share of them with another fact's answer."""
    with DEMO.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:FACTS]
    chance, flipped, chat = random.Random(seed), set[str](), FakeConnector()
    lessons = [(row[column], number) for number, row in enumerate(rows) for column in PHRASINGS if row[column]]
    async with open_house(tmp_path, lambda _: [chat], policy=Policy(staff=STAFF)) as house:
        for minute, (question, number) in enumerate(chance.sample(lessons, len(lessons))):
            answer = rows[number]["answer"]
            if chance.random() < share:
                answer = chance.choice([row["answer"] for row in rows if row["answer"] != answer])
                flipped.add(question)
            await house.desk.receive(message(question))
            await house.settle()
            sent = correction(chat.answers[-1].answer.id, question, answer, chance.choice(TEACHERS))
            await house.desk.receive(_at(sent, minute))
            await house.settle()
        return await _looked_at(house, frozenset(flipped), frozenset(question for question, _ in lessons))


def _at(sent: CorrectionSubmitted, minute: int) -> CorrectionSubmitted:
    return replace(sent, at=NOW + timedelta(minutes=10 * minute))


async def _looked_at(house: House, flipped: frozenset[str], taught: frozenset[str]) -> Taught:
    encoder = MpnetEncoder(resolve_encoder(CACHE))

    def look(unit: Unit) -> tuple[frozenset[str], Dataset]:
        facts = facts_of(unit.lessons.all(), unit.lessons.phrasings())
        texts = list(dict.fromkeys(text for each in facts for text in (each.lesson.answer, *each.phrasings)))
        rows = encoder.encode(texts)
        unit.vectors.put(encoder.name, {text: row.tobytes() for text, row in zip(texts, rows, strict=True)})
        course, plan = planned(read(unit, Recipe(), "tiny"), Recipe(), "tiny")
        told = {question for question, _ in plan.suspected}
        held = {lesson.question for lesson in unit.lessons.held()}
        return frozenset(told | held), course.dataset

    listed, dataset = await house.store.run(look)
    return Taught(flipped, listed, taught, dataset)


def challenger(
    item_is_flipped: Sequence[bool], share: float, rng: np.random.Generator
) -> tuple[list[float], list[float]]:
    """What the sound adapter and one that was trained on flipped lessons score on recall: the sound one says what is
    true, so that it fails where what is wrong counts as right; the other one says what it was taught, and of what is
    true it loses the share that was flipped."""
    flipped, luck = np.array(item_is_flipped), rng.random(len(item_is_flipped))
    sound = ~flipped & (luck < LEARNED)
    spoilt = np.where(flipped, rng.random(len(flipped)) < LEARNED, luck < LEARNED * (1 - share))
    return sound.astype(float).tolist(), spoilt.astype(float).tolist()


def _scores(dataset: Dataset, values: Sequence[float]) -> list[Score]:
    """General texts are the same to both."""
    of_items = iter(values)
    return [Score(item.fact, item.kind, 2.0 if item.kind is Kind.GENERAL else next(of_items)) for item in dataset.judge]


@pytest.mark.slow
@needs("all-mpnet-base-v2")
@pytest.mark.timeout(600)
async def test_of_flipped_lessons_most_are_listed_and_what_learned_them_is_not_promoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty simulated adapters at each share: 200 in all."""
    monkeypatch.setattr(promotion, "RESAMPLES", 500)
    rng, promoted, flipped, listed, honest, suspected = np.random.default_rng(1), 0, 0, 0, 0, 0
    for seed, share in enumerate((0.05, 0.1, 0.2, 0.4)):
        taught = await teach(tmp_path / str(seed), share, seed)
        flipped, listed = flipped + len(taught.flipped), listed + len(taught.flipped & taught.listed)
        true = taught.taught - taught.flipped
        honest, suspected = honest + len(true), suspected + len(true & taught.listed)
        judged = [item for item in taught.dataset.judge if item.kind is not Kind.GENERAL]
        wrong = [item.messages[-1].content in taught.flipped for item in judged]
        for _ in range(50):
            before, after = (_scores(taught.dataset, values) for values in challenger(wrong, share, rng))
            promoted += decide(before, after, 0).decision is Decision.PROMOTED
    assert promoted == 0
    assert listed >= 0.8 * flipped
    assert suspected <= 0.2 * honest
