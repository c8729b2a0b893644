"""Databases for tests. The migrations run once in a process; every other test gets a copy of what they made.

`tests/storage/test_schema.py` runs them as an installation does.
"""

import tempfile
from functools import cache
from pathlib import Path

from storage.database import SqlStore


def open_store(folder: Path) -> SqlStore:
    """The folder's database, opened. A new one if there is none."""
    file = folder / "mentee.db"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_empty())
    return SqlStore(f"sqlite:///{file}")


@cache
def _empty() -> bytes:
    """A database with all tables and no rows."""
    with tempfile.TemporaryDirectory(prefix="mentee-tests-") as folder:
        store = SqlStore(f"sqlite:///{folder}/mentee.db")
        store.migrate()
        store.close()
        return Path(folder, "mentee.db").read_bytes()
