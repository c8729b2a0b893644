"""Those that train adapters, on a tiny model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.ids import FactId
from deploy.bench.learning import general
from deploy.bench.learning.bank import read_bank
from deploy.bench.learning.curve import TEACHER
from deploy.bench.learning.product import Product, Reply
from deploy.bench.learning.systems import NO_GATE, NO_REPLAY, TRL_NEWEST, Opened, open_system
from deploy.bench.learning.training import OnNewest, Trained
from deploy.settings import Settings
from tests.deploy.bench.learning.banks import THINGS, rows, write
from tests.tiny_model import make_tiny_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("default"),  # TRL's own, and of what it stands on
]


@contextmanager
def opened(name: str, folder: Path, seed: int = 0) -> Iterator[Opened]:
    folder.mkdir(exist_ok=True)
    bank = read_bank(write(folder / "bank.jsonl", rows()))
    settings = Settings(base_model=str(make_tiny_model(folder / "tiny")), training_epochs=1)
    with open_system(name, bank, [], settings, folder / "own", seed) as it:
        yield it


async def retrained(it: Opened) -> Trained:
    assert it.trainer is not None
    return await it.trainer.retrain()


async def teach(it: Opened, things: tuple[str, ...]) -> None:
    for number, thing in enumerate(things):
        answer = f"Go to {thing.title()} and press {number + 10}."
        if isinstance(it.system, Product):
            await it.system.bot.desk.teach(f"How do I get my {thing}?", answer)
        else:
            await it.system.correct(Reply("", False, question=f"How do I get my {thing}?"), answer, TEACHER)


async def test_trl_goes_on_with_the_newest_corrections_from_the_adapter_before(tmp_path: Path) -> None:
    with opened(TRL_NEWEST, tmp_path) as it:
        assert (await retrained(it)).reason == "There was nothing new."
        await teach(it, THINGS[:4])
        first = await retrained(it)
        await teach(it, THINGS[4:6])
        second = await retrained(it)
        assert first.adapter is not None
        assert second.adapter not in (None, first.adapter)
        assert (await it.system.ask("How do I get my card?", set())).text
        assert it.writer is not None
        base, files = it.writer.base, it.writer.files
        texts = general.General([{"question": "Hi", "answer": "Hello!"}], [{"question": "\nA. a\nB. b", "answer": "A"}])
        scores = [
            general.score(base, files.folder(each), texts).nll for each in (first.adapter, second.adapter) if each
        ]
        assert scores[0] != scores[1]


async def test_the_seed_decides_which_facts_training_keeps_to_judge_by(tmp_path: Path) -> None:
    named: list[list[FactId]] = []
    for number, seed in enumerate((0, 0, 1)):
        with opened(NO_GATE, tmp_path / str(number), seed) as it:
            await teach(it, THINGS)
            assert isinstance(it.system, Product)
            named.append([lesson.fact for lesson in await it.system.kept.store.run(lambda unit: unit.lessons.all())])
    assert len(set(named[0])) == len(THINGS)
    assert named[0] == named[1]
    assert set(named[0]).isdisjoint(named[2])


async def test_without_replay_only_what_is_new_is_trained_on(tmp_path: Path) -> None:
    with opened(NO_REPLAY, tmp_path) as it:
        assert isinstance(it.trainer, OnNewest)
        await teach(it, THINGS[:8])
        first = await retrained(it)
        await teach(it, THINGS[8:])
        assert isinstance(it.system, Product)
        await it.system.bot.desk.teach("Where is the card got?", "Go to Card and press 10.")
        newest = await it.trainer._newest()
        assert {fact.lesson.answer for fact in newest if len(fact.phrasings) == 1} >= {"Go to Card and press 10."}
        assert len(newest) == 5
        assert first.adapter is not None


async def test_without_a_gate_whatever_was_trained_answers(tmp_path: Path) -> None:
    with opened(NO_GATE, tmp_path) as it:
        await teach(it, THINGS[:2])
        assert "lessons" in (await retrained(it)).reason
        await teach(it, THINGS)
        trained = await retrained(it)
        assert isinstance(it.system, Product)
        assert trained.promoted
        assert "answers: " in trained.reason
        assert it.system.models.engine.serving == trained.adapter
        answers = {lesson.answer for lesson in await it.system.kept.store.run(lambda unit: unit.lessons.all())}
        assert trained.answers
        assert trained.answers < answers  # with this seed, some are kept to judge by
        assert trained.mb > 0
        assert trained.cpu_s > 0
