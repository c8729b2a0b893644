"""How far platforms' histories are known, which lessons have mended old answers, hand-offs whose card stands apart."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INBOX = sa.table("inbox", sa.column("event_id"), sa.column("event"), sa.column("reacted_to"))


def upgrade() -> None:
    op.create_table(
        "watermarks",
        sa.Column("place_key", sa.String(), nullable=False),
        sa.Column("first", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("place_key", name=op.f("pk_watermarks")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reacted_to", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_inbox_reacted_to"), ["reacted_to"], unique=False)
    with op.batch_alter_table("answers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("amends", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_answers_amends"), ["amends"], unique=False)
    with op.batch_alter_table("lessons", schema=None) as batch_op:
        # What was taught before mends nothing afterwards.
        batch_op.add_column(sa.Column("amending", sa.String(), nullable=False, server_default="done"))
        batch_op.create_index(batch_op.f("ix_lessons_amending"), ["amending"], unique=False)
    with op.batch_alter_table("handoffs", schema=None) as batch_op:
        for name in ("card", "asked_key"):
            batch_op.add_column(sa.Column(name, sa.String(), nullable=True))
            batch_op.create_index(batch_op.f(f"ix_handoffs_{name}"), [name], unique=False)
    _note_reactions(op.get_bind())


def _note_reactions(connection: sa.Connection) -> None:
    for event_id, text in connection.execute(sa.select(INBOX.c.event_id, INBOX.c.event)).all():
        event = json.loads(text)
        if event["kind"] == "reaction":
            on = event["message"]
            key = "/".join((on["platform"], on["workspace"], on["channel"], on["id"]))
            connection.execute(INBOX.update().where(INBOX.c.event_id == event_id).values(reacted_to=key))


def downgrade() -> None:
    for table, columns in (
        ("handoffs", ("asked_key", "card")), ("lessons", ("amending",)), ("answers", ("amends",)),
        ("inbox", ("reacted_to",)),
    ):  # fmt: skip
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.drop_index(batch_op.f(f"ix_{table}_{column}"))
                batch_op.drop_column(column)
    op.drop_table("watermarks")
