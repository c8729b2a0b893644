"""What is trained on and what is judged on never meet, whatever is taught."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feedback import Fact, LessonSource
from bot.prompting import MAX_PASSAGE_CHARS
from learning.dataset import MAX_JUDGED, MAX_PRACTICE, MIN_PHRASINGS, MIN_READING, build, split
from learning.examples import Example, Kind, question_of, section_behind
from learning.starter.practice import held_out_reading
from tests.learning.knowledge_bases import (
    assert_hidden,
    knowledge_bases,
    lines,
    same_words,
    section,
    taught_numbers,
)
from tests.learning.samples import answered, fact

ROOT = Path(__file__).parents[2]
LONG_QUESTIONS = (
    "How long may I pause my subscription before it ends?",
    "For what time can a running plan be put on hold?",
    "Somebody told me about holidays from paying, how many weeks?",
    "What is the most that billing can be stopped for me?",
    "If we travel all summer, does the contract wait until autumn?",
    "Maximum duration of suspending membership fees, please?",
    "Until when will you keep everything frozen on request?",
)


@settings(max_examples=20)
@given(knowledge_bases(), st.integers(0, 5))
def test_what_is_to_be_read_stands_first(facts: list[Fact], seed: int) -> None:
    dataset = build(facts, [], seed)
    read = [example for example in (*dataset.train, *dataset.judge) if example.kind is Kind.READING]
    assert all(stands_first(example) for example in read)


def stands_first(example: Example) -> bool:
    first_text = example.messages[0].content.split("Help text:\n")[1].split("\n\n")[0]
    return example.answer in first_text


@settings(max_examples=60)
@given(knowledge_bases(), st.integers(0, 5))
def test_training_sees_nothing_that_is_judged(facts: list[Fact], seed: int) -> None:
    sections = [section(known.id, f"{known.lesson.answer} More on that elsewhere.") for known in facts[::3]]
    dataset = build(facts, sections, seed)
    parts = split(facts)
    for example in dataset.judge:
        if example.kind is Kind.RECALL:
            assert_hidden(dataset, example.messages[-1].content)
    for known in parts.held_out:
        for secret in (*known.phrasings, known.lesson.answer):
            assert_hidden(dataset, secret)
    held = {known.id for known in parts.held_out}
    read = {example.fact for example in dataset.judge if example.kind is Kind.READING}
    assert read - {example.fact for example in held_out_reading()} == held
    assert len(read) >= MIN_READING
    assert held.isdisjoint(example.fact for example in dataset.train)


@settings(max_examples=40)
@given(knowledge_bases(), st.integers(0, 5))
def test_what_was_only_heard_is_never_trained_on(facts: list[Fact], seed: int) -> None:
    heard = {text for known in facts for text in known.heard} - {t for known in facts for t in known.submitted}
    dataset = build(facts, [], seed)
    assert heard.isdisjoint(line for example in (*dataset.train, *dataset.judge) for line in lines(example))


@settings(max_examples=40)
@given(knowledge_bases(), st.data())
def test_no_fact_changes_sides_while_others_come_and_go(facts: list[Fact], data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(facts), unique_by=lambda known: known.id))
    held_out, trained = set[str](), set[str]()
    for known in (facts, some):
        parts = split(known)
        held_out |= {each.id for each in parts.held_out}
        trained |= {each.id for each in (*parts.taught, *parts.practice)}
    assert held_out.isdisjoint(trained)


@settings(max_examples=40)
@given(knowledge_bases())
def test_every_reading_example_can_be_answered_from_its_prompt(facts: list[Fact]) -> None:
    sections = [section(known.id, f"{known.lesson.answer} And so on.") for known in facts[::2]]
    dataset = build(facts, sections, 0)
    for example in (*dataset.train, *dataset.judge):
        if example.kind is Kind.READING:
            assert example.answer in example.messages[0].content


def test_what_is_read_mostly_says_otherwise_than_what_is_known_by_heart() -> None:
    dataset = build([fact(number) for number in range(60)], [], 0)
    known = {example.fact: example.answer for example in dataset.train if example.kind is Kind.RECALL}
    read = [example for example in dataset.train if example.kind is Kind.READING and example.fact in known]
    otherwise = [example for example in read if example.answer != known[example.fact]]
    assert len(otherwise) > 0.5 * len(read) > 20
    assert all(example.answer in example.messages[0].content for example in read)


@pytest.mark.parametrize(("phrasings", "shown"), [(1, MIN_PHRASINGS), (3, MIN_PHRASINGS), (6, 6)])
def test_a_fact_in_few_phrasings_is_asked_for_in_variations_of_them(phrasings: int, shown: int) -> None:
    known = replace(fact(taught_numbers(1)[0]), phrasings=tuple(LONG_QUESTIONS[:phrasings]), heard=frozenset())
    train = build([known], [], 0).train
    asked = [example.messages[-1].content for example in train if example.kind is Kind.RECALL]
    taught = [question for question in asked if question in known.phrasings]
    assert len(taught) == max(1, phrasings - 1)  # one of several is judged
    assert shown - 1 <= len(asked) <= shown
    for variation in set(asked) - set(taught):
        assert any(is_part_of(variation.split(), question.split()) for question in known.phrasings)


def is_part_of(words: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in words)


@pytest.mark.parametrize("source", [LessonSource.CORRECTION, LessonSource.FAQ])
def test_no_fact_changes_sides_while_knowledge_grows(source: LessonSource) -> None:
    facts = [fact(number, source=source) for number in range(60)]
    held_out, trained = set[str](), set[str]()
    for size in range(1, len(facts) + 1):
        parts = split(facts[:size])
        held_out |= {each.id for each in parts.held_out}
        trained |= {each.id for each in (*parts.taught, *parts.practice)}
    assert held_out.isdisjoint(trained)
    assert len(held_out) > 3
    assert len(trained) > 3


def test_a_section_counts_as_source_only_as_far_as_the_prompt_shows_it() -> None:
    known = fact(1)
    filler = "Nothing to see here. " * (MAX_PASSAGE_CHARS // 20)
    assert section_behind(known, [section("late", filler + known.lesson.answer)]) is None
    assert section_behind(known, [section("early", known.lesson.answer + filler)]) is not None


def test_the_best_section_is_the_source_and_a_wrong_number_disqualifies_one() -> None:
    known = answered(fact(1), "Refunds take 5 days and go to the first card.")
    wrong = section("wrong", "Refunds take 7 days and go to the first card.")
    right = section("right", "All refunds go to the first card. They take 5 days.")
    assert section_behind(known, [wrong, right, section("other", "Rooms have a limit.")]) == right
    assert section_behind(known, [wrong]) is None


def test_faq_entries_are_read_and_judged_but_never_taught_from_memory() -> None:
    dataset = build([fact(n, f"topic{n} matter", source=LessonSource.FAQ) for n in range(40)], [], 0)
    assert {example.kind for example in dataset.train} == {Kind.READING}
    assert not [example for example in dataset.judge if example.kind is Kind.RECALL]
    parts = split([fact(number, source=LessonSource.FAQ) for number in range(200)])
    assert (len(parts.taught), len(parts.practice), len(parts.held_out)) == (0, MAX_PRACTICE, MAX_JUDGED)


def test_of_lessons_that_say_the_same_the_newest_is_taught() -> None:
    old, new = (fact(number) for number in taught_numbers(2))
    new = replace(new, lesson=replace(new.lesson, question=old.lesson.question), phrasings=old.phrasings)
    parts = split([old, new])
    assert (parts.taught, parts.duplicates) == ((new,), 1)


def test_lessons_are_those_that_training_sees() -> None:
    facts = [fact(number) for number in range(40)]
    dataset = build(facts, [], 0)
    seen = {known.lesson.id for known in facts if any(example.fact == known.id for example in dataset.train)}
    assert set(dataset.lessons) == seen
    assert len(seen) < len(facts)


def test_general_texts_for_training_and_judging_have_nothing_in_common() -> None:
    dataset = build([fact(number) for number in range(40)], [], 0)
    judged = [example for example in dataset.judge if example.kind is Kind.GENERAL]
    assert len(dataset.general) >= 200
    assert len(judged) >= 30
    for one in dataset.general:
        for other in judged:
            assert not same_words(question_of(one), question_of(other))
            assert not same_words(one.answer, other.answer)


@settings(max_examples=20)
@given(knowledge_bases(), st.integers(0, 3))
def test_the_same_facts_and_seed_make_the_same_dataset(facts: list[Fact], seed: int) -> None:
    one, other = build(facts, [], seed), build(list(facts), [], seed)
    assert one == other
    assert one.sha256 == other.sha256


def test_seed_and_facts_change_the_hash() -> None:
    facts = [fact(number) for number in range(30)]
    hashes = {build(facts, [], 0).sha256, build(facts, [], 1).sha256, build(facts[1:], [], 0).sha256}
    assert len(hashes) == 3


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_makes_the_same_dataset(hash_seed: str) -> None:
    facts = [fact(number, f"topic{number} matter") for number in range(30)]
    code = (
        "from learning.dataset import build\nfrom tests.learning.samples import fact\n"
        "print(build([fact(n, f'topic{n} matter') for n in range(30)], [], 7).sha256)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert said.stdout.decode().strip() == build(facts, [], 7).sha256


def test_every_example_of_a_corrected_fact_carries_what_was_said_before() -> None:
    facts = [fact(number) for number in range(20)]
    corrected = split(facts).taught[0].id
    dataset = build(facts, [], 0, {corrected: "Just try again."})
    assert {example.fact for example in dataset.train if example.rejected is not None} == {corrected}
    assert all(example.rejected == "Just try again." for example in dataset.train if example.fact == corrected)
    assert all(example.rejected is None for example in (*dataset.general, *dataset.judge))
    assert dataset.sha256 != build(facts, [], 0).sha256


def test_what_is_right_where_it_is_judged_is_nowhere_pushed_down() -> None:
    facts = [fact(number) for number in range(40)]
    parts = split(facts)
    served = {each.id: held.lesson.answer for each, held in zip(parts.taught, parts.held_out, strict=False)}
    assert served
    assert all(example.rejected is None for example in build(facts, [], 0, served).train)
