"""Systems that need no real model: what each learns from, and what it loses."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from bot.ids import AdapterId
from bot.people import Person
from bot.prompting import Message
from deploy.bench.learning import curve, general, measures, stream, systems
from deploy.bench.learning.adapters import Rounds
from deploy.bench.learning.curve import TEACHER, ask_all
from deploy.bench.learning.figures import Figure
from deploy.bench.learning.product import Reply
from deploy.bench.learning.rivals import PerfectMemory, System
from deploy.bench.learning.training import Trained
from deploy.bench.learning.writing import MemoryInContext, Writer, Written
from tests.deploy.bench.learning.banks import bank, fact
from tests.fakes.encoder import HashingEncoder

BANK = bank(*(fact(f"{topic}{i}", topic=topic, taught=8) for topic in "abcdef" for i in range(5)))


class Echo(Writer):
    """Writes what it reads, and keeps its prompts."""

    def __init__(self) -> None:
        self.prompts: list[list[Message]] = []
        self.adapters: list[AdapterId | None] = []

    async def write(self, adapter: AdapterId | None, prompt: list[Message]) -> str:
        self.prompts.append(prompt)
        self.adapters.append(adapter)
        return prompt[0].content


async def test_memory_in_context_reads_the_nearest_corrections_of_different_answers() -> None:
    writer = Echo()
    system = MemoryInContext(writer, HashingEncoder())
    lessons = (("lost card", "Freeze it."), ("my lost card", "Freeze it."), ("lost my bag", "Call."), ("fee", "None."))
    assert "Help text" not in (await system.ask("lost card", set())).text
    for question, answer in (*lessons, ("loan", "Ask."), ("rates", "Three.")):
        await system.correct(Reply("", False, question=question), answer, TEACHER)
    said = (await system.ask("lost card", set())).text
    assert said.count("Freeze it.") == 1
    assert said.index("Freeze it.") < said.index("Call.")
    assert sum(answer in said for answer in ("Freeze it.", "Call.", "None.", "Ask.", "Three.")) == 3


async def test_the_base_model_learns_nothing_and_is_asked_side_by_side() -> None:
    writer = Echo()
    base = Written(writer)
    await base.correct(Reply("", False, question="a 1?"), "It is a.", TEACHER)
    steps: list[int] = []
    replies = await ask_all(base, [(f"q{i}", set()) for i in range(11)], lambda: steps.append(1))
    assert len(replies) == len(steps) == 11
    assert {reply.confidence for reply in replies} == {None}
    assert set(writer.adapters) == {None}


async def played(system: System) -> dict[str, Figure]:
    happened, rounds = await stream.run(system, list(stream.plan(BANK, [], 600, 0)), 0, stream.Lies(), lambda: None)
    return measures.of_stream(happened) | {"forgetting": measures.forgetting(rounds)}


async def test_effort_tells_a_perfect_memory_from_one_that_learns_nothing() -> None:
    perfect, nothing = await played(PerfectMemory()), await played(Written(Echo()))
    effort, floor = nothing["effort_last_vs_first"].value, perfect["effort_last_vs_first"].value
    assert effort is not None
    assert floor is not None
    assert abs(effort) < 0.2
    assert floor < -0.7
    assert perfect["forgetting"].value == 0


@dataclass
class Counting:
    """A trainer that always gets a new adapter; the gate promotes some of them."""

    turns: int = 0
    promoted: Sequence[int] = (2,)

    async def retrain(self) -> Trained:
        self.turns += 1
        promoted = self.turns in self.promoted
        said = f"round {self.turns} {'holds' if promoted else 'fails'}."
        return Trained(said, AdapterId(f"v{self.turns}"), promoted, seconds=2.0, cpu_s=3.0, mb=20.0)


@dataclass
class Teller(Echo):
    """Knows the first fact with its first adapter, and the second one with the second: each forgets the other."""

    known: Sequence[str] = ("a0", "a1")
    asked: list[AdapterId | None] = field(default_factory=list)

    async def write(self, adapter: AdapterId | None, prompt: list[Message]) -> str:
        self.asked.append(adapter)
        return self.known[int(str(adapter)[1:]) - 1]


async def test_adapters_are_retrained_when_enough_was_corrected_and_measured_each_time() -> None:
    facts, trainer = BANK.facts[:2], Counting()
    worse = {"general_nll_delta": Figure(0.1), "general_accuracy_delta": Figure(-0.02)}
    rounds = Rounds(trainer, every=5, tested=1).measure_with(Teller(), lambda adapter: worse)
    for corrections, known in ((4, facts[:1]), (5, facts[:1]), (9, facts), (10, facts)):
        await rounds.consolidate(corrections, known)
    figures = rounds.figures()
    assert trainer.turns == figures["rounds"].value == 2
    assert figures["rounds_promoted"].value == 0.5
    assert figures["rounds_promoted"].reason == "Round 1: round 1 fails. Round 2: round 2 holds."
    assert figures["closed_book_forgetting"].value == 1
    assert figures["closed_book_last_round"].value == 0.5
    assert figures["general_nll_delta_last_round"].value == 0.1
    assert figures["round_cpu_s_in_stream"].value == 3
    assert rounds.series()["closed_book_by_round"] == {1.0: 1.0, 2.0: 0.5}


async def rounds_of(promoted: Sequence[int]) -> dict[str, Figure]:
    """Two rounds, in which the gate promotes these."""
    told = iter((Figure(0.1), Figure(0.2)))
    rounds = Rounds(Counting(promoted=promoted), every=5, tested=1)
    rounds.measure_with(Teller(), lambda _: {"general_nll_delta": next(told), "general_accuracy_delta": Figure(0.0)})
    for corrections, known in ((5, BANK.facts[:1]), (10, BANK.facts[:2])):
        await rounds.consolidate(corrections, known)
    return rounds.figures()


@pytest.mark.parametrize(
    ("promoted", "known", "forgotten", "nll"),
    [((1, 2), 0.5, 1, 0.2), ((1,), 0.5, 0, 0.1), ((2,), 0.5, None, 0.2), ((), None, None, None)],
    ids=["both answer", "the first goes on", "the second alone", "none"],
)
async def test_what_answers_is_what_the_gate_promoted_last(
    promoted: Sequence[int], known: float | None, forgotten: float | None, nll: float | None
) -> None:
    figures = await rounds_of(promoted)
    assert figures["closed_book_served_last_round"].value == known
    assert figures["closed_book_served_forgetting"].value == forgotten
    assert figures["general_nll_delta_served"].value == nll
    assert figures["closed_book_forgetting"].value == 1
    assert bool(figures["general_nll_delta_served"].reason) == (nll is None)


async def test_without_enough_corrections_it_is_told_why_there_is_no_round() -> None:
    rounds = Rounds(Counting(), every=5, tested=1)
    await rounds.consolidate(4, BANK.facts)
    assert rounds.figures()["rounds"].value is None
    assert "5 corrections" in rounds.figures()["closed_book_last_round"].reason


class Pupil(Written):
    """Learns by retraining alone, and is counted."""

    def __init__(self) -> None:
        super().__init__(Echo())
        self.taught: list[str] = []
        self.known: list[int] = []

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        self.taught.append(reply.question)

    async def retrain(self) -> None:
        self.known.append(len(self.taught))


async def test_what_learns_by_retraining_is_retrained_before_each_test_and_not_asked_while_taught() -> None:
    pupil = Pupil()
    small = bank(*BANK.facts[:4])
    marks = await curve.run(pupil, small, (1, 3), lambda: None, pupil.retrain)
    assert pupil.known == [4, 12]
    assert set(marks) == {1, 3}
    assert isinstance(pupil.writer, Echo)
    assert len(pupil.writer.prompts) == 2 * 4  # the tests alone


def test_what_a_system_can_not_be_without_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems, "find_spec", lambda name: None)
    assert "--kb" in systems.lacks(systems.RAG, [])
    assert "pip install 'trl" in systems.lacks(systems.TRL_NEWEST, [])
    assert not systems.lacks(systems.MENTEE, [])


def test_general_questions_with_choices_are_told_from_texts() -> None:
    choice = {"question": "Which?\n\nA. this\nB. that", "answer": "B"}
    text = {"question": "Plan B. Why?", "answer": "So."}
    sample = general.sample([choice, text, {"question": "Which?\nA. this\nB. that", "answer": "that"}], 5, 5)
    assert sample.choices == [choice]
    assert len(sample.texts) == 2


def test_general_figures_compare_each_text_with_itself() -> None:
    before, after = general.Scored([1.0, 2.0], [True, True]), general.Scored([1.5, 2.5], [True, False])
    figures = general.figures(before, after)
    assert figures["general_nll_delta"].value == 0.5
    assert figures["general_accuracy"].value == 0.5
    assert figures["general_accuracy_delta"].value == -0.5
    assert (
        "no questions with given choices"
        in general.figures(general.Scored([1.0], []), general.Scored([1.0], []))["general_accuracy"].reason
    )
