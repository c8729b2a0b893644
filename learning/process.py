"""Runs the training process and passes its progress on. Knows its spec and its exit codes, not what it is for."""

import asyncio
import contextlib
import errno
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import structlog
import torch

from bot.errors import AdminError, OperatorError
from bot.ids import FactId
from bot.lineage import Progress
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
from learning.recipe import Setup
from learning.trainer import Spec, outcome_path

log = structlog.get_logger()

BEAT_S = 5.0
"""How often it is told how far training is, at least: a big model may be silent for minutes."""
GRACE_S = 5.0
"""How long the process may go on once it is asked to stop: a step that is done by then is kept."""

GROUP_GRACE_S = 40.0
"""Of several processes: torchrun's agent starts them in sessions of their own, and gives them 30 s before it kills
them. If it is killed before, nobody does."""
LAST_WORDS_S = 5.0
"""How long is waited for the rest of what the process said: one that it left behind may keep the pipe open for good."""

OnProgress = Callable[[Progress], Awaitable[bool]]
"""Is told how far it is; returns False when the run is somebody else's by now."""


class LostRun(AdminError):
    """Another process has taken the run over, or will: the training was stopped from outside and can be resumed."""


@dataclass(frozen=True)
class Outcome:
    """What a training process leaves, beside the adapter."""

    champion: list[Score]
    challenger: list[Score]
    said: list[str]
    """The new adapter's answers to what it alone was asked."""
    setup: Setup
    training_s: float
    """Of all steps; 0 when an earlier process did them."""
    judging_s: float
    left_out: int = 0
    """Examples that were too long to be trained on."""


async def train_and_judge(spec: Spec, on_progress: OnProgress) -> Outcome:
    """The process ends with this call, however it ends.

    Raises OperatorError when memory or disk ran out, a setting can't be, or the process broke; LostRun.
    """
    await _run("learning.trainer", torch.cuda.device_count(), spec, on_progress)
    return _read_outcome(outcome_path(spec.work))


async def measure(spec: Spec, on_progress: OnProgress) -> tuple[float, float]:
    """About how many seconds the spec's training and its judging take here. Raises OperatorError, LostRun."""
    await _run("learning.measuring", 1, spec, on_progress)
    said = json.loads(outcome_path(spec.work).read_text(encoding="utf-8"))
    return said["training_s"], said["judging_s"]


async def _run(module: str, processes: int, spec: Spec, on_progress: OnProgress) -> None:
    spec_path = Path(spec.work) / "spec.json"
    spec_path.write_text(json.dumps(asdict(spec)), encoding="utf-8")
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = (sys.executable, *(torchrun if processes > 1 else []), "-m", module, str(spec_path))
    async with _pipe() as (theirs, ours):
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=theirs, env=_environment(), start_new_session=True
        )
        theirs.close()
        assert process.stdout is not None
        errors = asyncio.create_task(_read(ours))
        try:
            async for progress in _progress(process.stdout):
                if not await on_progress(progress):
                    raise LostRun("Another process has taken this run over.")
            code = await process.wait()
        finally:
            await _stop(process, GROUP_GRACE_S if processes > 1 else GRACE_S)
            said = await _last_words(errors)
    if code != 0:
        raise explain(code, said, spec)


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[IO[bytes], asyncio.StreamReader]]:
    """Both ends of a pipe that is closed with this, whoever else still holds it.

    A process that the child left behind may: of a pipe that asyncio makes, Python before 3.12.4 waits for the end
    before it says that the child has ended.
    """
    ours, theirs = os.pipe()
    reader = asyncio.StreamReader()
    with os.fdopen(theirs, "wb", buffering=0) as end:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb", buffering=0)
        )
        try:
            yield end, reader
        finally:
            transport.close()


async def _read(stream: asyncio.StreamReader) -> bytearray:
    """All of it; what there was so far when it is cancelled."""
    said = bytearray()
    with contextlib.suppress(asyncio.CancelledError):
        while more := await stream.read(65_536):
            said += more
    return said


