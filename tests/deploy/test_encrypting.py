"""The database's key by the settings and on the command line."""

from pathlib import Path

import pytest

from storage.encryption import is_plain
from tests.deploy.conftest import Mentee, words

KEY = "ab" * 32


def key_file(path: Path, key: str = KEY) -> Path:
    path.write_text(key)
    path.chmod(0o600)
    return path


def test_encrypting_changing_and_being_told(
    mentee: Mentee, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = key_file(folder / "first"), key_file(folder / "second", "cd" * 32)
    assert mentee("status").exit_code == 0
    assert is_plain(data / "mentee.db")
    assert "is under the key in" in words(mentee("rekey", str(first)).stdout)
    assert mentee("status").exit_code == 1
    monkeypatch.setenv("MENTEE_DATABASE_KEY_FILE", str(first))
    assert "encrypted (SQLCipher)" in words(mentee("doctor").stdout)
    assert mentee("rekey", str(second)).exit_code == 0
    assert "the key is another one" in words(mentee("status").stderr)
    monkeypatch.setenv("MENTEE_DATABASE_KEY_FILE", str(second))
    assert mentee("status").exit_code == 0
    assert not is_plain(data / "mentee.db")


def test_a_key_that_others_can_read_is_a_finding(mentee: Mentee, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key_file(folder / "key").chmod(0o644)
    monkeypatch.setenv("MENTEE_DATABASE_KEY_FILE", str(folder / "key"))
    told = mentee("doctor")
    assert told.exit_code == 1
    assert "chmod 600" in words(told.stdout)


def test_two_keys_are_one_too_many(mentee: Mentee, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_DATABASE_KEY", KEY)
    monkeypatch.setenv("MENTEE_DATABASE_KEY_FILE", str(key_file(folder / "key")))
    assert "not both" in words(mentee("status").stderr)


def test_without_a_database_there_is_nothing_to_change(mentee: Mentee, folder: Path) -> None:
    assert "no database" in words(mentee("rekey", str(key_file(folder / "key"))).stderr)
