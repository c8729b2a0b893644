"""Hand-offs, reasons of a ❌, and which message asked, was answered, or taught what."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEYS = (("turns", "message_key"), ("answers", "asked_in"), ("ratings", "reason"), ("lessons", "said_in"))


def upgrade() -> None:
    op.create_table(
        "handoffs",
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("place_key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("handoff", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("answer", name=op.f("pk_handoffs")),
    )
    op.create_index(op.f("ix_handoffs_place_key"), "handoffs", ["place_key"], unique=False)
    op.create_index(op.f("ix_handoffs_state"), "handoffs", ["state"], unique=False)
    for table, column in KEYS:
        op.add_column(table, sa.Column(column, sa.String(), nullable=True))
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)
    op.add_column("answers", sa.Column("place_key", sa.String(), nullable=False, server_default=""))
    op.add_column("answers", sa.Column("retracted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(op.f("ix_answers_place_key"), "answers", ["place_key"], unique=False)
    _fill_place_keys()


def _fill_place_keys() -> None:
    connection = op.get_bind()
    for answer, place in connection.execute(sa.text("SELECT id, place FROM answers")).all():
        at = json.loads(place)
        key = "/".join((at["platform"], at["workspace"], at["channel"], at["thread"] or ""))
        connection.execute(sa.text("UPDATE answers SET place_key = :key WHERE id = :id"), {"key": key, "id": answer})


def downgrade() -> None:
    op.drop_index(op.f("ix_answers_place_key"), table_name="answers")
    op.drop_column("answers", "retracted")
    op.drop_column("answers", "place_key")
    for table, column in KEYS:
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
        op.drop_column(table, column)
    op.drop_table("handoffs")
