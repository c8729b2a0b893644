"""The training process's parent: what it understands, and what it says when the child breaks. The child is a script."""

import asyncio
import errno
import json
import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.errors import OperatorError
from bot.ids import FactId
from bot.lineage import Progress
from learning import process
from learning.evaluation import Score
from learning.examples import Kind
from learning.exits import (
    EXIT_DISK_FULL,
    EXIT_NOT_FINITE,
    EXIT_OUT_OF_GPU_MEMORY,
    EXIT_OUT_OF_MEMORY,
    EXIT_SETTING,
    EXIT_STOPPED,
)
from learning.process import LostRun, Outcome, train_and_judge
from learning.recipe import Setup
from learning.trainer import Spec, outcome_path

OUTCOME = json.dumps(
    {
        "champion": [{"fact": "f", "kind": "recall", "value": 0.5}], "challenger": [],
        "setup": {"threads": 3, "processes": 1, "precision": "fp32", "tokens_at_once": 9, "recompute": False},
        "said": ["Yes."], "training_s": 5.0, "judging_s": 2.0, "left_out": 4,
    }
)  # fmt: skip
STEP = '{"stage": "Training", "done": 3, "total": 9, "eta": 1.5, "loss": 0.1}'


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return Spec(
        base="base", base_name="tiny", champion=None, start=None, train=[], general=[], judge=[], asked=[], recipe={},
        out=str(tmp_path / "out"), work=str(tmp_path), precision="auto", memory_mb=123, threads=1, encoder=None,
        judging_s=0.0,
    )  # fmt: skip


Child = Callable[[str], None]


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """Runs a shell script in place of the trainer."""

    def write(script: str) -> None:
        path = tmp_path / "child.sh"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setattr("learning.process.sys.executable", str(path))

    return write


class Watch:
    def __init__(self, *, enough: int = 1_000_000) -> None:
        self.seen: list[Progress] = []
        self.enough = enough

    async def __call__(self, progress: Progress) -> bool:
        self.seen.append(progress)
        return len(self.seen) < self.enough


async def test_progress_is_passed_on_and_other_prints_are_skipped(spec: Spec, child: Child) -> None:
    noise = 'echo "Writing model shards"; echo "[1, 2]"; echo "{}"; echo 7'
    child(f"{noise}; echo {shlex.quote(STEP)}; echo {shlex.quote(OUTCOME)} > {outcome_path(spec.work)}")
    watch = Watch()
    outcome = await train_and_judge(spec, watch)
    assert outcome == Outcome([Score(FactId("f"), Kind.RECALL, 0.5)], [], ["Yes."], Setup(3, 1, "fp32", 9), 5.0, 2.0, 4)
    assert watch.seen[-1] == Progress("Training", 3, 9, 1.5)
    assert {progress.stage for progress in watch.seen} <= {"Starting", "Training"}


