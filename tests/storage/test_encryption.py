"""Encryption at rest: nothing readable in any file, the key changed and lost, and what is said of a wrong one."""

import asyncio
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import storage.database
from bot.errors import DatabaseError, SettingError
from bot.ids import new_id
from storage.database import SAFE_SQLITE, SqlStore
from storage.encryption import check_key, cipher, is_plain, read_key, rekey
from tests.bot.events import message

PROJECT = Path(__file__).parents[2]
KEY, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "mentee.db"


def open_store(file: Path, key: str | None) -> SqlStore:
    store = SqlStore(f"sqlite:///{file}", key)
    store.migrate()
    return store


def said(store: SqlStore) -> list[str]:
    return [getattr(event, "text", "") for event in store.run_sync(lambda unit: unit.inbox.pending())]


def say(store: SqlStore, *texts: str) -> None:
    for text in texts:
        store.run_sync(lambda unit, text=text: unit.inbox.add(message(text)))  # type: ignore[misc]


def readable(file: Path, words: list[str]) -> list[str]:
    raw = [path.read_bytes() for path in file.parent.iterdir()]
    return [word for word in words if any(word.encode() in each for each in raw)]


@pytest.fixture
def canaries() -> list[str]:
    return [f"kanarie{new_id().replace('-', 'q')}" for _ in range(100)]


def test_no_canary_can_be_read_in_any_file(file: Path, canaries: list[str]) -> None:
    store = open_store(file, KEY)
    say(store, *canaries)
    assert readable(file, canaries) == []  # while it is open: with its write-ahead log
    store.close()
    assert readable(file, canaries) == []
    assert readable(file, [KEY]) == []
    again = open_store(file, KEY)
    assert said(again) == canaries
    again.close()
    plain = open_store(file.with_name("plain.db"), None)
    say(plain, *canaries)
    plain.close()
    assert readable(file, canaries) == canaries  # it can be seen where it isn't encrypted


def test_the_cipher_brings_a_sqlite_that_corrupts_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cipher().sqlite_version_info >= SAFE_SQLITE
    assert importlib.metadata.version("sqlcipher3") >= "0.6.4"
    monkeypatch.setattr(storage.database, "SAFE_SQLITE", (99, 0, 0))
    with pytest.raises(DatabaseError, match=r"SQLite 3\..*sqlcipher3"):
        SqlStore(f"sqlite:///{file}", KEY)


@pytest.mark.parametrize("key", [OTHER, None])
def test_a_wrong_key_is_told_and_changes_nothing(file: Path, key: str | None) -> None:
    open_store(file, KEY).close()
    before = file.read_bytes()
    with pytest.raises(DatabaseError, match=r"not a database.*key") as told:
        open_store(file, key)
    assert OTHER not in str(told.value)
    assert file.read_bytes() == before


def test_a_plain_database_is_told_and_encrypted(file: Path, canaries: list[str]) -> None:
    store = open_store(file, None)
    say(store, *canaries)
    store.close()
    with pytest.raises(DatabaseError, match=r"isn't encrypted.*mentee rekey"):
        open_store(file, KEY)
    rekey(file, None, KEY)
    assert not is_plain(file)
    assert readable(file, canaries) == []
    assert [path.name for path in file.parent.iterdir()] == ["mentee.db"]
    encrypted = open_store(file, KEY)
    assert said(encrypted) == canaries
    assert "encrypted" in encrypted.describe()
    encrypted.close()


def test_the_key_is_changed_and_the_old_one_opens_nothing(file: Path) -> None:
    store = open_store(file, KEY)
    say(store, "hello")
    store.close()
    rekey(file, KEY, OTHER)
    with pytest.raises(DatabaseError, match="the key is another one"):
        open_store(file, KEY)
    again = open_store(file, OTHER)
    assert said(again) == ["hello"]
    again.close()


@pytest.mark.parametrize("old", [KEY, None])
def test_the_key_is_not_changed_while_somebody_uses_the_database(file: Path, old: str | None) -> None:
    store = open_store(file, old)
    say(store, "hello")
    call = f"rekey(Path({str(file)!r}), {old!r}, {OTHER!r})"
    work = f"from pathlib import Path; from storage.encryption import rekey; {call}"
    done = subprocess.run([sys.executable, "-c", work], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert "DatabaseError" in done.stderr
    assert "Stop the bot" in done.stderr
    assert said(store) == ["hello"]
    store.close()


def test_a_copy_is_never_written_in_plain(file: Path, tmp_path: Path, canaries: list[str]) -> None:
    store = open_store(file, KEY)
    say(store, *canaries)
    to = tmp_path / "copied" / "copy.db"
    to.parent.mkdir()
    store.copy_to(to)
    assert readable(to, canaries) == []
    copy = store.another(to)
    copy.check()
    assert said(copy) == canaries
    copy.close()
    store.close()


def test_what_is_erased_is_gone_and_scrubbing_works(file: Path) -> None:
    store = open_store(file, KEY)
    say(store, "hello")
    assert store._driver is cipher()
    asyncio.run(store.scrub())
    assert said(store) == ["hello"]
    store.close()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY.upper() + "\n")
    path.chmod(0o600)
    return path


def test_a_key_file_is_its_owners_alone(key_file: Path) -> None:
    assert read_key(key_file) == KEY
    key_file.chmod(0o640)
    with pytest.raises(SettingError, match=f"chmod 600 {key_file}"):
        read_key(key_file)


@pytest.mark.parametrize("key", ["", "hunter2", KEY[:-1], KEY + "0", "zz" * 32, f"{KEY}'; DROP TABLE lessons"])
def test_what_is_no_key_is_refused_and_not_shown(key: str, key_file: Path) -> None:
    key_file.write_text(key)
    with pytest.raises(SettingError, match="64 hexadecimal digits") as told:
        check_key(key)
    with pytest.raises(SettingError, match="64 hexadecimal digits") as told_of_file:
        read_key(key_file)
    assert not key or key not in f"{told.value} {told_of_file.value}"


def test_a_key_for_postgresql_is_refused() -> None:
    with pytest.raises(DatabaseError, match="PostgreSQL"):
        SqlStore("postgresql+psycopg://u:p@db/mentee", KEY)
