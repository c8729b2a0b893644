"""What all stories need: a folder of their own, and a base model that trains in seconds."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.lineage import Decision
from learning.promotion import decide
from tests.tiny_model import make_tiny_model


@pytest.fixture(autouse=True)
def folder(own_folder: Path) -> Path:
    return own_folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def certain_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the gate measures, it lets the new adapter pass: a tiny random model learns nothing worth it."""
    monkeypatch.setattr("learning.cycle.decide", lambda *scores: replace(decide(*scores), decision=Decision.PROMOTED))
