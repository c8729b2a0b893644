"""Repositories of the slow loop: adapters, their deployments, and retrainings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.ids import AdapterId, RunId
from bot.lineage import Adapter, Deployment, Progress, Report, Run
from bot.trial import Outcome, Pair, Settled


class Adapters(Protocol):
    def add(self, adapter: Adapter) -> None: ...
    def get(self, adapter: AdapterId) -> Adapter | None: ...
    def named(self, name: str) -> Adapter | None:
        """By "v3" or by the beginning of its id."""
        ...

    def all(self) -> Sequence[Adapter]: ...
    def next_number(self) -> int: ...
    def deploy(self, deployment: Deployment) -> None: ...
    def history(self) -> Sequence[Deployment]: ...


class Comparisons(Protocol):
    """Of adapters on trial with those that served meanwhile, on what people settled."""

    def due(self, trial: AdapterId, since: datetime) -> Sequence[Settled]:
        """Answers for which something was written in the trial that began then, with the newest correction in use of
        each, and no outcome yet; oldest first."""
        ...

    def attempt(self, trial: AdapterId, settled: Settled) -> int:
        """Count a further attempt at comparing it; how many there were, this one included."""
        ...

    def keep(self, trial: AdapterId, settled: Settled, outcome: Outcome) -> bool:
        """Note how it came out; False when that was noted before."""
        ...

    def pairs(self, trial: AdapterId, since: datetime) -> Sequence[Pair]:
        """How all came out whose correction still stands, in the trial that began then; oldest first."""
        ...


class Runs(Protocol):
    def request(self, run: Run) -> bool:
        """Keep it; False when its slot was taken before."""
        ...

    def claim(self, owner: str, now: datetime, lease_s: float) -> Run | None:
        """Take the oldest requested run, or one whose owner's lease ran out, unless another run is alive.

        Counts the attempt.
        """
        ...

    def beat(self, run: RunId, owner: str, progress: Progress, now: datetime) -> bool:
        """Renew the lease; False when somebody else owns the run by now."""
        ...

    def finish(self, run: RunId, owner: str, report: Report) -> bool:
        """Close the run; False (and nothing written) when somebody else owns it by now."""
        ...

    def abandon(self, report: Report) -> int:
        """Close every run that is under way, whoever owns it; how many there were."""
        ...

    def get(self, run: RunId) -> Run | None: ...
    def latest(self, limit: int = 10) -> Sequence[Run]:
        """Newest first."""
        ...

    def looks(self) -> int:
        """How many challengers the gate has judged so far."""
        ...
