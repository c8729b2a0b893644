"""The words of forgetting a person: who is meant, what went, and the certificate of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.ids import AdapterId, LessonId, RunId

FORGOTTEN = "forgotten"
"""Stands for the id of a person who was forgotten."""


@dataclass(frozen=True)
class Acquaintance:
    """Somebody of whom something is kept."""

    key: str
    """`Person.key`."""
    names: frozenset[str]


@dataclass(frozen=True)
class Erased:
    """What went from the database, or was changed there."""

    removed: Mapping[str, int]
    """Rows by what they held."""
    anonymised: int
    """Rows that stay without saying who."""
    lessons: tuple[LessonId, ...]
    """Whose words are gone or changed: no adapter may have learned from them."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What was found and removed where. It says nothing of who was forgotten; who asked for it is in the audit log."""

    id: str
    asked_at: datetime
    removed: Mapping[str, int]
    anonymised: int
    withdrawn: tuple[AdapterId, ...]
    serving: str
    """What answers since."""
    rebuild: RunId | None
    words: tuple[str, ...] = ()
    """What files may name the person by, until they have been gone through; empty from then on."""
    done_at: datetime | None = None
    """When files and bytes were gone, too; None while that is pending."""
    folders: int = 0
    """Adapter and run folders that were removed."""
    backups: int = 0
    """Whose keys were destroyed."""
    searched: int | None = None
    """Files that were searched for the person's id afterwards, byte by byte; None: nobody searched."""
    hits: int = 0
