"""What says the same as something that is judged is not trained on: copies, paraphrases, sections."""

import csv
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.feedback import Fact, Lesson, LessonSource, Phrasing, facts_of
from bot.ids import LessonId
from learning.dataset import build, build_from, split
from learning.examples import Kind, question_of, section_behind
from learning.wording import near_duplicate
from tests.learning.knowledge_bases import (
    assert_hidden,
    held_out_numbers,
    knowledge_bases,
    lines,
    section,
    taught_numbers,
)
from tests.learning.samples import answered, fact, lesson


def test_a_planted_copy_of_a_held_out_fact_is_not_trained_on() -> None:
    secret = fact(held_out_numbers()[0])
    innocent, copied, nearly, asked = (fact(number) for number in taught_numbers(4))
    copied = answered(copied, secret.lesson.answer)
    nearly = answered(nearly, f"Well, {secret.lesson.answer.lower()} Done!")
    asked = replace(asked, phrasings=(*asked.phrasings, f"{secret.lesson.question} Thanks!"))
    parts = split([secret, innocent, copied, nearly, asked])
    assert parts.held_out == (secret,)
    assert parts.taught == (innocent,)
    assert parts.duplicates == 3


MEANINGS = {
    "How can I get my money back?": "refund", "What is the way to be reimbursed?": "refund",
    "Choose billing, then press Return payment.": "return", "Payments are sent back under that first menu.": "return",
}  # fmt: skip


def means_the_same(a: str, b: str) -> bool:
    """Knows a paraphrase when it sees one, as memory's vectors do."""
    return near_duplicate(a, b) or (a in MEANINGS and MEANINGS[a] == MEANINGS.get(b))


def saying(known: Fact, question: str, answer: str) -> Fact:
    said = replace(known, phrasings=(question,))
    return replace(said, lesson=replace(known.lesson, question=question, answer=answer))


@pytest.mark.parametrize("source", [LessonSource.CORRECTION, LessonSource.FAQ])
def test_a_planted_paraphrase_of_a_held_out_fact_is_not_trained_on(source: LessonSource) -> None:
    asked, meant, said, put = MEANINGS
    held = next(n for n in held_out_numbers() if split([fact(n, source=source)]).held_out)
    secret = saying(fact(held, source=source), asked, said)
    innocent, by_question, by_answer = (fact(number, source=source) for number in taught_numbers(3))
    if source is LessonSource.FAQ:
        ours = [n for n in range(100) if split([fact(n, source=source)]).practice][:3]
        innocent, by_question, by_answer = (fact(number, source=source) for number in ours)
    by_question = saying(by_question, meant, by_question.lesson.answer)
    by_answer = saying(by_answer, by_answer.lesson.question, put)
    facts = [secret, innocent, by_question, by_answer]
    parts = split(facts, means_the_same)
    assert parts.held_out == (secret,)
    assert {*parts.taught, *parts.practice} == {innocent}
    trained = {example.fact for example in build(facts, [], 0, alike=means_the_same).train}
    assert trained == {innocent.id}
    assert {by_question.id, by_answer.id} <= {example.fact for example in build(facts, [], 0).train}  # words don't tell


def test_of_a_lesson_only_the_question_that_seems_to_be_judged_stays_out() -> None:
    """Where it surely is, what else it is asked by means the same, whether anybody sees that or not."""
    asked, meant, said, put = MEANINGS
    secret = saying(fact(held_out_numbers()[0]), asked, said)
    known, told = (fact(number, meant) for number in taught_numbers(2))
    told = answered(told, put)
    parts = split([secret, known, told], means_the_same, near_duplicate)
    assert parts.taught == (replace(known, phrasings=known.phrasings[:1]),)
    assert split([secret, known, told], means_the_same).taught == ()
    alone = saying(known, meant, known.lesson.answer)
    assert split([secret, alone], means_the_same, near_duplicate).taught == ()


@settings(max_examples=40)
@given(knowledge_bases(), st.integers(0, 5), st.data())
def test_nothing_trained_says_the_same_as_what_is_held_out(facts: list[Fact], seed: int, data: st.DataObject) -> None:
    """Whatever it is that says the same: here, some of the texts at random."""
    texts = sorted({text for known in facts for text in (*known.phrasings, known.lesson.answer)})
    alike_ones = data.draw(st.sets(st.sampled_from(texts), max_size=6))

    def alike(a: str, b: str) -> bool:
        return near_duplicate(a, b) or {a, b} <= alike_ones

    same = data.draw(st.sampled_from((alike, near_duplicate)))
    parts = split(facts, alike, same)
    secrets = [text for held in parts.held_out for text in (*held.phrasings, held.lesson.answer)]
    dataset = build_from(parts, [], seed, {}, (), alike)
    trained = {text for example in dataset.train for text in lines(example)}
    assert not [(one, other) for one in trained for other in secrets if alike(one, other)]


