"""The tables. What needs no column of its own is kept as JSON text (`storage/codec.py`).

Times are UTC. Keys of places, people and messages are the `key` of the core's types.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, MetaData
from sqlmodel import Field, SQLModel

from storage.columns import LongWords, Utc, Words

metadata: MetaData = SQLModel.metadata
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _words(**options: Any) -> Any:
    return Field(sa_type=Words, **options)


def _text(**options: Any) -> Any:
    return Field(sa_type=LongWords, **options)


def _time(**options: Any) -> Any:
    return Field(sa_type=Utc, **options)


class InboxRow(SQLModel, table=True):
    __tablename__ = "inbox"

    event_id: str = Field(primary_key=True)
    position: int = Field(index=True)
    event: str = _text()
    state: str = Field(default="pending", index=True)  # pending | done | parked
    attempts: int = 0
    message_key: str | None = Field(default=None, index=True)
    """Of the message that a reaction, an edit or a deletion is about."""


class OutboxRow(SQLModel, table=True):
    __tablename__ = "outbox"

    id: str = Field(primary_key=True)
    position: int = Field(index=True)
    outgoing: str = _text()
    run: str | None = Field(default=None, index=True)
    lesson: str | None = None
    state: str = Field(default="waiting", index=True)  # waiting | delivered | parked
    attempts: int = 0
    reason: str = _text(default="")
    message: str | None = _text(default=None)
    message_key: str | None = Field(default=None, index=True)


class TurnRow(SQLModel, table=True):
    __tablename__ = "turns"

    id: int | None = Field(default=None, primary_key=True)
    place_key: str = Field(index=True)
    place: str = _text()
    speaker: str
    person: str
    text: str = _text()
    at: datetime = _time()
    message_key: str | None = Field(default=None, index=True)


class AnswerRow(SQLModel, table=True):
    __tablename__ = "answers"

    id: str = Field(primary_key=True)
    kind: str = Field(index=True)
    answer: str = _text()
    place: str = _text()
    asker: str = _text()
    lesson: str | None = Field(default=None, index=True)
    message_key: str | None = Field(default=None, index=True)
    message_id: str | None = Field(default=None, index=True)
    message: str | None = _text(default=None)
    place_key: str = Field(default="", index=True)
    asked_in: str | None = Field(default=None, index=True)
    retracted: bool = False
    trial: str | None = Field(default=None, index=True)
    amends: str | None = Field(default=None, index=True)
    tenant: str = Field(default="", index=True)


class HandoffRow(SQLModel, table=True):
    __tablename__ = "handoffs"

    answer: str = Field(primary_key=True)
    place_key: str = Field(index=True)
    state: str = Field(index=True)
    handoff: str = _text()
    card: str | None = Field(default=None, index=True)
    asked_key: str | None = Field(default=None, index=True)


class RatingRow(SQLModel, table=True):
    __tablename__ = "ratings"

    answer: str = Field(primary_key=True)
    person: str = Field(primary_key=True, index=True)
    gesture: str = Field(primary_key=True)
    trusted: bool
    at: datetime = _time()
    reason: str | None = Field(default=None, index=True)


class LessonRow(SQLModel, table=True):
    __tablename__ = "lessons"

    id: str = Field(primary_key=True)
    fact: str = Field(index=True)
    question: str = _text()
    answer: str = _text()
    author: str = Field(index=True)
    author_name: str = _words()
    source: str
    taught_at: datetime = _time()
    about: str | None = Field(default=None, index=True)
    topic: str = _words(default="")
    withdrawn_at: datetime | None = _time(default=None)
    said_in: str | None = Field(default=None, index=True)
    held: str | None = Field(default=None, index=True)
    ruling: str | None = Field(default=None, index=True)
    ruled_by: str = ""
    contradicts: str | None = None
    trainable: bool = True
    doubted_by: str = _text(default="")
    amending: str = Field(default="", index=True)
    tenant: str = Field(default="", index=True)


class PhrasingRow(SQLModel, table=True):
    __tablename__ = "phrasings"

    id: int | None = Field(default=None, primary_key=True)
    fact: str = Field(index=True)
    text: str = _text()
    origin: str = Field(index=True)
    withdrawn_at: datetime | None = _time(default=None)
    tenant: str = ""


class DocumentRow(SQLModel, table=True):
    __tablename__ = "documents"

    source: str = Field(primary_key=True)
    content_sha256: str
    """Of what is kept: the sections."""
    file_sha256: str = ""
    licence: str = _text(default="")
    consent: str = _text(default="")
    reading: str = ""
    tenant: str = ""


class SectionRow(SQLModel, table=True):
    __tablename__ = "sections"

    id: str = Field(primary_key=True)
    source: str = Field(index=True)
    position: int
    title: str = _words()
    heading: str = _words()
    text: str = _text()
    link: str | None = _words(default=None)


class VectorRow(SQLModel, table=True):
    __tablename__ = "vectors"

    model: str = Field(primary_key=True)
    text_sha256: str = Field(primary_key=True)
    vector: bytes = Field(sa_type=LargeBinary)


class ComparisonRow(SQLModel, table=True):
    """What a person settled while an adapter was on trial, asked silently of both. No words are kept."""

    __tablename__ = "comparisons"

    trial: str = Field(primary_key=True)
    answer: str = Field(primary_key=True)
    lesson: str = Field(index=True)
    attempts: int = 0
    outcome: str | None = None


class AdapterRow(SQLModel, table=True):
    __tablename__ = "adapters"

    id: str = Field(primary_key=True)
    number: int = Field(unique=True)
    adapter: str = _text()


class DeploymentRow(SQLModel, table=True):
    __tablename__ = "deployments"

    id: int | None = Field(default=None, primary_key=True)
    move: str
    adapter: str | None = None
    by: str
    at: datetime = _time()
    reason: str = _text(default="")
    share: float = 0.0


class RunRow(SQLModel, table=True):
    __tablename__ = "runs"

    id: str = Field(primary_key=True)
    slot: str = Field(unique=True)
    position: int = Field(index=True)
    requested_by: str
    requested_at: datetime = _time()
    place: str | None = _text(default=None)
    state: str = Field(default="requested", index=True)
    owner: str | None = None
    lease_until: datetime | None = _time(default=None)
    lease_s: float = 0.0
    attempts: int = 0
    progress: str | None = _text(default=None)
    report: str | None = _text(default=None)
    judged: bool = False


class ErasureRow(SQLModel, table=True):
    """That somebody was forgotten, and what was done; not who."""

    __tablename__ = "erasures"

    id: str = Field(primary_key=True)
    pending: bool = Field(index=True)
    certificate: str = _text()


class AuditRow(SQLModel, table=True):
    """Each entry carries the hash of the one before it."""

    __tablename__ = "audit"

    number: int = Field(primary_key=True)
    at: datetime = _time()
    actor: str
    act: str
    subject: str = _text(default="")
    previous: str
    sha256: str


class AliasRow(SQLModel, table=True):
    """Who is meant by an alias in the audit log; gone when the person is forgotten."""

    __tablename__ = "aliases"

    person: str = Field(primary_key=True)
    alias: str = Field(unique=True)


class InstallationRow(SQLModel, table=True):
    """Holds a token: it is read by the connector alone, and part of no export."""

    __tablename__ = "installations"

    platform: str = Field(primary_key=True)
    workspace: str = Field(primary_key=True)
    installation: str = _text()


class PassRow(SQLModel, table=True):
    """Links, sessions and tokens, by the digest of their secret."""

    __tablename__ = "passes"

    id: str = Field(primary_key=True)
    digest: str = Field(unique=True)
    kind: str
    person: str = _text()
    person_key: str = Field(index=True)
    scopes: str = ""
    made_at: datetime = _time()
    until: datetime = _time()
    tenant: str = ""


class InstallStateRow(SQLModel, table=True):
    """An installation by OAuth that was begun, by the digest of its state."""

    __tablename__ = "install_states"

    digest: str = Field(primary_key=True)
    until: datetime = _time()


class WatermarkRow(SQLModel, table=True):
    __tablename__ = "watermarks"

    place_key: str = Field(primary_key=True)
    first: datetime = _time()
    until: datetime = _time()


class FlagRow(SQLModel, table=True):
    __tablename__ = "flags"

    name: str = Field(primary_key=True)
    value: str = _text()


class RevisionRow(SQLModel, table=True):
    """One row: a number that grows with every change of what memory knows."""

    __tablename__ = "revision"

    id: int = Field(default=1, primary_key=True)
    number: int = 0


class ChangeRow(SQLModel, table=True):
    """The revision at which a fact, or the source of help sections, last changed."""

    __tablename__ = "changes"

    kind: str = Field(primary_key=True)  # fact | source
    name: str = Field(primary_key=True)
    revision: int = Field(index=True)
