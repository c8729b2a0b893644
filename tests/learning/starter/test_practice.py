"""What reading is practised on can be read, and what is judged on is nowhere shown."""

import json
import random
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from learning.dataset import Dataset
from learning.examples import Kind
from learning.starter.building import RECIPE, dataset, sha256_of
from learning.starter.finding import ABOUT, SHIPPED
from learning.starter.practice import ROUNDS, Practice, examples, read_practice
from learning.wording import near_duplicate

DEMO = Path(__file__).parents[3] / "deploy" / "demo"
NUMBER = re.compile(r"\d+")


@pytest.fixture(scope="module")
def practice() -> tuple[Practice, Practice]:
    return read_practice(DEMO)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset(DEMO)


def test_every_number_of_an_answer_stands_in_its_prompt(data: Dataset) -> None:
    for example in (*data.train, *data.judge):
        if example.kind is Kind.READING:
            shown = set(NUMBER.findall(example.messages[0].content))
            assert set(NUMBER.findall(example.answer)) <= shown, example


def test_the_same_fact_is_shown_with_other_numbers(practice: tuple[Practice, Practice]) -> None:
    trained, _ = practice
    rounds = [{e.fact: e.answer for e in examples(trained, 1, random.Random(seed))} for seed in range(2)]
    with_numbers = [fact for fact, answer in rounds[0].items() if NUMBER.search(answer)]
    changed = [fact for fact in with_numbers if rounds[0][fact] != rounds[1][fact]]
    assert len(changed) > len(with_numbers) / 2


def test_what_is_judged_is_not_trained_on(practice: tuple[Practice, Practice]) -> None:
    trained, held_out = practice
    assert held_out.entries
    known = [text for entry in trained.entries for text in (entry.answer, *entry.questions)]
    for entry in held_out.entries:
        for secret in (entry.answer, *entry.questions):
            assert not [text for text in known if near_duplicate(text, secret)], secret


def test_questions_about_the_same_texts_are_told_apart_by_the_question_alone(data: Dataset) -> None:
    by_prompt: dict[str, set[str]] = {}
    for example in data.train:
        by_prompt.setdefault(example.messages[0].content, set()).add(example.answer)
    assert sum(len(answers) == 3 for answers in by_prompt.values()) >= ROUNDS * 90


def test_the_same_seed_gives_the_same_data(data: Dataset) -> None:
    assert dataset(DEMO) == data
    assert dataset(DEMO, seed=1) != data


def test_the_shipped_adapter_was_trained_on_this_data(data: Dataset) -> None:
    about = json.loads((SHIPPED / ABOUT).read_text(encoding="utf-8"))
    assert about["dataset_sha256"] == sha256_of(data), "Make it again: mentee starter --out learning/starter/…"
    assert about["recipe"] == asdict(RECIPE)
