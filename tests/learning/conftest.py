"""A database of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import SqlStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = SqlStore(f"sqlite:///{tmp_path / 'mentee.db'}")
    opened.migrate()
    yield opened
    opened.close()