def test_a_planted_copy_of_a_judged_phrasing_is_not_trained_on() -> None:
    one, other = (fact(number) for number in taught_numbers(2))
    one = replace(one, phrasings=(*one.phrasings, "Is there another road to money?"))
    planted = ("another road to money", "Something of its own, entirely")
    other = replace(other, phrasings=(*other.phrasings, *planted))
    dataset = build([one, other], [], 0)
    judged = [example.messages[-1].content for example in dataset.judge if example.kind is Kind.RECALL]
    assert "Is there another road to money?" in judged
    assert_hidden(dataset, "Is there another road to money?")


def test_a_phrasing_that_repeats_the_lesson_itself_is_not_judged_but_trained_on() -> None:
    known = fact(taught_numbers(1)[0])
    known = replace(known, phrasings=(*known.phrasings, f"Hi, {known.lesson.question.lower()}"))
    dataset = build([known], [], 0)
    assert not [example for example in dataset.judge if example.kind is Kind.RECALL]
    asked = {example.messages[-1].content for example in dataset.train if example.kind is Kind.RECALL}
    assert asked >= set(known.phrasings)


def test_a_section_that_gives_a_held_out_answer_away_stands_in_no_training_prompt() -> None:
    secret, known = fact(held_out_numbers()[0]), fact(taught_numbers(1)[0])
    both = section("both", f"{known.lesson.answer} {secret.lesson.answer}")
    assert section_behind(known, [both]) == both
    dataset = build([secret, known], [both], 0)
    assert_hidden(dataset, secret.lesson.answer)
    assert not any(both.text in line for example in dataset.train for line in lines(example))
    assert any(both.text in line for example in dataset.judge for line in lines(example))


DEMO = Path(__file__).parents[2] / "deploy" / "demo" / "lessons.csv"
EDITS: dict[str, Callable[[list[str], random.Random], list[str]]] = {
    "a copy": lambda words, _: words,
    "capitals and marks": lambda words, _: [f"{word.upper()}!" for word in words],
    "another order": lambda words, rng: rng.sample(words, len(words)),
    "a word less": lambda words, _: words[:-1],
    "a word more": lambda words, _: [*words, "today"],
    "in a letter": lambda words, _: ["Hello", "there,", *words, "Thanks", "a", "lot!"],
}


@pytest.mark.parametrize("kind", EDITS)
def test_of_three_hundred_planted_leaks_all_but_one_stay_out_of_training(kind: str) -> None:
    """Questions and answers of the demo that are held out, edited, in fifty lessons about something else of each kind.
    A question of three words that lacks one of them is another question, as far as words tell."""
    with DEMO.open(encoding="utf-8", newline="") as file:
        texts = [(row["question"], row["answer"]) for row in csv.DictReader(file)]
    rng, numbers = random.Random(0), [n for n in range(200) if split([fact(n, source=LessonSource.FAQ)]).held_out]
    held = dict(zip(numbers[:24], texts, strict=False))
    secrets = [saying(fact(n, source=LessonSource.FAQ), *of_it) for n, of_it in held.items()]
    leaks = []
    for at, number in enumerate(taught_numbers(50)):
        text = texts[at % len(secrets)][at % 2]
        edited = " ".join(EDITS[kind](text.split(), rng))
        leaks.append(
            saying(fact(number), edited, f"Something {number}.") if at % 2 == 0 else answered(fact(number), edited)
        )
    parts = split([*secrets, *leaks])
    assert (len(parts.held_out), len(leaks)) == (24, 50)
    assert sum(leak in leaks for leak in parts.taught) <= (kind == "a word less")


def test_what_one_training_was_shown_is_not_judged_in_a_later_one() -> None:
    """Else the adapter of before would know what is judged, and none would ever be found better."""
    lessons, shown, judged = list[Lesson](), set[str](), set[str]()
    for version, every in enumerate((1, 2, 3, 1)):
        for number in taught_numbers(12)[::every]:
            first = lesson(number, minutes=100 * version + number)
            question = f"Word{number} or{version}?" if version else first.question
            lessons.append(replace(first, id=LessonId(f"{first.id}-{version}"), question=question))
        phrasings = [Phrasing(fact=each.fact, text=each.question, origin=each.id) for each in lessons]
        dataset = build(facts_of(lessons, phrasings), [], 0)
        judged = {question_of(item) for item in dataset.judge if item.kind is Kind.RECALL}
        assert not judged & shown
        shown |= {text for _, text in dataset.questions}
    assert len(judged) == 12
