"""`mentee backup` and `mentee restore`: the database and its adapters in one file, and back."""

from pathlib import Path

from bot.errors import OperatorError
from deploy.parts import Kept
from deploy.settings import Settings
from storage import backup
from storage.adapter_files import AdapterFiles
from storage.backup import NO_POSTGRES, Backup
from storage.backup_keys import BackupKeys


def write_backup(kept: Kept, file: Path) -> Backup:
    """Raises OperatorError, DatabaseError."""
    try:
        keys = BackupKeys(kept.settings.backup_keys_dir)
        return backup.write(kept.store, kept.adapter_files, keys, file)
    except OSError as problem:
        raise OperatorError(
            f"{file} can't be written: {problem.strerror}. Make room, or choose another place."
        ) from None


def restore_backup(settings: Settings, file: Path) -> Backup:
    """Raises OperatorError for PostgreSQL, for a broken file, and where a database is already."""
    if settings.database_url is not None and not settings.database_url.startswith("sqlite:///"):
        raise OperatorError(NO_POSTGRES.format(adapters=settings.adapters_dir))
    database = Path(settings.database.removeprefix("sqlite:///"))
    try:
        keys = BackupKeys(settings.backup_keys_dir)
        return backup.restore(file, database, settings.key, AdapterFiles(settings.adapters_dir), keys)
    except OSError as problem:
        raise OperatorError(f"{file} can't be restored into {settings.data_dir}: {problem}.") from None
