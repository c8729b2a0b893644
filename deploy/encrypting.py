"""`mentee rekey`: the database under a new key. Knows which one is meant; `storage/encryption.py` does it."""

from pathlib import Path

from bot.errors import SettingError
from deploy.settings import Settings
from storage.encryption import read_key
from storage.encryption import rekey as change


def rekey(settings: Settings, new: Path) -> str:
    """What was done, and what is to be done next. Raises SettingError, DatabaseError."""
    file = Path(settings.database.removeprefix("sqlite:///"))
    if settings.database_url is not None and not settings.database_url.startswith("sqlite:///"):
        raise SettingError("MENTEE_DATABASE_URL is no SQLite file: only those are encrypted by Mentee.")
    if not file.is_file():
        raise SettingError(f"There is no database at {file} yet. Set the key, and it is encrypted from the start.")
    change(file, settings.key, read_key(new))
    return (
        f"{file} is under the key in {new} now. Let MENTEE_DATABASE_KEY_FILE name that file, then start the bot. "
        "Backups stay under the key that they were made with."
    )
