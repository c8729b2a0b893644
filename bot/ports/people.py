"""Repositories about people: the audit log, what is kept of somebody, installations, passes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from bot.audit import Entry
from bot.erasure import Acquaintance, Certificate, Erased
from bot.ids import PassId
from bot.installations import Installation
from bot.passes import Pass
from bot.people import Platform


class Audit(Protocol):
    def add(self, actor: str, act: str, subject: str, at: datetime) -> None:
        """Add an entry to the end of the chain; `actor` is a `Person.key`, or what acted by itself."""
        ...

    def entries(self) -> Sequence[Entry]:
        """Oldest first."""
        ...

    def people(self) -> dict[str, str]:
        """Whom each alias stands for; those who were forgotten are missing."""
        ...


class Persons(Protocol):
    def known(self) -> Sequence[Acquaintance]:
        """Everybody of whom something is kept."""
        ...

    def erase(self, person: Acquaintance, *, with_lessons: bool) -> Erased:
        """Remove what the person wrote and what answered it; what others wrote stays, without saying who is meant.

        Lessons that the person taught stay under no name, unless `with_lessons`.
        """
        ...

    def shed(self, person: Acquaintance, before: datetime) -> int:
        """Remove what the person wrote before a point in time and what answered it, but for what still has to be
        answered; how many rows. Lessons stay: they are agents' words."""
        ...

    def export(self, person: str) -> dict[str, list[dict[str, Any]]]:
        """All that is kept of somebody (`Person.key`), by what it is, as JSON has it."""
        ...

    def purge_messages(self, before: datetime) -> int:
        """Remove events that are done, messages that are delivered, and turns; how many rows."""
        ...

    def purge_answers(self, before: datetime) -> int:
        """Remove answers with their ratings; how many answers."""
        ...

    def purge_withdrawn(self, before: datetime) -> int:
        """Remove lessons and phrasings that were withdrawn by then; how many lessons."""
        ...

    def purge_workspace(self, platform: Platform, workspace: str) -> int:
        """Remove what was said in a workspace: events, messages, turns, answers with their ratings and hand-offs; how
        many rows."""
        ...

    def keep(self, certificate: Certificate) -> None:
        """Add it, or put it in place of its earlier state."""
        ...

    def pending(self) -> Sequence[Certificate]:
        """Of erasures whose files and bytes are still there."""
        ...


class Installations(Protocol):
    """Of the app, in workspaces. Each holds a secret."""

    def expect(self, digest: str, until: datetime, now: datetime) -> None:
        """Keep the digest of a state that somebody began an installation with. Those that hold no more go."""
        ...

    def take(self, digest: str, now: datetime) -> bool:
        """Use a state up; False for one that isn't expected, or not any more."""
        ...

    def put(self, installation: Installation) -> None:
        """Keep it, in place of an earlier one in that workspace."""
        ...

    def get(self, platform: Platform, workspace: str) -> Installation | None: ...
    def all(self, platform: Platform) -> Sequence[Installation]: ...
    def remove(self, platform: Platform, workspace: str) -> None: ...


class Passes(Protocol):
    def add(self, given: Pass, digest: str) -> None:
        """Keep it under the digest of its secret. Those that hold no more go."""
        ...

    def of(self, digest: str) -> Pass | None: ...
    def all(self) -> Sequence[Pass]:
        """Oldest first."""
        ...

    def remove(self, id: PassId) -> bool:
        """False when it is gone already."""
        ...
