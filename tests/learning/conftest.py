"""A database of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import SqlStore
from tests.databases import open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()
