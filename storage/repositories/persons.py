"""Who is known, what is kept of them, and the certificates of those who were forgotten."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from bot.erasure import FORGOTTEN, Acquaintance, Certificate, Erased
from bot.events import quoted
from bot.people import Platform
from storage.codec import CERTIFICATE, EVENT, PERSON, from_text, to_text
from storage.repositories.aging import purge_answers, purge_messages, purge_withdrawn
from storage.repositories.erasing import Erasing
from storage.repositories.installations import purge_workspace
from storage.repositories.shedding import Shedding
from storage.tables import (
    AnswerRow,
    DeploymentRow,
    ErasureRow,
    InboxRow,
    LessonRow,
    PassRow,
    PhrasingRow,
    RatingRow,
    RunRow,
    TurnRow,
)


class SqlPersons:
    def __init__(self, session: Session) -> None:
        self._session = session

    def known(self) -> Sequence[Acquaintance]:
        names: dict[str, set[str]] = {}
        for text in self._session.exec(select(AnswerRow.asker).distinct()):
            person = from_text(PERSON, text)
            names.setdefault(person.key, set()).add(person.name)
        for text in self._session.exec(select(InboxRow.event)):
            person = from_text(EVENT, text).person
            names.setdefault(person.key, set()).add(person.name)
        for key, name in self._session.exec(select(LessonRow.author, LessonRow.author_name).distinct()):
            names.setdefault(key, set()).add(name)
        for key in self._session.exec(select(TurnRow.person).distinct()):
            names.setdefault(key, set())
        for key in self._session.exec(select(RatingRow.person).distinct()):
            names.setdefault(key, set())
        apart = ("faq:", "cli:", FORGOTTEN)
        return [
            Acquaintance(key, frozenset(filter(None, given)))
            for key, given in names.items()
            if key and not key.startswith(apart)
        ]

    def erase(self, person: Acquaintance, *, with_lessons: bool) -> Erased:
        return Erasing(self._session).erase(person, with_lessons=with_lessons)

    def shed(self, person: Acquaintance, before: datetime) -> int:
        return Shedding(self._session, before).shed(person)

    def export(self, person: str) -> dict[str, list[dict[str, Any]]]:
        kept: dict[str, list[dict[str, Any]]] = {}
        for kind, row in _rows_of(self._session, person):
            kept.setdefault(kind, []).append(row)
        return kept

    def purge_messages(self, before: datetime) -> int:
        return purge_messages(self._session, before)

    def purge_answers(self, before: datetime) -> int:
        return purge_answers(self._session, before)

    def purge_withdrawn(self, before: datetime) -> int:
        return purge_withdrawn(self._session, before)

    def purge_workspace(self, platform: Platform, workspace: str) -> int:
        return purge_workspace(self._session, platform, workspace)

    def keep(self, certificate: Certificate) -> None:
        text, is_done = to_text(CERTIFICATE, certificate), certificate.done_at is not None
        self._session.merge(ErasureRow(id=certificate.id, pending=not is_done, certificate=text))

    def pending(self) -> Sequence[Certificate]:
        rows = self._session.exec(select(ErasureRow.certificate).where(col(ErasureRow.pending)))
        return [from_text(CERTIFICATE, text) for text in rows]


def _rows_of(session: Session, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that is kept of a person, by what it is."""
    for row in session.exec(select(InboxRow)):
        event = from_text(EVENT, row.event)
        if key in (event.person.key, quoted(event)):
            yield "events", json.loads(row.event)
    for answer in session.exec(select(AnswerRow)):
        if from_text(PERSON, answer.asker).key == key:
            yield "answers", {**json.loads(answer.answer), "place": json.loads(answer.place)}
    for kind, table, column in (
        ("turns", TurnRow, TurnRow.person), ("ratings", RatingRow, RatingRow.person),
        ("lessons", LessonRow, LessonRow.author), ("retrainings", RunRow, RunRow.requested_by),
        ("deployments", DeploymentRow, DeploymentRow.by), ("passes", PassRow, PassRow.person_key),
    ):  # fmt: skip
        for each in session.exec(select(table).where(column == key)):
            yield kind, each.model_dump(mode="json")
    for phrasing in session.exec(select(PhrasingRow).where(col(PhrasingRow.origin).endswith(f":{key}"))):
        yield "phrasings", phrasing.model_dump(mode="json")
