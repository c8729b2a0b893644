"""How a training process ends, and with which code. Knows nothing of training."""

import contextlib
import errno
import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from bot.errors import SettingError
from learning.checkpoint import Stopped
from learning.training import NotFinite

EXIT_OUT_OF_MEMORY = 71
EXIT_DISK_FULL = 72
EXIT_NOT_FINITE = 73
EXIT_SETTING = 74
EXIT_STOPPED = 75
EXIT_OUT_OF_GPU_MEMORY = 76
SHORT_OF_MEMORY = 0.9
"""Share of the memory limit from which what breaks is laid to it."""


def _exit_code(problem: Exception, *, memory_is_short: bool) -> int:
    of_torch = isinstance(problem, torch.OutOfMemoryError) or "CUDA error: out of memory" in str(problem)
    if of_torch and torch.cuda.is_available():
        return EXIT_OUT_OF_GPU_MEMORY
    if isinstance(problem, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(problem):
        return EXIT_OUT_OF_MEMORY  # torch's CPU allocator has no exception class of its own
    if isinstance(problem, OSError) and problem.errno == errno.ENOSPC:
        return EXIT_DISK_FULL
    codes = {NotFinite: EXIT_NOT_FINITE, SettingError: EXIT_SETTING, Stopped: EXIT_STOPPED}
    return codes.get(type(problem), EXIT_OUT_OF_MEMORY if memory_is_short else 1)


def _lift_limit() -> bool:
    """Let the process have the memory that telling a problem takes. True when it had used its own up.

    What breaks first when memory is short may be anything: a thread, an import, the printing of an error.
    """
    limit, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    return limit != resource.RLIM_INFINITY and data_bytes() >= SHORT_OF_MEMORY * limit


def data_bytes() -> int:
    """What counts against the limit; 0 where the system doesn't say (it is not Linux)."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmData"):
                return 1024 * int(line.split()[1])
    return 0


def end_with_code(program: Callable[[str], None], spec_path: str) -> None:
    """Run the program, and end the process with a code that says what went wrong."""
    try:
        program(spec_path)
    except Exception as problem:
        code = _exit_code(problem, memory_is_short=_lift_limit())
        if code == 1:
            traceback.print_exception(problem)
        else:
            print(problem, file=sys.stderr)
        sys.exit(code)
