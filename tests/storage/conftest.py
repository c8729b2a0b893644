"""The databases that every repository has to work on: a fresh SQLite file, and a real PostgreSQL server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import SqlStore
from tests.databases import open_store
from tests.postgres import empty_database, server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with server() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'mentee.db'}"
    return empty_database(request.getfixturevalue("postgres"))


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[SqlStore]:
    if url.startswith("sqlite"):
        opened = open_store(tmp_path)
    else:
        opened = SqlStore(url)
        opened.migrate()
    yield opened
    opened.close()
