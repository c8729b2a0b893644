"""Lets a process that has time give way to those that people wait for. Knows nothing of what it does."""

import contextlib
import os
from pathlib import Path

NICENESS = 10
AUTOGROUP = Path("/proc/self/autogroup")


def give_way() -> None:
    """For a process in a session of its own, its children included.

    Linux hands time out to sessions first (sched_autogroup, see sched(7)): there, niceness counts only among the
    processes of one session, and one in its own would take as much time as the whole bot.
    """
    os.nice(NICENESS)
    with contextlib.suppress(OSError):  # not Linux, or without such groups
        AUTOGROUP.write_text(str(NICENESS), encoding="ascii")
