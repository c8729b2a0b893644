"""The workspaces that the app is installed in, and the removal of what was said in one."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, SQLModel, col, delete, select

from bot.installations import Installation
from bot.people import Platform
from storage.codec import EVENT, INSTALLATION, OUTGOING, from_text, to_text
from storage.tables import (
    AnswerRow,
    ComparisonRow,
    HandoffRow,
    InboxRow,
    InstallationRow,
    OutboxRow,
    RatingRow,
    TurnRow,
)


class SqlInstallations:
    def __init__(self, session: Session) -> None:
        self._session = session

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
    """Events, messages, turns, answers with their ratings and hand-offs."""
    removed = 0
    for row in session.exec(select(InboxRow)).all():
        removed += _delete_if_there(session, row, from_text(EVENT, row.event).place, platform, workspace)
    for sent in session.exec(select(OutboxRow)).all():
        removed += _delete_if_there(session, sent, from_text(OUTGOING, sent.outgoing).place, platform, workspace)
    session.flush()
    within = f"{platform}/{workspace}/"
    answers = select(AnswerRow.id).where(col(AnswerRow.place_key).startswith(within, autoescape=True))
    removed += session.exec(delete(RatingRow).where(col(RatingRow.answer).in_(answers))).rowcount
    session.exec(delete(ComparisonRow).where(col(ComparisonRow.answer).in_(answers)))
    for table, column in (
        (TurnRow, TurnRow.place_key), (HandoffRow, HandoffRow.place_key), (AnswerRow, AnswerRow.place_key),
    ):  # fmt: skip
        there = col(column).startswith(within, autoescape=True)
        removed += session.exec(delete(table).where(there)).rowcount
    return removed


def _delete_if_there(session: Session, row: SQLModel, place: Any, platform: Platform, workspace: str) -> bool:
    is_there = (place.platform, place.workspace) == (platform, workspace)
    if is_there:
        session.delete(row)
    return bool(is_there)
