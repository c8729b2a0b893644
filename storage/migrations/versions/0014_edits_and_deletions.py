"""Edits and deletions are found by their message, as reactions are: they may come before it."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INBOX = sa.table("inbox", sa.column("event_id"), sa.column("event"), sa.column("message_key"))
KINDS = ("message_edited", "message_deleted")


def upgrade() -> None:
    _rename("reacted_to", "message_key")
    connection = op.get_bind()
    for event_id, text in connection.execute(sa.select(INBOX.c.event_id, INBOX.c.event)).all():
        event = json.loads(text)
        if event["kind"] in KINDS:
            key = "/".join(event["message"][part] for part in ("platform", "workspace", "channel", "id"))
            connection.execute(INBOX.update().where(INBOX.c.event_id == event_id).values(message_key=key))


def _rename(before: str, now: str) -> None:
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f(f"ix_inbox_{before}"))
        batch_op.alter_column(before, new_column_name=now)
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f(f"ix_inbox_{now}"), [now], unique=False)


def downgrade() -> None:
    _rename("message_key", "reacted_to")
