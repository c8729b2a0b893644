"""Installations that were begun. Every function runs inside one transaction.

An installation leaves for the platform with a state, which comes back with the token: good once, for ten minutes. It is
kept as its sha256 alone, and outlives a restart.
"""

import secrets
from datetime import datetime, timedelta

from bot.passes import digest
from bot.ports import Unit

STATE_FOR = timedelta(minutes=10)


def begin(unit: Unit, now: datetime) -> str:
    """The state of an installation that begins now."""
    state = secrets.token_urlsafe(32)
    unit.installations.expect(digest(state), now + STATE_FOR, now)
    return state


def came_back(unit: Unit, state: str, now: datetime) -> bool:
    """Use the state up: False for one that was used before, is too old, or was never given out."""
    return unit.installations.take(digest(state), now)
