"""One file with the database and the adapters that it names: written while the bot runs, whole or not at all.

A tar archive, sealed with a key of its own (`backup_keys.py`): the database as it was at one moment (SQLite's own
backup; an encrypted one stays so, under the same key), adapters, and a list of hashes. An adapter is on disk before the
database names it, so what the copied database names is there to be copied after it. Folders of trainings that are under
way are left out: a training begins anew. Knows nothing of PostgreSQL, which has pg_dump.
"""

import hashlib
import json
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.errors import AdapterBroken, DatabaseError, OperatorError
from bot.ids import AdapterId
from storage.adapter_files import AdapterFiles, flush
from storage.backup_keys import BackupKeys
from storage.database import SqlStore
from storage.sealing import Sealed, Sealing, Unsealing, header, read_header

FORMAT = 2
DATABASE, ADAPTERS, LIST = "mentee.db", "adapters", "backup.json"
BLOCK = 1 << 20
UNFINISHED = ".backup-"
"""Begins the name of the folder in which the copy lies meanwhile: beside the database, where forgetting reaches it."""
NO_POSTGRES = (
    "The database is PostgreSQL, and this command backs up SQLite alone. Use pg_dump and pg_restore for the database, "
    "then copy the folder {adapters}: an adapter is on disk before the database names it."
)


@dataclass(frozen=True)
class Backup:
    file: str
    made_at: datetime
    bytes: int
    adapters: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    """Adapters that the database names and that are gone or broken on disk."""


def write(store: SqlStore, files: AdapterFiles, keys: BackupKeys, file: Path) -> Backup:
    """Write a backup, in place of an earlier one. Raises OperatorError for PostgreSQL, DatabaseError, OSError."""
    if store.file is None:
        raise OperatorError(NO_POSTGRES.format(adapters=files.root))
    unfinished = file.with_name(f".{file.name}.unfinished")
    unfinished.touch(mode=0o600)
    made_at = datetime.now(UTC)
    name, key = keys.make()  # before anything is copied: who is forgotten from now on takes the key along
    try:
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=store.file.parent) as aside:
            database = Path(aside) / DATABASE
            copy_database(store, database)
            whole, left_out = _adapters(store.another(database), files)
            with unfinished.open("wb") as opened:
                opened.write(header(name))
                with Sealing(opened, key) as sealed:
                    _pack(sealed, Path(aside), made_at, files, whole)
        flush(unfinished)
        keys.get(name)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    flush(file.absolute().parent)
    return Backup(str(file), made_at, file.stat().st_size, tuple(whole), tuple(left_out))


def restore(file: Path, database: Path, database_key: str | None, files: AdapterFiles, keys: BackupKeys) -> Backup:
    """Put a backup where nothing is yet. Everything is checked before anything is put in its place.

    Raises OperatorError for a file that is no whole backup or whose key is gone, and for a folder in which a database
    is already.
    """
    if database.exists():
        raise OperatorError(
            f"There is a database at {database}. Stop the bot and move its folder away, or set MENTEE_DATA_DIR to "
            "another one; then restore."
        )
    database.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=database.parent) as aside:
        listed = _unpack(file, keys, Path(aside))
        copy = SqlStore(f"sqlite:///{Path(aside) / DATABASE}", database_key)
        _check(copy)
        copy.close()
        adapters = sorted(path.name for path in (Path(aside) / ADAPTERS).glob("*"))
        for name in adapters:
            _put(Path(aside) / ADAPTERS / name, files.folder(AdapterId(name)))
        _put(Path(aside) / DATABASE, database)  # last: from here on it is all there
    made_at = datetime.fromisoformat(listed["made_at"])
    return Backup(str(file), made_at, file.stat().st_size, tuple(adapters))


def copy_database(store: SqlStore, to: Path) -> None:
    store.copy_to(to)


def _check(copy: SqlStore) -> None:
    """Raises OperatorError for one that is damaged, or under another key than the settings name."""
    try:
        copy.check()
    except DatabaseError as problem:
        copy.close()
        raise OperatorError(f"The database in the backup can't be used: {problem}") from problem


def _adapters(copy: SqlStore, files: AdapterFiles) -> tuple[list[str], list[str]]:
    """Those that the copy names: which are whole, and which are not."""
    _check(copy)
    try:
        named = [adapter.id for adapter in copy.run_sync(lambda unit: unit.adapters.all())]
    finally:
        copy.close()
    whole, left_out = [], []
    for adapter in named:
        try:
            files.verify(adapter)
            whole.append(str(adapter))
        except AdapterBroken:
            left_out.append(str(adapter))
    return whole, left_out


def _pack(to: Sealing, aside: Path, made_at: datetime, files: AdapterFiles, adapters: list[str]) -> None:
    members = {DATABASE: aside / DATABASE}
    for adapter in adapters:
        folder = files.folder(AdapterId(adapter))
        members |= {f"{ADAPTERS}/{adapter}/{path.name}": path for path in sorted(folder.iterdir())}
    hashes = {name: _sha256(path) for name, path in members.items()}
    text = json.dumps({"format": FORMAT, "made_at": made_at.isoformat(), "files": hashes}, indent=1)
    (aside / LIST).write_text(text, encoding="utf-8")
    with tarfile.open(fileobj=to, mode="w|") as archive:
        for name, path in {**members, LIST: aside / LIST}.items():
            archive.add(path, name, recursive=False)


def _unpack(file: Path, keys: BackupKeys, to: Path) -> dict[str, Any]:
    """Raises OperatorError unless it is exactly what was packed."""
    try:
        with file.open("rb") as opened:
            content = Unsealing(opened, keys.get(read_header(opened)))
            with tarfile.open(fileobj=content, mode="r|") as archive:
                extract(archive, to)
            while content.read(BLOCK):  # to its end, which shows that nothing was cut off
                pass
        listed: dict[str, Any] = json.loads((to / LIST).read_text(encoding="utf-8"))
        there = {path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file()} - {LIST}
        if listed["format"] != FORMAT or there != set(listed["files"]):
            raise ValueError("files are missing, or foreign to it")
        changed = [name for name, sha256 in listed["files"].items() if _sha256(to / name) != sha256]
        if changed:
            raise ValueError(f"{changed[0]} is not what was packed")
    except (Sealed, tarfile.TarError, OSError, ValueError, KeyError, TypeError) as problem:
        raise OperatorError(f"{file} is no whole backup: {problem}. Use another one.") from problem
    return listed


def extract(archive: tarfile.TarFile, to: Path) -> None:
    """The files within, and nothing outside the folder. Python before 3.11.4 can't filter them by itself.

    Raises ValueError for anything else than files and folders.
    """
    for member in archive:
        target = (to / member.name).resolve()
        if not (member.isfile() or member.isdir()) or not target.is_relative_to(to.resolve()):
            raise ValueError(f"{member.name} is no file of a backup")
        content = archive.extractfile(member)
        if content is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            with content, target.open("wb") as file:
                shutil.copyfileobj(content, file)


def _put(path: Path, to: Path) -> None:
    """Move it there, on disk when this returns."""
    to.parent.mkdir(parents=True, exist_ok=True)
    for each in (*path.rglob("*"), path):
        flush(each)
    path.replace(to)
    flush(to.parent)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
