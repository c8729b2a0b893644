"""`mentee backup` and `mentee restore`: the database and its adapters in one file, and back."""

from pathlib import Path

from bot.errors import OperatorError
from deploy.parts import Kept
from deploy.settings import Settings
from storage import backup
from storage.adapter_files import AdapterFiles
from storage.backup import NO_POSTGRES, Backup


def write_backup(kept: Kept, file: Path) -> Backup:
    """Raises OperatorError, DatabaseError."""
    try:
        return backup.write(kept.store, kept.adapter_files, file)
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
        return backup.restore(file, database, AdapterFiles(settings.adapters_dir))
    except OSError as problem:
        raise OperatorError(f"{file} can't be restored into {settings.data_dir}: {problem}.") from None
