"""The minutes that a run may take, and a run that is taken up again."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.lineage import Decision, Progress
from learning import cycle as cycle_module
from learning import process
from learning.cycle import LEASE_S
from learning.planning import Work, remember_speed
from learning.process import Outcome
from learning.trainer import Spec
from tests.learning.cycle.workshop import OWNER, RECIPE, QuickTrainer, Workshop, assert_failed

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


async def test_a_run_that_would_take_too_long_is_refused_before_it_starts(
    with_live: Workshop, trainer: QuickTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No training has run on this machine yet, so it is measured first."""

    async def measure(spec: Spec, on_progress: process.OnProgress) -> tuple[float, float]:
        assert spec.train
        assert await on_progress(Progress("Starting", 0, 1))
        return 500.0, 100.0

    monkeypatch.setattr(cycle_module, "measure", measure)
    report = await replace(with_live.cycle, minutes=5).run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.REFUSED
    assert report.reasons[0].startswith("It would take about 10 minutes, and MENTEE_TRAINING_MINUTES allows 5.")
    assert trainer.spec is None
    with_live.request("run-2")
    report = await replace(with_live.cycle, minutes=11).run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.REJECTED


async def test_a_training_that_overruns_its_minutes_is_ended_in_words(
    with_live: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(spec: Spec, on_progress: process.OnProgress) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(cycle_module, "train_and_judge", endless)
    monkeypatch.setattr(cycle_module, "OVERRUN", 1e-6)
    with_live.store.run_sync(lambda unit: remember_speed(unit, RECIPE, "tiny", Work(1e9, 1e9), 1.0, 1.0))
    report = await replace(with_live.cycle, minutes=1).run_next(OWNER)
    assert_failed(with_live, report, "since MENTEE_TRAINING_MINUTES is 1.", "then retrain")


async def test_a_run_that_is_taken_up_again_finds_what_it_had_kept_and_leaves_nothing(
    with_live: Workshop, trainer: QuickTrainer
) -> None:
    work = with_live.cycle.work_dir
    (work / "run-long-closed").mkdir(parents=True)
    trainer.fails_with = process.LostRun("Training was stopped from outside.")
    assert await with_live.cycle.run_next(OWNER) is None
    (work / "run-1" / "checkpoint.safetensors").write_text("kept")
    with_live.clock.now += timedelta(seconds=LEASE_S + 1)
    trainer.fails_with = None
    found: list[str] = []

    async def watch(_: Progress) -> None:
        found.extend(path.name for path in (work / "run-1").iterdir())

    report = await with_live.cycle.run_next(OWNER, watch)
    assert report is not None
    assert (report.decision, with_live.run().attempts) == (Decision.REJECTED, 2)
    assert found == ["checkpoint.safetensors"]
    assert list(work.iterdir()) == []
