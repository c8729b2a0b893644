"""For all tests: hypothesis looks for wrong results, not for slow machines; a folder without anybody's settings."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("mentee", deadline=None)
settings.load_profile("mentee")


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, in which no setting is set but those of the test."""
    for name in os.environ:
        if name.upper().startswith(("MENTEE_", "SLACK_", "DISCORD_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
