"""A folder of one's own, in which no setting is set but those of the test; and the command line in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli import app

Mentee = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(own_folder: Path) -> Path:
    return own_folder


@pytest.fixture
def data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that the settings name; nothing is there yet."""
    monkeypatch.setenv("MENTEE_DATA_DIR", str(folder / "data"))
    monkeypatch.setenv("MENTEE_CACHE_DIR", str(folder / "cache"))
    return folder / "data"


@pytest.fixture
def mentee(data: Path, monkeypatch: pytest.MonkeyPatch) -> Mentee:
    """Give a command. The logs are left as they are: they would take the place of the test runner's own."""
    for module in ("opening", "adapters", "upkeep"):
        monkeypatch.setattr(f"deploy.cli.{module}.set_up_logs", lambda *_, **__: None)
    return lambda *words: CliRunner().invoke(app, words)


def words(text: str) -> str:
    """Without the line breaks of a terminal."""
    return " ".join(text.split())
