"""What is trained on in the benchmarks: the demo product's questions, help sections and answers, in endless variation.

Every example follows another question, so that thousands of them differ. Knows nothing of models.
"""

import csv
import random
from dataclasses import replace
from functools import cache

from bot.ids import FactId
from bot.prompting import Message, Passage, grounded_prompt
from deploy.bench.workloads import FAQ, question_about, sections
from learning.examples import Example, Kind

PHRASINGS = FAQ.parent / "phrasings.csv"
SHOWN_CHARS = 400
"""Of the section in a prompt that shares nothing: about 120 tokens with the rest."""


def with_shared_prompt(number: int) -> list[Example]:
    """Instructions and three help sections first, the same in all of them, about 350 tokens; then an earlier turn and
    the question."""
    first, second, *_, shortest = sections()
    stable = [Passage(each.label, each.text) for each in (first, second, shortest)]
    rng = random.Random(0)
    return [_after_a_turn(stable, rng, i) for i in range(number)]


def without_shared_prompt(number: int) -> list[Example]:
    """Prompts of which no two begin alike, each with a help section of its own."""
    rng = random.Random(0)
    return [_with_own_section(rng, i) for i in range(number)]


def pairs(number: int) -> list[Example]:
    """The same prompts; what is answered to another question is the rejected answer."""
    examples = without_shared_prompt(number)
    return [
        replace(one, rejected=other.answer) for one, other in zip(examples, examples[1:] + examples[:1], strict=True)
    ]


def _after_a_turn(stable: list[Passage], rng: random.Random, number: int) -> Example:
    (earlier, reply), (question, answer) = rng.choice(_asked()), _chosen(rng, number)
    system, last = grounded_prompt(question, stable)
    turn = Message("user", earlier), Message("assistant", reply.partition(". ")[0])
    return Example(FactId(str(number)), Kind.READING, (system, *turn, last), answer)


def _with_own_section(rng: random.Random, number: int) -> Example:
    earlier, question, answer = rng.choice(_asked())[0], *_chosen(rng, number)
    section = rng.choice(sections_once())
    text = f"{earlier}\n{section.label}\n{section.text[:SHOWN_CHARS]}"
    return Example(FactId(str(number)), Kind.READING, (Message("system", text), Message("user", question)), answer)


def _chosen(rng: random.Random, number: int) -> tuple[str, str]:
    """Short answers, of the FAQ, and long ones, of the help pages, in turns: about 60 tokens on average."""
    if number % 2:
        return rng.choice(_asked())
    section = rng.choice(sections_once())
    return question_about(section), section.text


sections_once = cache(sections)


@cache
def _asked() -> list[tuple[str, str]]:
    """Every phrasing of the FAQ's questions, with its answer."""
    with FAQ.open(encoding="utf-8", newline="") as faq, PHRASINGS.open(encoding="utf-8", newline="") as phrasings:
        entries = list(csv.DictReader(faq))
        answers = {entry["id"]: entry["answer"] for entry in entries}
        asked = [(entry["question"], entry["answer"]) for entry in entries]
        return asked + [(row["question"], answers[row["faq_id"]]) for row in csv.DictReader(phrasings)]
