"""What happens around the training: the trainer is quick here and always delivers."""

import asyncio
import errno
import os
import shutil
from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import get_ident
from typing import Any

import pysqlite3.dbapi2 as sqlite
import pytest
from structlog.testing import capture_logs

from bot.feedback import facts_of
from bot.ids import SHARED, AdapterId, FactId, Tenant
from bot.lineage import Decision, RetrainPlan, Run
from bot.ports import Unit
from learning import cycle as cycle_module
from learning.course import Course
from learning.cycle import LEASE_S, MAX_ATTEMPTS, PREPARING
from learning.dataset import MIN_LESSONS, build
from learning.models import BaseModel
from learning.planning import plan, planned
from learning.promotion import Verdict, alpha_of, decide
from storage.adapter_files import AdapterFiles
from storage.writer import IN_TURN, PATIENCE_S
from tests.learning.cycle.workshop import (
    LESSONS,
    OWNER,
    RECIPE,
    QuickTrainer,
    Workshop,
    assert_failed,
    previous,
    promoting,
)
from tests.learning.samples import NOW, keep, lesson

ONE = Tenant("slack:T1")

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


async def test_the_gate_decides_what_goes_live(with_live: Workshop, trainer: QuickTrainer) -> None:
    with_live.store.run_sync(lambda unit: keep(unit, *map(lesson, range(20, 60))))  # enough to judge by
    rejected = await with_live.cycle.run_next(OWNER)
    assert rejected is not None
    assert (rejected.decision, rejected.adapter) == (Decision.REJECTED, "v2")
    assert with_live.live == "adapter-0"
    with_live.files.verify(with_live.adapters[-1].id)  # kept: an admin may look at it, and promote it by hand
    with_live.request("run-2")
    trainer.gain = 0.5
    promoted = await with_live.cycle.run_next(OWNER)
    assert promoted is not None
    assert (promoted.decision, promoted.adapter) == (Decision.PROMOTED, "v3")
    assert with_live.live == with_live.adapters[-1].id
    assert [notice.text[:1] for notice in with_live.notices] == ["A", "✅"]
    entries = with_live.store.run_sync(lambda unit: unit.audit.entries())
    sealed = [(entry.act, entry.subject) for entry in entries if entry.act.startswith("judged")]
    assert sealed == [(f"judged {it.name} with", f"data {it.dataset_sha256}") for it in with_live.adapters[-2:]]
    confidences = [report.evaluation.confidence for report in (rejected, promoted) if report.evaluation is not None]
    assert confidences == [pytest.approx(1 - alpha_of(look)) for look in (1, 2)]  # each is a look


async def test_the_champion_is_the_live_adapter(with_live: Workshop, trainer: QuickTrainer) -> None:
    await with_live.cycle.run_next(OWNER)
    assert trainer.spec is not None
    assert trainer.spec.champion == str(with_live.files.folder(AdapterId("adapter-0")))


async def test_the_gate_is_told_which_facts_the_live_adapter_was_taught(
    with_live: Workshop, trainer: QuickTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Collection[FactId]] = []

    def noted(*judged: Any) -> Verdict:
        told.append(judged[-1])
        return decide(*judged)

    monkeypatch.setattr(cycle_module, "decide", noted)
    await with_live.cycle.run_next(OWNER)
    with_live.deploy(replace(previous("adapter-1"), number=3, lessons=tuple(each.id for each in LESSONS[:3])))
    with_live.request("run-2")
    await with_live.cycle.run_next(OWNER)
    assert told == [frozenset(), {each.fact for each in LESSONS[:3]}]


