"""Runs the training process and passes its progress on. Knows its spec and its exit codes, not what it is for."""

import asyncio
import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from bot.errors import AdminError, OperatorError
from bot.ids import FactId
from bot.lineage import Progress
from learning.evaluation import Score
from learning.examples import Kind
from learning.trainer import EXIT_DISK_FULL, EXIT_OUT_OF_MEMORY, Spec

BEAT_S = 10.0
"""How often it is told how far training is, at least: a big model may be silent for minutes."""

OnProgress = Callable[[Progress], Awaitable[bool]]
"""Is told how far it is; returns False when the run is somebody else's by now."""


class LostRun(AdminError):
    """Another process has taken the run over."""


async def train_and_judge(spec: Spec, on_progress: OnProgress) -> tuple[list[Score], list[Score]]:
    """Champion's and challenger's scores. The process ends with this call, however it ends.

    Raises OperatorError when memory or disk ran out, or the process broke; LostRun.
    """
    spec_path = Path(spec.scores).with_name("spec.json")
    spec_path.write_text(json.dumps(asdict(spec)), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "learning.trainer", str(spec_path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=_environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(process.stderr.read())
    try:
        async for progress in _progress(process.stdout):
            if not await on_progress(progress):
                raise LostRun("Another process has taken this run over.")
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        said = (await errors).decode(errors="replace")
    if code != 0:
        raise _problem(code, said, spec)
    return _read_scores(Path(spec.scores))


async def _progress(lines: asyncio.StreamReader) -> AsyncIterator[Progress]:
    """What the process says, or said last. What isn't meant for us is skipped: libraries print, too."""
    progress = Progress("Starting", 0, 1)
    while True:
        with contextlib.suppress(TimeoutError, ValueError, KeyError, TypeError):
            line = await asyncio.wait_for(lines.readline(), BEAT_S)
            if not line:
                return
            said = json.loads(line)
            progress = Progress(said["stage"], said["done"], said["total"], said["eta"])
        yield progress


def _environment() -> dict[str, str]:
    # Threads that wait actively for each other make small products slower than one thread alone.
    return {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}


def _problem(code: int, said: str, spec: Spec) -> OperatorError:
    last = said.strip().splitlines()[-1] if said.strip() else "it said nothing"
    if code == -signal.SIGKILL:
        return OperatorError(
            "The training process was killed from outside, as systems do when they run out of memory. "
            "Free some memory, or choose a smaller base model, then retrain."
        )
    # Libraries in Rust and C++ abort when they get no memory.
    if code in (EXIT_OUT_OF_MEMORY, -signal.SIGABRT) or os.strerror(errno.ENOMEM) in said:
        return OperatorError(
            f"Training needed more memory than its limit of {spec.memory_mb} MB. "
            "Raise MENTEE_TRAINING_MEMORY_MB, or choose a smaller base model."
        )
    if code == EXIT_DISK_FULL or os.strerror(errno.ENOSPC) in said:
        return OperatorError(f"The disk is full at {Path(spec.out).parent}. Make room there and retrain.")
    return OperatorError(f"The training process ended with code {code}: {last}")


def _read_scores(path: Path) -> tuple[list[Score], list[Score]]:
    said = json.loads(path.read_text(encoding="utf-8"))
    champion, challenger = (
        [Score(FactId(row["fact"]), Kind(row["kind"]), row["value"]) for row in said[who]]
        for who in ("champion", "challenger")
    )
    return champion, challenger
