"""Identifiers. Every id is a string; the types only keep them apart. Ours are UUIDv7, so that they sort by time."""

import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import NewType

EventId = NewType("EventId", str)  # the platform's own id, prefixed with the platform: the idempotency key
OutgoingId = NewType("OutgoingId", str)
AnswerId = NewType("AnswerId", str)
FactId = NewType("FactId", str)
LessonId = NewType("LessonId", str)
SectionId = NewType("SectionId", str)
AdapterId = NewType("AdapterId", str)
RunId = NewType("RunId", str)
PassId = NewType("PassId", str)
Tenant = NewType("Tenant", str)  # a workspace that knowledge belongs to, as slack:T1: `bot/tenants.py`

SHARED = Tenant("")
"""Of what the operator gave to all workspaces."""


def time_of(id: str) -> datetime:
    """When one of our ids was made, to the millisecond."""
    return datetime.fromtimestamp((uuid.UUID(id).int >> 80) / 1_000, UTC)


def first_id(at: datetime) -> str:
    """What all of our ids that are made from then on are greater than, or equal to."""
    return str(uuid.UUID(int=int(at.timestamp() * 1_000) << 80))


def new_id() -> str:
    """Return a fresh UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then randomness."""
    unix_ms = time.time_ns() // 1_000_000
    value = (unix_ms << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)  # version 7
    value = (value & ~(0x3 << 62)) | (0x2 << 62)  # RFC variant
    return str(uuid.UUID(int=value))


def new_fact() -> FactId:
    return FactId(new_id())


def made_at(id: str) -> float:
    """When an id of ours was made, in seconds since 1970."""
    return (uuid.UUID(id).int >> 80) / 1_000
