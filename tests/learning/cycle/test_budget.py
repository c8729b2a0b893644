"""The minutes that a run may take, and a run that is taken up again."""

import asyncio
import shutil
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
import torch
from safetensors.torch import load_file

from bot.ids import AdapterId
from bot.lineage import Adapter, Decision, Progress
from learning import course, process
from learning import cycle as cycle_module
from learning.cycle import LEASE_S
from learning.planning import Work, plan, remember_speed
from learning.process import Outcome
from learning.trainer import Spec
from storage.adapter_files import MANIFEST
from tests.learning.cycle.workshop import LESSONS, OWNER, RECIPE, QuickTrainer, Workshop, assert_failed, previous

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


def with_something_learned(workshop: Workshop) -> Adapter:
    """The live adapter has seen all but the last three lessons, and everything anew would take too long."""
    seen = tuple(lesson.id for lesson in LESSONS if lesson.id not in {each.id for each in LESSONS[9:12]})
    live = replace(
        previous("adapter-1"), number=2, lessons=seen, questions=tuple(lesson.id for lesson in LESSONS[:9]),
        recipe=asdict(RECIPE),
    )  # fmt: skip
    staged = workshop.files.stage(live.id)
    shutil.copytree(workshop.files.folder(AdapterId("adapter-0")), staged, dirs_exist_ok=True)
    (staged / MANIFEST).unlink()
    workshop.files.publish(live.id, staged, "tiny-sha256")
    workshop.deploy(live)
    workshop.store.run_sync(lambda unit: remember_speed(unit, RECIPE, "tiny", Work(1e4, 1e9), 3600.0, 1.0))
    return live


async def test_what_would_take_too_long_anew_goes_on_from_the_live_adapter(
    with_live: Workshop, trainer: QuickTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "LEAST_REPLAYED", 1)
    live = with_something_learned(with_live)
    planned = with_live.store.run_sync(lambda unit: plan(unit, RECIPE, "tiny", 20))
    report = await replace(with_live.cycle, minutes=20).run_next(OWNER)
    assert report is not None
    assert report.course == planned.course
    assert report.course.startswith("On from v2")
    assert report.course in with_live.notices[-1].text
    assert trainer.spec is not None
    assert trainer.spec.start == str(with_live.files.folder(live.id))
    new = with_live.adapters[-1]
    assert (new.start, set(new.lessons) > set(live.lessons)) == (live.id, True)
    assert set(new.questions or ()) == {lesson.id for lesson in LESSONS[:12]}


async def test_the_weights_that_training_goes_on_from_must_be_whole(
    with_live: Workshop, trainer: QuickTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "LEAST_REPLAYED", 1)
    live = with_something_learned(with_live)
    (with_live.files.folder(live.id) / "adapter_model.safetensors").write_bytes(b"other weights")
    report = await replace(with_live.cycle, minutes=20).run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.FAILED
    assert trainer.spec is None


@pytest.mark.slow
async def test_what_is_trained_on_from_the_live_adapter_begins_with_its_weights(
    with_live: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a learning rate of next to nothing, the weights are the live adapter's to the end."""
    monkeypatch.setattr(course, "LEAST_REPLAYED", 1)
    live = with_something_learned(with_live)
    cautious = replace(RECIPE, learning_rate=1e-12)
    assert await replace(with_live.cycle, minutes=20, recipe=cautious).run_next(OWNER) is not None
    one, other = (
        load_file(with_live.files.folder(each) / "adapter_model.safetensors")
        for each in (live.id, with_live.adapters[-1].id)
    )
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)


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
