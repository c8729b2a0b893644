"""Knowledge bases for the tests of what is trained on and judged on, and what must not be found in a training."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from hypothesis import strategies as st

from bot.feedback import Fact, LessonSource
from bot.ids import SectionId
from bot.retrieval import Section
from bot.support import content_words
from learning.dataset import Dataset, split
from learning.examples import Example
from tests.learning.samples import answered, fact


def same_words(a: str, b: str) -> bool:
    first, second = set(content_words(a)), set(content_words(b))
    return len(first & second) >= 0.7 * len(first | second)


def lines(example: Example) -> Iterator[str]:
    """Everything that a model is shown or taught, piece by piece."""
    for message in example.messages:
        yield from message.content.splitlines()
    yield example.answer


def assert_hidden(dataset: Dataset, secret: str) -> None:
    leaks = [line for example in dataset.train for line in lines(example) if same_words(line, secret)]
    assert not leaks, f"{secret!r} is given away by {leaks}"


def section(id: str, text: str) -> Section:
    return Section(SectionId(id), "help.md", "Help", id, text)


def held_out_numbers() -> list[int]:
    return [number for number in range(100) if split([fact(number)]).held_out]


def taught_numbers(wanted: int) -> list[int]:
    return [number for number in range(100) if split([fact(number)]).taught][:wanted]


FRESH = count(1_000)


@st.composite
def knowledge_bases(draw: st.DrawFn) -> list[Fact]:
    """Facts of all kinds, some of which repeat each other's phrasings or answers, exactly or nearly."""
    numbers = draw(st.lists(st.integers(0, 60), min_size=1, max_size=30, unique=True))
    plain = [fact(n, source=draw(st.sampled_from((LessonSource.CORRECTION, LessonSource.FAQ)))) for n in numbers]
    texts = [known.lesson.question for known in plain]
    facts = []
    for known in plain:
        more = draw(st.lists(st.sampled_from(("fresh", "copy", "nearly")), max_size=3))
        other = draw(st.sampled_from(texts))
        written = {"fresh": f"topic{next(FRESH)} matter", "copy": other, "nearly": f"Please, {other} now"}
        phrasings = tuple(dict.fromkeys((*known.phrasings, *(written[each] for each in more))))
        heard = draw(st.sampled_from((frozenset(), frozenset(phrasings[2:]), frozenset(phrasings[:-1]))))
        answer = draw(st.sampled_from((known, known, known, *plain))).lesson.answer
        facts.append(replace(answered(known, answer), phrasings=phrasings, heard=heard))
    return facts
