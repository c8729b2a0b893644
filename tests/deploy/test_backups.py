"""`mentee backup` and `mentee restore`: whole or refused, and nothing that is there is overwritten."""

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.parts import open_kept
from deploy.settings import read_settings
from deploy.wiring import utc_now
from storage import backup
from storage.adapter_files import WEIGHTS
from storage.backup_keys import BackupKeys
from storage.database import SqlStore
from storage.encryption import is_plain
from storage.sealing import Sealing, Unsealing, header, read_header
from tests.bot.events import message
from tests.deploy.adapters import keep_adapter, spoil
from tests.deploy.conftest import Mentee, words


@pytest.fixture
def furnished(mentee: Mentee, folder: Path) -> Path:
    """The data folder with an event and two adapters, one of them spoilt; the backup of it."""
    with open_kept(read_settings()) as kept:
        kept.store.run_sync(lambda unit: unit.inbox.add(message("Can I pause?")))
        whole = keep_adapter(kept, number=1)
        spoilt = keep_adapter(kept, number=2)
        spoil(kept, spoilt)
        told = mentee("backup", "all.sealed", "--json")  # while somebody has it open
    assert told.exit_code == 0, told.output
    made = json.loads(told.stdout)
    assert (made["adapters"], made["left_out"]) == ([whole.id], [spoilt.id])
    return folder / "all.sealed"


def moved(data: Path) -> Path:
    """Move the data folder away; the keys of backups stay."""
    before = data.rename(data.with_name("before"))
    shutil.copytree(before / "backup-keys", data / "backup-keys")
    return before


def test_a_backup_comes_back_as_it_was(mentee: Mentee, furnished: Path, data: Path) -> None:
    before = moved(data)
    restored = mentee("restore", str(furnished), "--json")
    assert restored.exit_code == 0, restored.output
    with open_kept(read_settings()) as kept:
        assert len(kept.store.run_sync(lambda unit: unit.inbox.pending())) == 1
        whole, _ = kept.store.run_sync(lambda unit: unit.adapters.all())
        kept.adapter_files.verify(whole.id)
        assert (kept.adapter_files.folder(whole.id) / WEIGHTS).read_bytes() == b"weights"
    assert sorted(path.name for path in data.iterdir() if path.name[0] == ".") == []
    shutil.rmtree(before)


def test_only_the_operator_can_read_it(furnished: Path, data: Path) -> None:
    assert furnished.stat().st_mode & 0o077 == 0
    (key,) = (data / "backup-keys").iterdir()
    assert key.stat().st_mode & 0o077 == 0
    assert key.read_bytes() not in furnished.read_bytes()


def test_nothing_can_be_read_in_it(furnished: Path, data: Path) -> None:
    assert b"Can I pause?" in (data / "mentee.db").read_bytes()
    assert b"Can I pause?" not in furnished.read_bytes()
    assert sorted(path.name for path in (*data.iterdir(), *furnished.parent.iterdir()) if path.name[0] == ".") == []


def test_without_its_key_it_is_refused(mentee: Mentee, furnished: Path, data: Path) -> None:
    data.rename(data.with_name("before"))
    told = mentee("restore", str(furnished))
    assert told.exit_code == 1
    assert "use a newer one. If the keys are kept elsewhere, set MENTEE_BACKUP_KEYS" in words(told.stderr)


