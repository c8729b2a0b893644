"""The workspaces that the app is installed in, and the removal of what was said in one."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, SQLModel, col, delete, select

from bot.events import Place
from bot.ids import Tenant
from bot.installations import Installation
from bot.people import Platform
from bot.tenants import tenant_of
from storage.codec import EVENT, INSTALLATION, OUTGOING, from_text, to_text
from storage.tables import (
    AnswerRow,
    ComparisonRow,
    HandoffRow,
    InboxRow,
    InstallationRow,
    InstallStateRow,
    OutboxRow,
    PassRow,
    RatingRow,
    TurnRow,
)

MAX_STATES = 1_000
"""Anybody can open the page that begins an installation, and none of them fills the disk."""


class SqlInstallations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def expect(self, digest: str, until: datetime, now: datetime) -> None:
        self._session.exec(delete(InstallStateRow).where(col(InstallStateRow.until) <= now))
        newest = select(InstallStateRow.digest).order_by(col(InstallStateRow.until).desc()).limit(MAX_STATES - 1)
        self._session.exec(delete(InstallStateRow).where(col(InstallStateRow.digest).not_in(newest)))
        self._session.add(InstallStateRow(digest=digest, until=until))
        self._session.flush()

    def take(self, digest: str, now: datetime) -> bool:
        fits = (col(InstallStateRow.digest) == digest, col(InstallStateRow.until) > now)
        return self._session.exec(delete(InstallStateRow).where(*fits)).rowcount > 0

    def put(self, installation: Installation) -> None:
        text = to_text(INSTALLATION, installation)
        self._session.merge(
            InstallationRow(platform=installation.platform, workspace=installation.workspace, installation=text)
        )

    def get(self, platform: Platform, workspace: str) -> Installation | None:
        row = self._session.get(InstallationRow, (platform.value, workspace))
        return from_text(INSTALLATION, row.installation) if row is not None else None

    def all(self, platform: Platform) -> Sequence[Installation]:
        query = select(InstallationRow).where(InstallationRow.platform == platform)
        return [from_text(INSTALLATION, row.installation) for row in self._session.exec(query)]

    def remove(self, platform: Platform, workspace: str) -> None:
        row = self._session.get(InstallationRow, (platform.value, workspace))
        if row is not None:
            self._session.delete(row)


def purge_workspace(session: Session, platform: Platform, workspace: str) -> int:
    """Events, messages, turns, answers with their ratings and hand-offs, there and on the page of whoever signed in
    from there, and their sessions."""
    removed = 0
    tenant = tenant_of(Place(platform, workspace, ""))
    for row in session.exec(select(InboxRow)).all():
        removed += _delete_if_there(session, row, from_text(EVENT, row.event).place, tenant)
    for sent in session.exec(select(OutboxRow)).all():
        removed += _delete_if_there(session, sent, from_text(OUTGOING, sent.outgoing).place, tenant)
    session.flush()
    answers = select(AnswerRow.id).where(AnswerRow.tenant == tenant)
    session.exec(delete(PassRow).where(col(PassRow.tenant) == tenant))
    removed += session.exec(delete(RatingRow).where(col(RatingRow.answer).in_(answers))).rowcount
    session.exec(delete(ComparisonRow).where(col(ComparisonRow.answer).in_(answers)))
    for table, column in (
        (TurnRow, TurnRow.place_key), (HandoffRow, HandoffRow.place_key), (AnswerRow, AnswerRow.place_key),
    ):  # fmt: skip
        for within in (f"{platform}/{workspace}/", f"{Platform.WEB}/{tenant}/"):
            there = col(column).startswith(within, autoescape=True)
            removed += session.exec(delete(table).where(there)).rowcount
    return removed


def _delete_if_there(session: Session, row: SQLModel, place: Place, tenant: Tenant) -> bool:
    is_there = tenant_of(place) == tenant
    if is_there:
        session.delete(row)
    return is_there
