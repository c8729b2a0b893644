"""Runs the training process and passes its progress on. Knows its spec and its exit codes, not what it is for."""

import asyncio
import errno
import json
import os
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
    async for line in lines:
        said = json.loads(line)
        yield Progress(said["stage"], said["done"], said["total"], said["eta"])


def _environment() -> dict[str, str]:
    # Threads that wait actively for each other make small products slower than one thread alone.
    return {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}


def _problem(code: int, said: str, spec: Spec) -> OperatorError:
    last = said.strip().splitlines()[-1] if said.strip() else "it said nothing"
    if code in (EXIT_OUT_OF_MEMORY, -9):
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
