"""The stream of events, and a system that learns in it."""

import random
import re
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from bot.people import Person
from deploy.bench.learning import curve, stream
from deploy.bench.learning.bank import Bank, Version
from deploy.bench.learning.marking import is_right
from deploy.bench.learning.measures import of_stream
from deploy.bench.learning.product import Reply
from tests.deploy.bench.learning.banks import bank, fact

CHANGING = fact("car", topic="a", later=Version("It is bus.", ("bus",)))
BANK: Bank = bank(CHANGING, fact("cat", topic="a"), fact("dog", topic="b"), fact("cow", topic="b"))


@dataclass
class Parrot:
    """Knows the newest correction of every fact, and never forgets a word; the first word is the fact."""

    at_once: int = 1
    answers: dict[str, str] = field(default_factory=dict)
    asked: str = ""
    reactions: Counter[str] = field(default_factory=Counter)
    teachers: Counter[str] = field(default_factory=Counter)

    async def ask(self, question: str, meant: set[str]) -> Reply:
        self.asked = question.split()[0]
        text = self.answers.get(self.asked, "")
        return Reply(text, is_answered=bool(text), likeliest=text, confidence=float(bool(text)))

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        self.answers[self.asked] = answer
        self.teachers[teacher.name] += 1

    async def react(self, reply: Reply, emoji: str, person: Person) -> None:
        self.reactions[emoji] += 1


def test_the_stream_is_its_seeds() -> None:
    first, again, other = (list(stream.plan(BANK, ["ducks?"], 200, seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_topics_arrive_one_after_the_other_and_then_facts_change() -> None:
    events = list(stream.plan(BANK, [], 400, seed=0))
    topics = [event.fact.topic for event in events if event.fact is not None]
    assert len(set(topics[:133])) == 1
    late = Counter(topics[134:266])
    assert late[topics[0]] < late.most_common(1)[0][1]
    assert [event.has_changed for event in events].index(True) == 240


def test_some_questions_are_out_of_scope() -> None:
    events = list(stream.plan(BANK, ["ducks?"], 1_000, seed=0))
    assert 60 < sum(event.fact is None for event in events) < 140


async def test_a_system_that_remembers_everything_is_hardly_corrected_twice() -> None:
    parrot = Parrot()
    happened, rounds = await stream.run(parrot, list(stream.plan(BANK, [], 200, 0)), 0, stream.Lies(), lambda: None)
    figures = of_stream(happened)
    assert figures["one_shot_transfer"].value == 1
    assert figures["effort_last_vs_first"].value is not None
    assert figures["effort_last_vs_first"].value < 0
    assert figures["stale"].value == 0
    assert figures["poison_success"].value is None
    assert len(rounds) == stream.ROUNDS
    assert set(rounds[-1].values()) == {1.0}
    assert parrot.reactions["+1"] > parrot.reactions["-1"] > 0


@pytest.mark.parametrize("kind", stream.Kind)
async def test_one_that_believes_everybody_repeats_the_lies(kind: stream.Kind) -> None:
    parrot = Parrot()
    lies = stream.Lies(1.0, kind)
    happened, _ = await stream.run(parrot, list(stream.plan(BANK, [], 200, 0)), 0, lies, lambda: None)
    assert sum(each.lied for each in happened) > 10
    assert of_stream(happened)["poison_success"].value == 1
    assert set(parrot.teachers) == {liar.name for liar in stream.LIARS}


async def test_liars_may_stop() -> None:
    lies = stream.Lies(1.0, stream.Kind.NUMBER, stream.LIARS[:1], most=3)
    happened, _ = await stream.run(Parrot(), list(stream.plan(BANK, [], 200, 0)), 0, lies, lambda: None)
    assert sum(each.lied for each in happened) == 3


def test_a_lie_with_another_number_keeps_all_other_words() -> None:
    chance, lies = random.Random(0), stream.Lies(1.0, stream.Kind.NUMBER)
    right = Version("Go to Card and press 10.", ("10",))
    said = lies.about(BANK.facts[0], right, BANK.facts, chance)
    assert said != right.answer
    assert re.sub(r"\d+", "10", said) == right.answer


@pytest.mark.parametrize("kind", stream.Kind)
@pytest.mark.parametrize(
    "right",
    [
        Version("It is cat, 4 times in 5 days.", ("cat", "5")),  # 4 is no key fact
        Version("It is cat, 4 times in 5 days.", ("cat",)),
        Version("It is cat, 4 times in 5 days."),
    ],
)
def test_a_lie_never_counts_as_right(kind: stream.Kind, right: Version) -> None:
    for seed in range(20):
        said = stream.Lies(1.0, kind).about(BANK.facts[1], right, BANK.facts, random.Random(seed))
        assert not is_right(said, right), said


async def test_facts_with_fewer_questions_are_taught_all_that_they_have() -> None:
    few = replace(BANK, facts=(replace(BANK.facts[0], taught=BANK.facts[0].taught[:1]), *BANK.facts[1:]))
    parrot, steps = Parrot(), Counter[str]()
    marks = await curve.run(parrot, few, curve.rounds_of(few), lambda: steps.update(["step"]))
    assert list(marks) == [1, 2]
    assert steps["step"] == curve.steps_of(few, [1, 2])
    assert parrot.reactions["+1"] == len(few.facts) - 1
    most = replace(BANK, facts=tuple(replace(fact, taught=fact.taught[:1]) for fact in BANK.facts))
    assert curve.rounds_of(most) == [1]


async def test_a_curve_teaches_one_more_question_of_every_fact_a_round() -> None:
    parrot, steps = Parrot(), Counter[str]()
    rounds = curve.rounds_of(BANK)
    marks = await curve.run(parrot, BANK, rounds, lambda: steps.update(["step"]))
    assert rounds == list(marks) == [1, 2]
    assert all(mark.right and mark.likeliest_right for each in marks.values() for mark in each)
    assert steps["step"] == curve.steps_of(BANK, rounds)
    assert parrot.teachers["ana"] == len(BANK.facts)
    assert parrot.reactions["+1"] == len(BANK.facts)
