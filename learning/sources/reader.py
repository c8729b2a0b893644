"""The reading process: `python -m learning.sources.reader`. Parses foreign formats where they can do no harm.

A path comes in on each line; what is found goes out as lines of JSON. Memory and processor time are limited by the
system; nothing can be written, started, or reached over a network. A file that breaks this process costs itself alone.
"""

import json
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.errors import SourceUnreadable
from learning.sources.formats import format_of

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 20
"""For a small file. An export of a gigabyte may take ten times as long."""
BYTES_A_SECOND = 5_000_000
FORBIDDEN = (
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.system", "os.exec",
    "os.posix_spawn", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.symlink", "os.link", "os.chmod",
)  # fmt: skip
"""Audit events of Python."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main() -> None:
    if sys.platform != "darwin":  # which knows the limit, and counts what is only mapped
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.dont_write_bytecode = True
    sys.addaudithook(_refuse)
    for line in sys.stdin:
        path = Path(json.loads(line))
        _allow_seconds(cpu_seconds(path))
        _read(path)


def cpu_seconds(path: Path) -> int:
    """Processor time that a file may take; one that can't be looked at costs its reader nothing."""
    try:
        return CPU_SECONDS + path.stat().st_size // BYTES_A_SECOND
    except OSError:
        return CPU_SECONDS


def _read(path: Path) -> None:
    try:
        for item in format_of(path).read(path):
            _say(type(item).__name__, **asdict(item))
        _say("End")
    except SourceUnreadable as problem:
        _say("Unreadable", reason=str(problem))
    except MemoryError:
        _say("Unreadable", reason=f"reading it needs more than {MEMORY_BYTES >> 20} MB of memory; split it")
    except RecursionError:
        _say("Unreadable", reason="it is nested too deeply")
    except OSError as problem:
        _say("Unreadable", reason=problem.strerror or str(problem))
    except Exception as problem:  # a parser met what its authors didn't think of
        _say("Unreadable", reason=f"its parser gave up ({type(problem).__name__}: {str(problem)[:200]})")


def _allow_seconds(seconds: int) -> None:
    """From now on, for one file."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds, most))


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
    if event in FORBIDDEN or writes:
        raise SourceUnreadable(f"reading it tried to do what no document needs ({event})")


def _say(kind: str, **fields: object) -> None:
    sys.stdout.write(json.dumps({"kind": kind, **fields}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
