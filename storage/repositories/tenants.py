"""What a workspace sees of what was taught and loaded: its own, and what belongs to all."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col

from bot.ids import SHARED, Tenant


def seen(column: Any, within: Tenant | None) -> Sequence[ColumnElement[bool]]:
    """The condition that a workspace sees what belongs to the tenant in the column; none for who sees everything."""
    return [col(column).in_((SHARED, within))] if within is not None else []


def is_seen(tenant: str, within: Tenant | None) -> bool:
    return within is None or tenant in (SHARED, within)
