"""What trains has a low priority where the system counts it: between sessions, too."""

import subprocess
import sys

import pytest

from learning.priority import AUTOGROUP, NICENESS

SCRIPT = """
import os
from learning.priority import AUTOGROUP, give_way
give_way()
print(os.nice(0), AUTOGROUP.read_text() if AUTOGROUP.exists() else "")
"""


def test_it_gives_way_within_its_session_and_as_a_session() -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, start_new_session=True
    )
    niceness, *group = run.stdout.split()
    assert int(niceness) >= NICENESS
    if not group:
        pytest.skip("this system has no groups of sessions")
    assert group[-2:] == ["nice", str(NICENESS)]
    assert AUTOGROUP.read_text().split()[:1] != group[:1]  # ours, if we have one, stays as it was
