"""The audit log: who taught, commanded, promoted, forgot. Each entry carries the hash of the one before it, so that
none can be changed, taken out or moved without breaking the chain.

Whoever cuts off the end is caught by those who know a later hash: `mentee audit --verify` prints the newest
one, to be kept elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

BEGINNING = "0" * 64


@dataclass(frozen=True)
class Entry:
    number: int
    at: datetime
    actor: str
    """An alias. Whom it stands for is kept apart, so that a person can be forgotten and the chain holds."""
    act: str
    subject: str
    """Id or name of what it was done to; never what somebody wrote."""
    previous: str
    """sha256 of the entry before."""
    sha256: str


def chained(last: Entry | None, at: datetime, actor: str, act: str, subject: str) -> Entry:
    """The entry that follows the last one."""
    number, previous = (last.number + 1, last.sha256) if last is not None else (1, BEGINNING)
    return Entry(number, at, actor, act, subject, previous, _sha256(number, at, actor, act, subject, previous))


def first_broken(entries: Iterable[Entry]) -> int | None:
    """The number at which the chain breaks; None for one that holds."""
    last: Entry | None = None
    for entry in entries:
        if entry != chained(last, entry.at, entry.actor, entry.act, entry.subject):
            return entry.number
        last = entry
    return None


def _sha256(number: int, at: datetime, actor: str, act: str, subject: str, previous: str) -> str:
    said = json.dumps([number, at.astimezone(UTC).isoformat(), actor, act, subject, previous])
    return hashlib.sha256(said.encode()).hexdigest()