async def test_the_dataset_is_made_beside_the_transactions(
    with_live: Workshop, trainer: QuickTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def noted(*given: Any) -> tuple[Course, RetrainPlan]:
        threads.append(get_ident())
        return planned(*given)

    monkeypatch.setattr("learning.snapshot.planned", noted)
    await with_live.cycle.run_next(OWNER)
    transactions = await with_live.store.run(lambda _: get_ident())
    assert len(threads) == 1
    assert threads[0] not in (transactions, get_ident())


async def test_a_run_is_kept_while_lessons_are_indexed(
    with_live: Workshop, trainer: QuickTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cycle_module, "BEAT_S", 0.01)
    claimed: list[Run | None] = []

    async def index() -> None:
        with_live.clock.now += timedelta(seconds=LEASE_S + 1)
        for _ in range(500):
            if with_live.run().progress == PREPARING:
                break
            await asyncio.sleep(0.01)
        claimed.append(with_live.store.run_sync(lambda unit: unit.runs.claim("other", with_live.clock(), LEASE_S)))

    report = await replace(with_live.cycle, index=index).run_next(OWNER)
    assert claimed == [None]
    assert report is not None
    assert report.decision is Decision.REJECTED


async def test_a_training_goes_on_while_another_program_holds_the_database(
    with_live: Workshop, trainer: QuickTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cycle_module, "BEAT_S", 0.01)
    monkeypatch.setitem(PATIENCE_S, IN_TURN, 0.05)

    async def index() -> None:
        assert with_live.store.file is not None
        with closing(sqlite.connect(with_live.store.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(0.5)  # several beats find it held

    report = await replace(with_live.cycle, index=index).run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.REJECTED


async def test_examples_that_were_left_out_are_told(with_live: Workshop, trainer: QuickTrainer) -> None:
    trainer.left_out = 3
    report = await with_live.cycle.run_next(OWNER)
    assert report is not None
    assert f"more than {with_live.cycle.recipe.max_tokens} tokens" in report.reasons[-1]
    assert report.reasons[-1].startswith("3 of ")


async def test_nothing_requested_is_nothing_done(workshop: Workshop) -> None:
    assert await workshop.cycle.run_next(OWNER) is None


async def test_a_run_that_is_alive_elsewhere_is_left_alone(with_live: Workshop) -> None:
    with_live.store.run_sync(lambda unit: unit.runs.claim("other", with_live.clock(), LEASE_S))
    assert await with_live.cycle.run_next(OWNER) is None
    assert with_live.run().attempts == 1


async def test_too_few_lessons_are_refused_before_anything_is_trained(
    with_live: Workshop, trainer: QuickTrainer
) -> None:
    def withdraw(unit: Unit) -> None:
        for each in LESSONS[MIN_LESSONS - 1 :]:
            unit.lessons.withdraw(each.id, NOW)

    with_live.store.run_sync(withdraw)
    report = await with_live.cycle.run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.REFUSED
    assert trainer.spec is None
    assert report.reasons == (
        f"There are {MIN_LESSONS - 1} lessons, and {MIN_LESSONS} are needed before training makes sense.",
    )
    (notice,) = with_live.notices
    assert notice.text.startswith("Nothing was trained: There are")
    assert (with_live.folders, with_live.live) == (["adapter-0"], "adapter-0")


class NoSpaceAtPublish(AdapterFiles):
    def publish(self, adapter: AdapterId, staged: Path, base_sha256: str) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(staged))


class NoSpaceAtStage(AdapterFiles):
    def stage(self, adapter: AdapterId) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder(adapter)))


@pytest.mark.parametrize("broken", [NoSpaceAtPublish, NoSpaceAtStage])
async def test_a_disk_that_is_full_around_the_training_is_told(
    with_live: Workshop, trainer: QuickTrainer, base: BaseModel, broken: type[AdapterFiles]
) -> None:
    files = broken(with_live.files.folder(AdapterId("x")).parent, base.sha256)
    cycle = replace(with_live.cycle, adapter_store=files)
    assert_failed(with_live, await cycle.run_next(OWNER), os.strerror(errno.ENOSPC), "Make room", "retrain")


@pytest.mark.parametrize("problem", [KeyError("value"), RuntimeError("odd"), ValueError("strange")])
async def test_even_a_surprise_closes_the_run(with_live: Workshop, trainer: QuickTrainer, problem: Exception) -> None:
    trainer.fails_with = problem
    with capture_logs() as logs:
        report = await with_live.cycle.run_next(OWNER)
    assert_failed(with_live, report, type(problem).__name__, "See the log")
    assert [(entry["event"], entry["run"]) for entry in logs] == [("retraining broke", "run-1")]


