"""Alembic's entry point. The connection is handed over by `storage.migrate`; there is no ini file."""

from alembic import context

from storage.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
