"""Runs the Alembic migrations on an open connection. Alembic is loaded only when there is something to migrate."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bot.errors import DatabaseError

MIGRATIONS = Path(__file__).with_name("migrations")
NEWEST = "0014"
"""The newest migration; a test holds it against the folder."""


def upgrade(connection: Connection) -> None:
    """Upgrade to the newest schema. Raises DatabaseError for a database of a newer version than the code."""
    found = _revision(connection)
    if found == NEWEST:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseError(
            f"The database is of a newer version of Mentee (schema {found!r}) than this one. "
            "Update Mentee, or point MENTEE_DATA_DIR at another folder; nothing was changed."
        )
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None