async def _last_words(errors: asyncio.Task[bytearray]) -> str:
    await asyncio.wait([errors], timeout=LAST_WORDS_S)
    errors.cancel()
    return (await errors).decode(errors="replace")


async def _stop(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """Ask it and its children to keep what they have, then end them."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signum)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace_s)


async def _progress(lines: asyncio.StreamReader) -> AsyncIterator[Progress]:
    """What the process says, or said last. What isn't meant for us is skipped: libraries print, too."""
    progress = Progress("Starting", 0, 1)
    while True:
        with contextlib.suppress(TimeoutError, ValueError, KeyError, TypeError):
            line = await asyncio.wait_for(lines.readline(), BEAT_S)
            if not line:
                return
            said = json.loads(line)
            if "event" in said:
                log.warning(said["event"], reason=said["reason"])
                continue
            progress = Progress(said["stage"], said["done"], said["total"], said["eta"])
        yield progress


def _environment() -> dict[str, str]:
    # Threads that wait actively for each other make small products slower than one thread alone.
    return {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}


def explain(code: int, said: str, spec: Spec) -> OperatorError | LostRun:
    """What became of a training process that ended with this code and said this on standard error."""
    if several := re.search(r"exitcode +: (\d+)", said):  # torchrun reports its children's, and ends with 1
        code = int(several[1])
    last = said.strip().splitlines()[-1] if said.strip() else "it said nothing"
    if code in (EXIT_STOPPED, -signal.SIGTERM, -signal.SIGINT):
        return LostRun("Training was stopped from outside. It goes on when the run is taken up again.")
    if code == EXIT_SETTING:
        return OperatorError(last)
    if code == EXIT_NOT_FINITE:
        return OperatorError(
            f"{last} Training can't go on from there. Set MENTEE_TRAINING_PRECISION=fp32 if it is another, "
            "or choose another base model."
        )
    if code == -signal.SIGKILL:
        return OperatorError(
            "The training process was killed from outside, as systems do when they run out of memory. "
            "Free some memory, or choose a smaller base model, then retrain."
        )
    if code == EXIT_OUT_OF_GPU_MEMORY:
        return OperatorError(
            "The graphics card's memory ran out. Free some of it, set MENTEE_TRAINING_PRECISION=4bit, or choose a "
            "smaller base model, then retrain."
        )
    # Libraries in Rust and C++ abort when they get no memory; the loader says so without a capital, and ends with 127.
    if code in (EXIT_OUT_OF_MEMORY, -signal.SIGABRT) or os.strerror(errno.ENOMEM).lower() in said.lower():
        return OperatorError(
            f"Training needed more memory than its limit of {spec.memory_mb} MB. "
            "Raise MENTEE_TRAINING_MEMORY_MB, or choose a smaller base model."
        )
    if code == -signal.SIGSEGV:
        return OperatorError(
            "The training process broke in one of its libraries (SIGSEGV), as happens when memory is refused to them. "
            f"Its limit is {spec.memory_mb} MB: raise MENTEE_TRAINING_MEMORY_MB, then retrain."
        )
    if code == EXIT_DISK_FULL or os.strerror(errno.ENOSPC) in said:
        return OperatorError(f"The disk is full at {Path(spec.out).parent}. Make room there and retrain.")
    return OperatorError(f"The training process ended with code {code}: {last}")


def _read_outcome(path: Path) -> Outcome:
    said = json.loads(path.read_text(encoding="utf-8"))
    champion, challenger = (
        [Score(FactId(row["fact"]), Kind(row["kind"]), row["value"]) for row in said[who]]
        for who in ("champion", "challenger")
    )
    setup = Setup(**said["setup"])
    return Outcome(champion, challenger, said["said"], setup, said["training_s"], said["judging_s"], said["left_out"])
