"""`mentee backup` and `mentee restore`: whole or refused, and nothing that is there is overwritten."""

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.parts import open_kept
from deploy.settings import read_settings
from storage.adapter_files import WEIGHTS
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
        told = mentee("backup", "all.tar", "--json")  # while somebody has it open
    assert told.exit_code == 0, told.output
    made = json.loads(told.stdout)
    assert (made["adapters"], made["left_out"]) == ([whole.id], [spoilt.id])
    return folder / "all.tar"


def test_a_backup_comes_back_as_it_was(mentee: Mentee, furnished: Path, data: Path) -> None:
    before = data.rename(data.with_name("before"))
    restored = mentee("restore", str(furnished), "--json")
    assert restored.exit_code == 0, restored.output
    with open_kept(read_settings()) as kept:
        assert len(kept.store.run_sync(lambda unit: unit.inbox.pending())) == 1
        whole, _ = kept.store.run_sync(lambda unit: unit.adapters.all())
        kept.adapter_files.verify(whole.id)
        assert (kept.adapter_files.folder(whole.id) / WEIGHTS).read_bytes() == b"weights"
    assert sorted(path.name for path in data.iterdir() if path.name[0] == ".") == []
    shutil.rmtree(before)


def test_only_the_operator_can_read_it(furnished: Path) -> None:
    assert furnished.stat().st_mode & 0o077 == 0


def test_what_is_there_is_not_overwritten(mentee: Mentee, furnished: Path) -> None:
    told = mentee("restore", str(furnished))
    assert told.exit_code == 1
    assert "There is a database at" in words(told.stderr)


def repack(file: Path, change: Callable[[Path], None]) -> None:
    aside = file.with_name("aside")
    with tarfile.open(file) as archive:
        archive.extractall(aside, filter="data")
    change(aside)
    with tarfile.open(file, "w") as archive:
        for path in sorted(aside.rglob("*")):
            archive.add(path, path.relative_to(aside), recursive=False)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-20_000]),
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
    data.rename(data.with_name("before"))
    DAMAGES[damage](furnished)
    told = mentee("restore", str(furnished))
    assert told.exit_code == 1
    assert "is no whole backup" in words(told.stderr)
    assert list(data.iterdir()) == []


def test_postgresql_is_told_what_to_use_instead(mentee: Mentee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_DATABASE_URL", "postgresql+psycopg://nobody@localhost/none")
    told = mentee("restore", "all.tar")
    assert told.exit_code == 1
    assert "pg_dump" in words(told.stderr)


def test_a_place_that_cannot_be_written_is_told(mentee: Mentee) -> None:
    told = mentee("backup", "/no/such/folder/all.tar")
    assert told.exit_code == 1
    assert "/no/such/folder/all.tar can't be written" in words(told.stderr)
