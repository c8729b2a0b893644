"""Make the Nth system call of a kind fail, or kill the process at it. Needs strace and the right to trace (Linux)."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

WRITES = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "mkdir", "unlink")
KILL = "signal=SIGKILL"
FAULTS = (KILL, "error=ENOSPC", "error=EIO")
PATIENCE_S, GIVE_UP_S = 20.0, 3.0


def missing() -> str:
    """Why system calls can't be injected here; empty when they can."""
    if shutil.which("strace") is None:
        return "strace is not installed (apt-get install strace)"
    with subprocess.Popen(["sleep", "0.2"]) as other:
        tried = subprocess.run(["strace", "-o", "/dev/null", "-p", str(other.pid)], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this machine doesn't let processes be traced"


def command(call: str, fault: str, when: str, log: Path, paths: Sequence[Path] = ()) -> list[str]:
    """`fault`: signal=SIGKILL, error=ENOSPC …; `when`: "3" or, for all from the third on, "3+". With paths, only calls
    on these files count."""
    only = [option for path in paths for option in ("-P", str(path))]
    inject = f"inject={call}:{fault}:when={when}"
    return ["strace", "-f", "-o", str(log), "-e", f"trace={call}", "-e", inject, *only]


def was_injected(log: Path, fault: str) -> bool:
    said = log.read_text(errors="replace")
    return ("killed by SIGKILL" in said) if fault == KILL else ("(INJECTED)" in said)


@asynccontextmanager
async def attached(
    pid: int, call: str, fault: str, when: str, log: Path, paths: Sequence[Path] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Trace a running process with all its threads, until the block ends."""
    words = command(call, fault, when, log, paths)
    tracer = await asyncio.create_subprocess_exec(*words, "-p", str(pid), stderr=asyncio.subprocess.PIPE)
    assert tracer.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while b"attached" not in (line := await tracer.stderr.readline()):
                if not line:
                    raise RuntimeError(f"strace can't attach to {pid}")
        yield tracer
    finally:
        await detach(tracer)


async def detach(tracer: asyncio.subprocess.Process) -> None:
    """It sometimes waits for ever for a thread of a process that it has killed."""
    for signum in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            tracer.send_signal(signum)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(tracer.wait(), GIVE_UP_S)
            return
