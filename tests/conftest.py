"""For all tests: hypothesis looks for wrong results, not for slow machines; a folder without anybody's settings."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("mentee", deadline=None)
# A submission is judged by the same examples as the one before it, so that it is never refused for what it left alone;
# new examples are looked for wherever else tests run, most of all by `make test-properties`.
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.register_profile("thorough", deadline=None, max_examples=2_000)
settings.load_profile("ci" if os.environ.get("CI") else "mentee")


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, in which no setting is set but those of the test."""
    for name in os.environ:
        if name.upper().startswith(("MENTEE_", "SLACK_", "DISCORD_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
