"""Runs the Alembic migrations on an open connection."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bot.errors import DatabaseError

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(connection: Connection) -> None:
    """Upgrade to the newest schema. Raises DatabaseError for a database of a newer version than the code."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in known:
        raise DatabaseError(
            f"The database is of a newer version of Mentee (schema {found!r}) than this one. "
            "Update Mentee, or point MENTEE_DATA_DIR at another folder; nothing was changed."
        )
    command.upgrade(config, "head")
