"""Encryption at rest: SQLite with SQLCipher in place of plain SQLite, under a raw 256-bit key.

The key comes in as 64 hexadecimal digits. What lies beside the database (weights, run folders, what loads dropped) is
not encrypted by it.
"""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

from bot.errors import DatabaseError, SettingError

KEY = re.compile(r"[0-9a-fA-F]{64}")
MAKE_ONE = "Make one with `openssl rand -hex 32 > FILE && chmod 600 FILE`."
HEADER = b"SQLite format 3\0"
UNFINISHED = ".encrypting"


def check_key(key: str) -> str:
    """The key without the blanks around it. Raises SettingError for what is none; never shows it."""
    if not KEY.fullmatch(key.strip()):
        raise SettingError(f"The database's key has to be 64 hexadecimal digits. {MAKE_ONE}")
    return key.strip().lower()


def read_key(path: Path) -> str:
    """The key in a file that nobody but its owner may read. Raises SettingError."""
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is no text"
        raise SettingError(f"The database's key can't be read from {path}: {reason}. {MAKE_ONE}") from problem
    if mode & 0o077:
        raise SettingError(f"Others than its owner may read {path}, the database's key: chmod 600 {path}")
    return check_key(text)


def cipher() -> ModuleType:
    """SQLCipher's driver. Raises SettingError where it isn't installed."""
    try:
        import sqlcipher3.dbapi2 as module
    except ModuleNotFoundError as problem:
        raise SettingError("An encrypted database needs an extra: pip install -e '.[encrypted]'") from problem
    found: ModuleType = module
    return found


def unlock(connection: Any, key: str) -> None:
    """The first thing that is said on a connection."""
    connection.execute(f"PRAGMA key = \"x'{check_key(key)}'\"")


def rekey(file: Path, old: str | None, new: str) -> None:
    """Put a database under another key; without an old one, encrypt it. Nobody else may have it open.

    Killed anywhere, the database is under one of the two keys, whole. Raises DatabaseError.
    """
    driver = cipher()
    try:
        if old is None:
            _encrypt(driver, file, new)
        else:
            _change(driver, file, old, new)
    except driver.Error as problem:
        raise DatabaseError(
            f"The key of {file} was not changed: {problem}. Stop the bot and all else that uses the database, and "
            "check that the present key is the one that the settings name."
        ) from problem


def _change(driver: ModuleType, file: Path, old: str, new: str) -> None:
    connection = driver.connect(str(file), isolation_level=None, timeout=1.0)
    try:
        unlock(connection, old)
        _alone(connection)
        connection.execute(f"PRAGMA rekey = \"x'{check_key(new)}'\"")
    finally:
        connection.close()


def _encrypt(driver: ModuleType, file: Path, new: str) -> None:
    """Into a new file, which takes the place of the old one. What the disk keeps of that is the disk's own."""
    unfinished = file.with_name(file.name + UNFINISHED)
    unfinished.unlink(missing_ok=True)
    connection = driver.connect(str(file), isolation_level=None, timeout=1.0)
    try:
        _alone(connection)
        connection.execute("ATTACH DATABASE ? AS encrypted KEY \"x'" + check_key(new) + "'\"", (str(unfinished),))
        connection.execute("SELECT sqlcipher_export('encrypted')")
        connection.execute("DETACH DATABASE encrypted")
    finally:
        connection.close()
    unfinished.chmod(0o600)
    unfinished.replace(file)


def _alone(connection: Any) -> None:
    """Leave WAL mode, which works only while nobody else has the database open, and keep others out from then on."""
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("COMMIT")


def is_plain(file: Path) -> bool:
    """True for a database that anybody can read."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(HEADER)) == HEADER
    except OSError:
        return False
