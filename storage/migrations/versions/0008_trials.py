"""Trials: an adapter's share of what is written, and which trial an answer belongs to. Lessons that contradict a help
section."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("deployments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("share", sa.Float(), nullable=False, server_default="0"))
    with op.batch_alter_table("answers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trial", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_answers_trial"), ["trial"], unique=False)
    op.add_column("lessons", sa.Column("contradicts", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("lessons", schema=None) as batch_op:
        batch_op.drop_column("contradicts")
    with op.batch_alter_table("answers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_answers_trial"))
        batch_op.drop_column("trial")
    with op.batch_alter_table("deployments", schema=None) as batch_op:
        batch_op.drop_column("share")
