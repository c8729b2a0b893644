"""Lessons that may not be trained on, and lessons whose help page has changed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("lessons", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trainable", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("doubted_by", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("lessons", schema=None) as batch_op:
        batch_op.alter_column("trainable", server_default=None)
        batch_op.alter_column("doubted_by", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("lessons", schema=None) as batch_op:
        batch_op.drop_column("doubted_by")
        batch_op.drop_column("trainable")
