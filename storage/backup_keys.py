"""The keys of backups, one for each: without its key, a backup is noise wherever its copies lie.

That is how forgetting somebody reaches backups: their keys are destroyed. So the keys must lie in another place than
the backups, and whoever copies them must let their copies follow what is destroyed here.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from bot.errors import OperatorError
from bot.ids import new_id, time_of
from storage.adapter_files import flush
from storage.sealing import KEY_BYTES


@dataclass(frozen=True)
class BackupKeys:
    folder: Path

    def make(self) -> tuple[str, bytes]:
        """A new backup's name and key; on disk when this returns."""
        name, key = new_id(), secrets.token_bytes(KEY_BYTES)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        flush(self.folder)
        return name, key

    def get(self, name: str) -> bytes:
        """Raises OperatorError when there is none any more."""
        try:
            UUID(name)  # it comes out of a file that anybody may have written
            return self._path(name).read_bytes()
        except (ValueError, OSError) as problem:
            raise OperatorError(
                f"The backup's key {name[:40]!r} is not in {self.folder}. It is destroyed when somebody is forgotten "
                "after the backup: then use a newer one. If the keys are kept elsewhere, set MENTEE_BACKUP_KEYS."
            ) from problem

    def destroy(self, before: datetime) -> int:
        """Destroy the keys of all backups that were begun before a point in time; how many there were.

        Their bytes are overwritten first. What a disk or a file system keeps of overwritten blocks is its own.
        """
        doomed = [path for path in self.folder.glob("*.key") if _is_ours(path) and time_of(path.stem) <= before]
        for path in doomed:
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
        if doomed:
            flush(self.folder)
        return len(doomed)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.key"


def _is_ours(path: Path) -> bool:
    """Other keys may lie in the same folder."""
    try:
        return bool(UUID(path.stem))
    except ValueError:
        return False
