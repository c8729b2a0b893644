"""The database: one writer thread in each process, one transaction for each unit of work.

SQLite comes from the pysqlite3 wheel, an encrypted one from sqlcipher3's: versions before 3.51.3 can corrupt a database
in WAL mode, and Python's own is often older. Knows nothing of what is kept.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pysqlite3.dbapi2 as plain_sqlite
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlmodel import Session

from bot.errors import DatabaseError, DatabaseHeld
from storage.encryption import cipher, is_plain, unlock
from storage.migrate import upgrade
from storage.unit_of_work import SqlUnit
from storage.writer import Writer

T = TypeVar("T")

SAFE_SQLITE = (3, 51, 3)
PIECE_MS = 100
"""How long the write lock is waited for at a time: `storage/writer.py` says how often, and what goes before."""
LOCKED_ROW_MS = 10_000
FROZEN_TIMEOUT_MS = 60_000
LOCK = int.from_bytes(b"mentee")
MUCH = 4
"""Python runs one thread at a time: beside a model that is writing, thousands of steps a second, each statement waits
for its turn again, and so does the model; both then take several times as long as one after the other."""
SQLITE_BUSY, LOCK_NOT_AVAILABLE = 5, "55P03"
PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",  # NORMAL may lose the last commits when the power goes
    "foreign_keys": "ON",
    "secure_delete": "ON",  # what is erased leaves no bytes behind
    "busy_timeout": str(PIECE_MS),
}


class SqlStore:
    """Implements `bot.ports.Store`."""

    def __init__(self, url: str, key: str | None = None) -> None:
        """Open a database by its SQLAlchemy URL; with a key, one that is encrypted (`storage/encryption.py`).

        Raises DatabaseError for one that can't be opened, SettingError where the key can't be used.
        """
        self._url, self._key = url, key
        self._driver = cipher() if key is not None else plain_sqlite
        self._engine = _engine(url, self._driver, key)
        self.resting: Callable[[], AbstractContextManager[None]] = nullcontext
        """What rests while much is done together (`MUCH`)."""
        self._writer = Writer("store", self._transact_all)

    def migrate(self) -> None:
        """Bring the schema to what this version of the code knows. Raises DatabaseError."""
        try:
            self._writer.submit(self._upgrade).result()
        except (DBAPIError, DatabaseHeld) as problem:
            said = problem.orig if isinstance(problem, DBAPIError) else "it is locked"
            raise DatabaseError(
                f"The database {self._shown} can't be opened: {said}. Check MENTEE_DATA_DIR and "
                "MENTEE_DATABASE_URL, that the folder may be written, and that nothing else holds the "
                f"file.{self._hint}"
            ) from problem

    def _upgrade(self) -> None:
        with self._holders_named(), self._engine.begin() as connection:
            upgrade(connection)

    async def run(self, work: Callable[[SqlUnit], T], *, ahead: bool = False) -> T:
        """Run `work` in one transaction in the writer thread; `ahead`: before all that waits for its turn, in one
        transaction with what else does.

        Raises DatabaseHeld when another program keeps it from beginning for ten seconds; `ahead`, for one and a half.
        """
        wanted = work if ahead else partial(self._transact, work)
        return await asyncio.wrap_future(self._writer.submit(wanted, ahead=ahead))

    def run_sync(self, work: Callable[[SqlUnit], T]) -> T:
        """The same for callers without an event loop."""
        return self._writer.submit(partial(self._transact, work)).result()

    async def scrub(self) -> None:
        """Leave no bytes of what was deleted, in the file or beside it. Raises DatabaseError while others read."""
        try:
            for each in (self._vacuum, self._empty_log):
                await asyncio.wrap_future(self._writer.submit(each))
        except (DBAPIError, self._driver.Error, DatabaseHeld) as problem:
            raise DatabaseError(
                f"The database {self._shown} can't be scrubbed now: {problem}. It is tried again."
            ) from problem

    def _vacuum(self) -> None:
        with self._holders_named():
            if self._is_sqlite:
                self._on_its_own("VACUUM")
                return
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM FULL")

    def _empty_log(self) -> None:
        is_busy = self._is_sqlite and self._on_its_own("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        if is_busy:
            raise DatabaseHeld("another program is reading it")

    def _on_its_own(self, statement: str) -> Any:
        """Outside of any transaction; its first row."""
        raw = self._engine.raw_connection()
        try:
            return raw.cursor().execute(statement).fetchone()
        finally:
            raw.close()

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for another kind of database."""
        url = make_url(self._url)
        return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None

    def copy_to(self, path: Path) -> None:
        """Copy an SQLite database as it is now, while others go on writing; an encrypted one under the same key.

        Raises DatabaseError.
        """
        copy = self._driver.connect(str(path))
        raw = self._engine.raw_connection()
        try:
            if self._key is not None:
                unlock(copy, self._key)
            assert raw.driver_connection is not None
            raw.driver_connection.backup(copy)
        except self._driver.Error as problem:
            raise DatabaseError(f"The database {self._shown} can't be copied: {problem}. Try again.") from problem
        finally:
            raw.close()
            copy.close()

    def another(self, path: Path) -> "SqlStore":
        """A copy of this database, opened under the same key."""
        return SqlStore(f"sqlite:///{path}", self._key)

    def check(self) -> None:
        """Raises DatabaseError for an SQLite database that is damaged, or under another key."""
        try:
            with self._engine.connect() as connection:
                said = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        except DBAPIError as problem:
            raise DatabaseError(f"{self._shown} can't be read: {problem.orig}.{self._hint}") from problem
        if said != ["ok"]:
            raise DatabaseError(f"{self._shown} is damaged: {said[0]}.")

    def describe(self) -> str:
        """Which database this is, for `mentee doctor`."""
        version = self._driver.sqlite_version if self._is_sqlite else ""
        encrypted = ", encrypted (SQLCipher)" if self._key is not None else ""
        return f"{self._engine.dialect.name} {version} at {self._shown}{encrypted}".replace("  ", " ")

    def close(self) -> None:
        self._writer.close()
        self._engine.dispose()

    def _transact(self, work: Callable[[SqlUnit], T]) -> T:
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            with self._holders_named():
                session.connection()  # takes the write lock
            return work(SqlUnit(session))

    def _transact_all(self, works: Sequence[Callable[[SqlUnit], Any]]) -> Sequence[Any]:
        with self.resting() if len(works) >= MUCH else nullcontext():
            return self._transact(lambda unit: [work(unit) for work in works])

    @contextmanager
    def _holders_named(self) -> Iterator[None]:
        """Raises DatabaseHeld for a lock that somebody else has."""
        try:
            yield
        except (DBAPIError, self._driver.Error) as problem:
            if _is_held(problem):
                raise DatabaseHeld(
                    f"Another program is writing to the database {self._shown}, and has been for a while. Nothing was "
                    "changed; try again when it has ended."
                ) from problem
            raise

    @property
    def _is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @property
    def _hint(self) -> str:
        """What a key, or its lack, may have to do with it."""
        file = make_url(self._url).database if self._is_sqlite else None
        if self._key is not None and file is not None and is_plain(Path(file)):
            return " It isn't encrypted, and a key is set: `mentee rekey` encrypts it."
        return " Or the key is another one." if self._key is not None else " An encrypted one needs its key."

    @property
    def _shown(self) -> str:
        return make_url(self._url).render_as_string(hide_password=True)