async def test_a_process_given_up_for_dead_can_not_publish(
    with_live: Workshop, trainer: QuickTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken over after its last sign of life: only closing the run can tell."""

    def take_over(*judged: Any) -> Verdict:
        later = with_live.clock() + timedelta(seconds=LEASE_S + 1)
        assert with_live.store.run_sync(lambda unit: unit.runs.claim("heir", later, LEASE_S)) is not None
        return promoting(*judged)

    monkeypatch.setattr(cycle_module, "decide", take_over)
    assert await with_live.cycle.run_next(OWNER) is None
    assert with_live.run().report is None
    assert (with_live.live, with_live.folders, with_live.notices) == ("adapter-0", ["adapter-0"], [])
    assert len(with_live.adapters) == 1


async def test_a_run_whose_processes_died_is_tried_again_and_then_closed_in_words(
    with_live: Workshop, trainer: QuickTrainer
) -> None:
    for _ in range(MAX_ATTEMPTS):
        claimed = with_live.store.run_sync(lambda unit: unit.runs.claim("dead", with_live.clock(), LEASE_S))
        assert claimed is not None
        with_live.clock.now += timedelta(seconds=LEASE_S + 1)
    report = await with_live.cycle.run_next(OWNER)
    assert trainer.spec is None
    assert_failed(with_live, report, f"died {MAX_ATTEMPTS} times", "See the log, then retrain.")


async def test_after_fewer_deaths_it_is_seen_through(with_live: Workshop, trainer: QuickTrainer) -> None:
    with_live.store.run_sync(lambda unit: unit.runs.claim("dead", with_live.clock(), LEASE_S))
    with_live.clock.now += timedelta(seconds=LEASE_S + 1)
    report = await with_live.cycle.run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.REJECTED
    assert with_live.run().attempts == 2


async def test_a_live_adapter_that_is_refused_is_judged_as_what_answers_in_its_place(
    with_live: Workshop, trainer: QuickTrainer
) -> None:
    shutil.rmtree(with_live.files.folder(AdapterId("adapter-0")))
    trainer.fails_with = RuntimeError("far enough")
    await with_live.cycle.run_next(OWNER)
    assert trainer.spec is not None
    assert trainer.spec.champion is None


async def test_the_next_estimate_is_made_from_what_a_run_took(with_live: Workshop, trainer: QuickTrainer) -> None:
    def minutes(unit: Unit) -> float:
        return plan(unit, RECIPE, "tiny").minutes

    assert with_live.store.run_sync(minutes) * 60 != pytest.approx(30.0)
    await with_live.cycle.run_next(OWNER)
    assert with_live.store.run_sync(minutes) * 60 == pytest.approx(30.0)


async def test_what_was_learned_is_kept_with_the_adapter_and_told_with_the_run(
    with_live: Workshop, trainer: QuickTrainer
) -> None:
    with_live.store.run_sync(lambda unit: keep(unit, *map(lesson, range(20, 60))))
    facts = with_live.store.run_sync(lambda unit: facts_of(unit.lessons.all(), unit.lessons.phrasings()))
    dataset = build(facts, [], RECIPE.seed)
    right = {lesson: example.answer for lesson, example in dataset.taught[:3]}
    canaries = [f"Sound{i} answer{i}." for i in range(len(dataset.canaries))]
    trainer.says = [*canaries, *(right.get(lesson, "No idea.") for lesson, _ in dataset.taught)]
    trainer.gain = 0.5
    report = await with_live.cycle.run_next(OWNER)
    assert report is not None
    assert (report.learned, report.not_yet) == (3, len(dataset.taught) - 3)
    assert set(with_live.adapters[-1].learned) == set(right)
    assert "3 learned" in with_live.notices[-1].text


async def test_an_alarm_keeps_the_best_scores_from_going_live(with_live: Workshop, trainer: QuickTrainer) -> None:
    gone = lesson(70)
    with_live.store.run_sync(lambda unit: keep(unit, *map(lesson, range(20, 60)), replace(gone, withdrawn_at=NOW)))
    trainer.gain, trainer.says_again = 0.5, gone.answer
    report = await with_live.cycle.run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.REJECTED
    assert "taken back" in report.reasons[0]
    assert with_live.live == "adapter-0"


async def test_an_adapter_says_whose_lessons_it_learned_from(with_live: Workshop, trainer: QuickTrainer) -> None:
    with_live.store.run_sync(lambda unit: keep(unit, *(replace(lesson(n), tenant=ONE) for n in range(20, 60))))
    await with_live.cycle.run_next(OWNER)
    assert with_live.adapters[-1].tenants == (ONE,)


async def test_where_workspaces_do_not_share_nothing_of_theirs_is_trained_on(
    with_live: Workshop, trainer: QuickTrainer
) -> None:
    with_live.store.run_sync(lambda unit: keep(unit, *(replace(lesson(n), tenant=ONE) for n in range(20, 60))))
    with_live.deploy(replace(previous("adapter-1"), number=2, tenants=(ONE,)))  # of a time when they did
    apart = replace(with_live.cycle, of=SHARED)
    planned = with_live.store.run_sync(lambda unit: plan(unit.within(SHARED), RECIPE, "tiny"))
    assert planned.kept_out == 40
    report = await apart.run_next(OWNER)
    assert report is not None
    assert trainer.spec is not None
    told = str(trainer.spec)
    assert lesson(1).answer in told
    assert not any(lesson(number).answer in told or lesson(number).question in told for number in range(20, 60))
    assert trainer.spec.champion == str(with_live.files.folder(AdapterId("adapter-0")))
    assert with_live.adapters[-1].tenants == ()
