"""What breaks while the real trainer is at work."""

import asyncio
import os
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.ids import AdapterId
from bot.lineage import Progress, RunState
from learning.cycle import LEASE_S
from learning.models import BaseModel
from storage.adapter_files import AdapterFiles
from tests.learning.cycle.workshop import OWNER, Workshop, assert_failed

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


async def test_too_little_memory_is_told_with_the_setting(with_live: Workshop) -> None:
    cycle = replace(with_live.cycle, memory_mb=100)
    assert_failed(with_live, await cycle.run_next(OWNER), "limit of 100 MB", "MENTEE_TRAINING_MEMORY_MB")


class NoSpaceForConfig(AdapterFiles):
    """The trainer meets a full disk when it saves the adapter."""

    def stage(self, adapter: AdapterId) -> Path:
        staged = super().stage(adapter)
        (staged / "adapter_config.json").symlink_to("/dev/full")
        return staged


@pytest.mark.slow
async def test_a_disk_that_is_full_for_the_trainer_is_told(with_live: Workshop, base: BaseModel) -> None:
    files = NoSpaceForConfig(with_live.files.folder(AdapterId("x")).parent, base.sha256)
    cycle = replace(with_live.cycle, adapter_store=files)
    assert_failed(with_live, await cycle.run_next(OWNER), "The disk is full at", "retrain")


async def test_a_killed_trainer_closes_the_run_in_words(with_live: Workshop, pids: list[int]) -> None:
    async def kill(_: Progress) -> None:
        os.kill(pids[0], signal.SIGKILL)

    assert_failed(with_live, await with_live.cycle.run_next(OWNER, kill), "killed from outside", "retrain")


async def test_a_run_that_another_process_took_over_is_let_go_of(with_live: Workshop, pids: list[int]) -> None:
    async def take_over(_: Progress) -> None:
        with_live.clock.now += timedelta(seconds=LEASE_S + 1)
        assert with_live.store.run_sync(lambda unit: unit.runs.claim("heir", with_live.clock(), LEASE_S)) is not None

    assert await with_live.cycle.run_next(OWNER, take_over) is None
    run = with_live.run()
    assert (run.state, run.attempts, run.report) == (RunState.RUNNING, 2, None)
    assert with_live.folders == ["adapter-0"]
    assert with_live.notices == []


async def test_a_cancelled_run_leaves_no_process_and_is_taken_up_again(with_live: Workshop, pids: list[int]) -> None:
    begun = asyncio.Event()

    async def note(_: Progress) -> None:
        begun.set()

    running = asyncio.create_task(with_live.cycle.run_next(OWNER, note))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert with_live.folders == ["adapter-0"]
    assert with_live.run().state is RunState.RUNNING
    later = with_live.clock() + timedelta(seconds=LEASE_S + 1)
    assert with_live.store.run_sync(lambda unit: unit.runs.claim(OWNER, later, LEASE_S)) is not None