def _engine(url: str, driver: ModuleType, key: str | None) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            if key is not None:
                raise DatabaseError("MENTEE_DATABASE_KEY is for SQLite; let PostgreSQL encrypt its own disk.")
            return _postgres(parsed)
    except (ArgumentError, ModuleNotFoundError) as problem:
        raise DatabaseError(f"MENTEE_DATABASE_URL is unusable: {problem}. See .env.example.") from problem
    if driver.sqlite_version_info < SAFE_SQLITE:
        raise DatabaseError(
            f"SQLite {driver.sqlite_version} can corrupt databases; 3.51.3 or newer is needed. "
            f"Install it again with `pip install --force-reinstall {driver.__name__.partition('.')[0]}`."
        )
    if parsed.database:
        _make_folder(Path(parsed.database).parent)
    engine = create_engine(parsed, module=driver, hide_parameters=True)
    event.listen(engine, "connect", partial(_set_up, key))
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _postgres(url: URL) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
    event.listen(engine, "begin", _begin_alone)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise DatabaseError(
            f"The folder {folder} of the database can't be made: {problem.strerror}. "
            "Set MENTEE_DATA_DIR to a folder that may be written."
        ) from problem


def _set_up(key: str | None, connection: Any, _: Any) -> None:
    if key is not None:
        unlock(connection, key)
    connection.isolation_level = None  # the driver shall not begin transactions of its own
    for name, value in PRAGMAS.items():
        connection.execute(f"PRAGMA {name}={value}")


def _is_held(problem: Exception) -> bool:
    """Whether it says that somebody else has the lock."""
    told = problem.orig if isinstance(problem, DBAPIError) else problem
    code = getattr(told, "sqlite_errorcode", 0) & 0xFF  # what stands above is of which kind
    return code == SQLITE_BUSY or getattr(told, "sqlstate", None) == LOCK_NOT_AVAILABLE


def _begin_immediate(connection: Any) -> None:
    """Take the write lock at once: two processes then wait for each other instead of failing half-way."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_alone(connection: Any) -> None:
    """PostgreSQL's counterpart: one unit at a time across all processes, so that counters and migrations can't race.

    Whoever freezes within a unit loses the lock, and whoever waits too long hears of it, as with SQLite.
    """
    for statement in (
        f"SET LOCAL lock_timeout = {PIECE_MS}",
        f"SET LOCAL idle_in_transaction_session_timeout = {FROZEN_TIMEOUT_MS}",
        f"SELECT pg_advisory_xact_lock({LOCK})",
        f"SET LOCAL lock_timeout = {LOCKED_ROW_MS}",
    ):
        connection.exec_driver_sql(statement)