async def test_a_silent_child_does_not_cost_the_lease(
    spec: Spec, child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on only when it was heard of twice while it said nothing."""
    monkeypatch.setattr(process, "BEAT_S", 0.02)
    go_on = tmp_path / "go-on"
    child(f"while [ ! -e {go_on} ]; do sleep 0.02; done; echo {shlex.quote(OUTCOME)} > {outcome_path(spec.work)}")
    beats: list[Progress] = []

    async def on_progress(progress: Progress) -> bool:
        beats.append(progress)
        if len(beats) == 2:
            go_on.touch()
        return True

    await train_and_judge(spec, on_progress)
    assert beats[:2] == [Progress("Starting", 0, 1)] * 2


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"exit {EXIT_OUT_OF_MEMORY}", "limit of 123 MB. Raise MENTEE_TRAINING_MEMORY_MB"),
        (
            f"exit {EXIT_OUT_OF_GPU_MEMORY}",
            "memory ran out. Free some of it, set MENTEE_TRAINING_PRECISION=4bit",
        ),
        ("kill -ABRT $$", "limit of 123 MB. Raise MENTEE_TRAINING_MEMORY_MB"),
        (f"echo '[Errno 12] {os.strerror(errno.ENOMEM)}' >&2; exit 1", "MENTEE_TRAINING_MEMORY_MB"),
        ("echo 'cannot allocate memory for thread-local data: ABORT' >&2; exit 127", "MENTEE_TRAINING_MEMORY_MB"),
        ("kill -SEGV $$", "raise MENTEE_TRAINING_MEMORY_MB"),
        ("kill -KILL $$", "killed from outside"),
        (f"echo '  exitcode  : {EXIT_OUT_OF_MEMORY} (pid: 7)' >&2; exit 1", "limit of 123 MB"),
        (
            f"echo 'The loss was nan at step 3.' >&2; exit {EXIT_NOT_FINITE}",
            "The loss was nan at step 3. Training can't",
        ),
        (f"echo 'X is 4bit, set it to nothing' >&2; exit {EXIT_SETTING}", "X is 4bit, set it to nothing"),
        (f"exit {EXIT_DISK_FULL}", "The disk is full at"),
        (f"echo 'I/O error: {os.strerror(errno.ENOSPC)}' >&2; exit 1", "The disk is full at"),
        ("echo Traceback >&2; echo 'ValueError: too odd' >&2; exit 1", "ended with code 1: ValueError: too odd"),
        ("exit 3", "ended with code 3: it said nothing"),
    ],
)
async def test_a_broken_child_is_explained(spec: Spec, child: Child, script: str, said: str) -> None:
    child(script)
    with pytest.raises(OperatorError) as told:
        await train_and_judge(spec, Watch())
    assert said in str(told.value)
    assert str(told.value).endswith(("retrain.", "base model.", "odd", "nothing"))


async def test_much_on_standard_error_does_not_block_the_child(spec: Spec, child: Child) -> None:
    child(f"head -c 1000000 /dev/zero | tr '\\0' 'x' >&2; echo {shlex.quote(OUTCOME)} > {outcome_path(spec.work)}")
    outcome = await train_and_judge(spec, Watch())
    assert len(outcome.champion) == 1


@pytest.mark.parametrize("end", [f"exit {EXIT_STOPPED}", "kill -TERM $$", "kill -INT $$"])
async def test_a_child_that_was_stopped_has_not_failed(spec: Spec, child: Child, end: str) -> None:
    child(end)
    with pytest.raises(LostRun):
        await train_and_judge(spec, Watch())


async def test_what_a_child_tells_the_operator_is_logged(spec: Spec, child: Child) -> None:
    told = json.dumps({"event": "checkpoint not used", "reason": "it is damaged"})
    child(f"echo {shlex.quote(told)}; echo {shlex.quote(OUTCOME)} > {outcome_path(spec.work)}")
    with capture_logs() as logs:
        await train_and_judge(spec, Watch())
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("checkpoint not used", "it is damaged")]


@pytest.mark.parametrize("gpus", [0, 1, 2, 8])
async def test_several_gpus_share_a_training(
    spec: Spec, child: Child, monkeypatch: pytest.MonkeyPatch, gpus: int
) -> None:
    monkeypatch.setattr("learning.process.torch.cuda.device_count", lambda: gpus)
    child(f'echo "$@" > {spec.work}/asked; echo {shlex.quote(OUTCOME)} > {outcome_path(spec.work)}')
    await train_and_judge(spec, Watch())
    alone = f"-m learning.trainer {spec.work}/spec.json"
    torchrun = f"-m torch.distributed.run --standalone --nproc-per-node={gpus} {alone}"
    assert (Path(spec.work) / "asked").read_text().strip() == (torchrun if gpus > 1 else alone)


async def test_the_child_is_asked_to_keep_its_work_before_it_ends(spec: Spec, child: Child, tmp_path: Path) -> None:
    child(f"trap 'touch {tmp_path}/kept; exit 0' TERM; echo {shlex.quote(STEP)}; while :; do sleep 0.02; done")
    with pytest.raises(LostRun):
        await train_and_judge(spec, Watch(enough=1))
    assert (tmp_path / "kept").exists()


async def test_several_processes_get_the_time_that_their_agent_takes_to_end_them(
    spec: Spec, child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("learning.process.torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("learning.process.GRACE_S", 0.01)
    ends = f"trap 'sleep 0.5; touch {tmp_path}/ended; exit 0' TERM"
    child(f"{ends}; echo {shlex.quote(STEP)}; while :; do sleep 0.02; done")
    with pytest.raises(LostRun):
        await train_and_judge(spec, Watch(enough=1))
    assert (tmp_path / "ended").exists()


async def test_what_was_left_behind_with_the_pipe_open_holds_nothing_up(
    spec: Spec, child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("learning.process.LAST_WORDS_S", 0.5)
    left = f"setsid sh -c 'echo $$ > {tmp_path}/left; exec sleep 60' >/dev/null &"
    child(f"{left} while ! [ -s {tmp_path}/left ]; do sleep 0.02; done; echo 'no such thing' >&2; exit 9")
    with pytest.raises(OperatorError, match="code 9: no such thing"):
        await train_and_judge(spec, Watch())
    os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)  # it was alive all the while


@pytest.mark.parametrize("how", ["lost", "cancelled"])
async def test_the_child_ends_with_the_call(spec: Spec, child: Child, tmp_path: Path, how: str) -> None:
    pid_file = tmp_path / "pid"
    child(f"echo $$ > {pid_file}; echo {shlex.quote(STEP)}; exec sleep 600")
    begun = asyncio.Event()

    async def on_progress(progress: Progress) -> bool:
        begun.set()
        return how != "lost"

    training = asyncio.create_task(train_and_judge(spec, on_progress))
    await begun.wait()
    if how == "cancelled":
        training.cancel()
    with pytest.raises(LostRun if how == "lost" else asyncio.CancelledError):
        await training
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), signal.SIGCONT)
