"""Which fact or source changed at which revision. What is there already counts as changed at the present one."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NOW = "(SELECT number FROM revision)"


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_revision"), "changes", ["revision"], unique=False)
    op.execute(f"INSERT INTO changes (kind, name, revision) SELECT DISTINCT 'fact', fact, {NOW} FROM lessons")
    op.execute(f"INSERT INTO changes (kind, name, revision) SELECT 'source', source, {NOW} FROM documents")


def downgrade() -> None:
    op.drop_index(op.f("ix_changes_revision"), table_name="changes")
    op.drop_table("changes")