def test_an_encrypted_database_stays_so_under_the_same_key(
    mentee: Mentee, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, keys = folder / "key", folder / "keys"
    key.write_text("ab" * 32)
    key.chmod(0o600)
    monkeypatch.setenv("MENTEE_DATABASE_KEY_FILE", str(key))
    monkeypatch.setenv("MENTEE_BACKUP_KEYS", str(keys))
    with open_kept(read_settings()) as kept:
        kept.store.run_sync(lambda unit: unit.inbox.add(message("Can I pause?")))
        assert mentee("backup", "all.sealed").exit_code == 0  # while somebody has it open
    data.rename(data.with_name("before"))
    key.write_text("cd" * 32)
    told = mentee("restore", "all.sealed")
    assert (told.exit_code, "the key is another one" in words(told.stderr)) == (1, True)
    key.write_text("ab" * 32)
    assert mentee("restore", "all.sealed").exit_code == 0
    assert not is_plain(data / "mentee.db")
    with open_kept(read_settings()) as kept:
        assert len(kept.store.run_sync(lambda unit: unit.inbox.pending())) == 1


def test_who_is_forgotten_meanwhile_is_not_in_it(
    mentee: Mentee, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = backup.copy_database

    def forget_meanwhile(store: SqlStore, to: Path) -> None:
        copy(store, to)
        assert BackupKeys(data / "backup-keys").destroy(utc_now()) == 1

    monkeypatch.setattr(backup, "copy_database", forget_meanwhile)
    told = mentee("backup", "all.sealed")
    assert told.exit_code == 1
    assert "destroyed when somebody is forgotten" in words(told.stderr)
    assert not (folder / "all.sealed").exists()


def test_what_is_there_is_not_overwritten(mentee: Mentee, furnished: Path) -> None:
    told = mentee("restore", str(furnished))
    assert told.exit_code == 1
    assert "There is a database at" in words(told.stderr)


def repack(file: Path, change: Callable[[Path], None]) -> None:
    """As somebody could who has the key."""
    aside, keys = file.with_name("aside"), BackupKeys(read_settings().backup_keys_dir)
    with file.open("rb") as sealed:
        name = read_header(sealed)
        with tarfile.open(fileobj=Unsealing(sealed, keys.get(name)), mode="r|") as archive:
            backup.extract(archive, aside)
    change(aside)
    with file.open("wb") as sealed:
        sealed.write(header(name))
        with Sealing(sealed, keys.get(name)) as content, tarfile.open(fileobj=content, mode="w|") as archive:
            for path in sorted(aside.rglob("*")):
                archive.add(path, path.relative_to(aside), recursive=False)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-20_000]),
    "a flipped bit": flip,
    "something at the end": lambda file: file.write_bytes(file.read_bytes() + b"more"),
    "nothing of ours": lambda file: file.write_bytes(b"what?"),
    "another database": lambda file: repack(file, lambda aside: flip(aside / "mentee.db")),
    "other weights": lambda file: repack(file, lambda aside: flip(next(aside.rglob(WEIGHTS)))),
    "a file too many": lambda file: repack(file, lambda aside: (aside / "more").touch()),
    "a file too few": lambda file: repack(file, lambda aside: next(aside.rglob(WEIGHTS)).unlink()),
    "no list": lambda file: repack(file, lambda aside: (aside / "backup.json").unlink()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    mentee: Mentee, furnished: Path, data: Path, damage: str
) -> None:
    DAMAGES[damage](furnished)
    moved(data)
    told = mentee("restore", str(furnished))
    assert told.exit_code == 1
    assert "is no whole backup" in words(told.stderr)
    assert [path.name for path in data.iterdir()] == ["backup-keys"]


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside-of-it", "adapters/../../outside"])
def test_nothing_is_unpacked_outside_the_folder(tmp_path: Path, name: str) -> None:
    inside, packed = tmp_path / "inside", tmp_path / "packed.tar"
    (tmp_path / "text").write_text("hostile")
    with tarfile.open(packed, "w") as archive:
        member = archive.gettarinfo(tmp_path / "text")
        member.name = name
        with (tmp_path / "text").open("rb") as content:
            archive.addfile(member, content)
    with tarfile.open(packed) as archive, pytest.raises(ValueError, match="is no file of a backup"):
        backup.extract(archive, inside)
    assert not (tmp_path / "outside").exists()


def test_links_are_no_files_of_a_backup(tmp_path: Path) -> None:
    packed = tmp_path / "packed.tar"
    with tarfile.open(packed, "w") as archive:
        member = tarfile.TarInfo("mentee.db")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with tarfile.open(packed) as archive, pytest.raises(ValueError, match=r"mentee\.db is no file of a backup"):
        backup.extract(archive, tmp_path / "inside")


def test_postgresql_is_told_what_to_use_instead(mentee: Mentee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_DATABASE_URL", "postgresql+psycopg://nobody@localhost/none")
    told = mentee("restore", "all.sealed")
    assert told.exit_code == 1
    assert "pg_dump" in words(told.stderr)


def test_a_place_that_cannot_be_written_is_told(mentee: Mentee) -> None:
    told = mentee("backup", "/no/such/folder/all.sealed")
    assert told.exit_code == 1
    assert "/no/such/folder/all.sealed can't be written" in words(told.stderr)
