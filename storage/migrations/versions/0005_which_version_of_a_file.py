"""Which version of a file was read, how, and on which terms; files with FAQ entries are noted, too."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NEW = (("file_sha256", sa.String()), ("licence", sa.Text()), ("consent", sa.Text()), ("reading", sa.String()))
FAQ_FILES = "SELECT DISTINCT substr(author, 5) AS source FROM lessons WHERE source = 'faq' AND author LIKE 'faq:%'"


def upgrade() -> None:
    with op.batch_alter_table("documents") as table:
        for name, kind in NEW:
            table.add_column(sa.Column(name, kind, nullable=False, server_default=""))
    with op.batch_alter_table("documents") as table:
        for name, _ in NEW:
            table.alter_column(name, server_default=None)
    op.execute(
        "INSERT INTO documents (source, content_sha256, file_sha256, licence, consent, reading) "
        f"SELECT faq.source, '', '', '', '', '' FROM ({FAQ_FILES}) AS faq "
        "WHERE faq.source NOT IN (SELECT source FROM documents)"
    )


def downgrade() -> None:
    op.execute("DELETE FROM documents WHERE source NOT IN (SELECT source FROM sections)")
    with op.batch_alter_table("documents") as table:
        for name, _ in NEW:
            table.drop_column(name)
