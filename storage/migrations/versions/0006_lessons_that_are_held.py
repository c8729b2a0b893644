"""Lessons that are held for review, and what tells of a teacher's record: which lesson an answer said."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ANSWERS = sa.table("answers", sa.column("id"), sa.column("answer"), sa.column("lesson"))


def upgrade() -> None:
    with op.batch_alter_table("lessons", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("ruling", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("ruled_by", sa.String(), nullable=False, server_default=""))
        batch_op.create_index(batch_op.f("ix_lessons_author"), ["author"], unique=False)
        batch_op.create_index(batch_op.f("ix_lessons_held"), ["held"], unique=False)
        batch_op.create_index(batch_op.f("ix_lessons_ruling"), ["ruling"], unique=False)
    with op.batch_alter_table("ratings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ratings_person"), ["person"], unique=False)
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lesson", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("message_key", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_outbox_message_key"), ["message_key"], unique=False)
    with op.batch_alter_table("answers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("lesson", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_answers_lesson"), ["lesson"], unique=False)
    _note_lessons_of_answers(op.get_bind())


def _note_lessons_of_answers(connection: sa.Connection) -> None:
    for answer, text in connection.execute(sa.select(ANSWERS.c.id, ANSWERS.c.answer)).all():
        confirmation = json.loads(text).get("confirmation")
        if confirmation is not None:
            row = ANSWERS.update().where(ANSWERS.c.id == answer)
            connection.execute(row.values(lesson=confirmation["lesson"]))


def downgrade() -> None:
    for table, indexed, plain in (
        ("answers", ("lesson",), ()),
        ("outbox", ("message_key",), ("lesson",)),
        ("lessons", ("ruling", "held"), ("ruled_by",)),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in indexed:
                batch_op.drop_index(batch_op.f(f"ix_{table}_{column}"))
            for column in (*indexed, *plain):
                batch_op.drop_column(column)
    for table, column in (("ratings", "person"), ("lessons", "author")):
        op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)
