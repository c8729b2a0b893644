"""One transaction, and the store that runs it."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from bot.ids import Tenant
from bot.outgoing import Outgoing
from bot.ports.knowledge import Documents, Lessons, Teaching, Vectors
from bot.ports.learning import Adapters, Comparisons, Runs
from bot.ports.people import Audit, Installations, Passes, Persons
from bot.ports.talk import Answers, Conversations, Handoffs, Inbox, Outbox, Ratings, Watermarks
from bot.retrieval import Changes
from bot.vitals import Vitals

T = TypeVar("T")


class Flags(Protocol):
    def get(self, name: str) -> str | None: ...
    def set(self, name: str, value: str) -> None: ...
    def is_any(self, prefix: str, value: str) -> bool:
        """Whether one whose name begins so has that value."""
        ...


class Unit(Protocol):
    """One transaction: all of it is kept, or nothing."""

    @property
    def inbox(self) -> Inbox: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def handoffs(self) -> Handoffs: ...
    @property
    def ratings(self) -> Ratings: ...
    @property
    def lessons(self) -> Lessons: ...
    @property
    def teaching(self) -> Teaching: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def vectors(self) -> Vectors: ...
    @property
    def adapters(self) -> Adapters: ...
    @property
    def comparisons(self) -> Comparisons: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def persons(self) -> Persons: ...
    @property
    def installations(self) -> Installations: ...
    @property
    def passes(self) -> Passes: ...
    @property
    def watermarks(self) -> Watermarks: ...
    @property
    def flags(self) -> Flags: ...
    def within(self, tenant: Tenant | None) -> "Unit":
        """The same transaction as a workspace sees it: its own lessons, pages, answers and hand-offs, the lessons and
        pages that all share, and nothing of others'. `SHARED`: what all share alone. None: everything."""
        ...

    def vitals(self) -> Vitals:
        """What operators watch."""
        ...

    def changes(self, since: int) -> Changes:
        """What has changed after that revision. 0: all that there is, and what is gone."""
        ...

    def revision(self) -> int:
        """A number that grows whenever lessons, phrasings or sections change, in whichever process."""
        ...


class Store(Protocol):
    async def run(self, work: Callable[[Unit], T], *, ahead: bool = False) -> T:
        """Run `work` in one transaction, off the event loop. An exception rolls back and comes through.

        `ahead`: before all that waits for its turn. For what is short, and what a platform or a person waits for. It
        may be begun anew, so it changes nothing besides the unit.
        Raises DatabaseHeld when another program keeps it from beginning; what goes ahead hears so sooner.
        """
        ...


Effect = Callable[[Unit], Sequence[Outgoing]]
"""What an event changes: run in one transaction together with marking the event done."""
