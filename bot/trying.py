"""Which adapters answer: one that passed the gate has a trial first, which ends with a promotion or a rollback.

A trial needs traffic. Where so little is written that it could tell nothing, the adapter answers everything at once.
Every function runs inside one transaction.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot import receipts
from bot.errors import AdapterBroken
from bot.lineage import Adapter, Deployment, Move, on_trial, serving_stack
from bot.outgoing import Notice, Outgoing
from bot.policy import Policy
from bot.ports import AdapterStore, Clock, Store, Unit
from bot.reviewing import admins_at
from bot.texts import Texts
from bot.trial import ALPHA, Outcome, Pair, Tally, evidence, silent_evidence, tallies, together

BY_TRIAL = "trial"
MOST_QUESTIONS = 200
"""So many questions that the new adapter wrote for end a trial."""
LEAST_QUESTIONS = 50
"""With fewer to be expected, there is none: the clearly bad are found out with about so many."""
EVERY_S = 30.0


@dataclass(frozen=True)
class Standing:
    """How a trial stands."""

    adapter: Adapter
    trial: Deployment
    new: Tally
    old: Tally
    pairs: Counter[Pair]
    """What people settled, and both were asked silently."""

    @property
    def evidence(self) -> float:
        share = self.trial.share
        return together(evidence(self.new, self.old, share), silent_evidence(self.pairs, share))

    @property
    def is_bad(self) -> bool:
        return self.evidence >= 1 / ALPHA


def live_adapter(unit: Unit) -> Adapter | None:
    """The adapter that answers now, of those that may (`Unit.within`); None is the base model."""
    found = (unit.adapters.get(each) for each in reversed(serving_stack(unit.adapters.history())) if each is not None)
    return next((adapter for adapter in found if adapter is not None), None)


def trial_of(unit: Unit) -> Deployment | None:
    """The trial that is under way, unless its adapter may not answer (`Unit.within`)."""
    trial = on_trial(unit.adapters.history())
    if trial is None or trial.adapter is None or unit.adapters.get(trial.adapter) is not None:
        return trial
    return None if unit.within(None).adapters.get(trial.adapter) is not None else trial


def standing_of(unit: Unit) -> Standing | None:
    """How the trial that is under way stands."""
    trial = trial_of(unit)
    adapter = unit.adapters.get(trial.adapter) if trial is not None and trial.adapter is not None else None
    if trial is None or adapter is None:
        return None
    new, old = tallies(unit.answers.tried(adapter.id, trial.at), adapter.id)
    return Standing(adapter, trial, new, old, Counter(unit.comparisons.pairs(adapter.id, trial.at)))


def describe_trial(standing: Standing, texts: Texts) -> str:
    told = texts.trial.format(
        name=standing.adapter.name, percent=100 * standing.trial.share, since=f"{standing.trial.at:%Y-%m-%d %H:%M}",
        bad=standing.new.bad, questions=standing.new.questions, old_bad=standing.old.bad,
        old_questions=standing.old.questions, evidence=standing.evidence, limit=1 / ALPHA,
    )  # fmt: skip
    if not standing.pairs:
        return told
    counts = Counter[Outcome]()
    for pair, count in standing.pairs.items():
        counts[pair.outcome] += count
    left_out = counts[Outcome.UNSAID] + counts[Outcome.DROPPED]
    silent = texts.trial_silent.format(
        name=standing.adapter.name, asked=counts.total() - left_out, both=counts[Outcome.BOTH],
        neither=counts[Outcome.NEITHER], new=counts[Outcome.NEW], old=counts[Outcome.OLD],
        unsaid=counts[Outcome.UNSAID], dropped=counts[Outcome.DROPPED],
    )  # fmt: skip
    return f"{told} {silent}"


@dataclass(frozen=True)
class Trying:
    policy: Policy
    texts: Texts
    adapter_store: AdapterStore
    clock: Clock
    tell_threads: bool = True
    """Tell what was learned in the threads where it was taught."""

    def share(self, unit: Unit) -> float:
        """How much of what is written a new adapter would have on trial; 0 where a trial could tell nothing."""
        share = self.policy.canary_share
        expected = share * unit.answers.written_since(self.clock() - self.policy.canary_for)
        return share if expected >= LEAST_QUESTIONS else 0.0

    def admit(self, unit: Unit, adapter: Adapter, by: str, reason: str, share: float) -> None:
        """Let it answer that share of what is written; with 0, everything."""
        if not share:
            return self._promote(unit, adapter, by, reason)
        unit.adapters.deploy(Deployment(Move.TRIAL, adapter.id, by, self.clock(), reason, share))
        return unit.audit.add("the gate", "put on trial", adapter.name, self.clock())

    def look(self, unit: Unit) -> Sequence[Outgoing]:
        """End the trial that is under way if its time has come; the word to the admins."""
        standing = standing_of(unit)
        if standing is None:
            return []
        if standing.is_bad:
            return self._roll_back(unit, standing, describe_trial(standing, self.texts))
        is_over = self.clock() - standing.trial.at >= self.policy.canary_for
        if not is_over and standing.new.questions < MOST_QUESTIONS:
            return []
        try:
            self.adapter_store.verify(standing.adapter.id)
        except AdapterBroken as problem:
            return self._roll_back(unit, standing, str(problem))
        told = describe_trial(standing, self.texts)
        self._promote(unit, standing.adapter, BY_TRIAL, f"{standing.trial.reason} {told}")
        return self._tell(unit, standing.adapter, self.texts.trial_passed.format(name=standing.adapter.name, told=told))

    def _promote(self, unit: Unit, adapter: Adapter, by: str, reason: str) -> None:
        before = live_adapter(unit.within(self.policy.common))
        unit.adapters.deploy(Deployment(Move.PROMOTE, adapter.id, by, self.clock(), reason))
        unit.audit.add("the trial" if by == BY_TRIAL else "the gate", "promoted", adapter.name, self.clock())
        if self.tell_threads:
            receipts.tell_threads(unit, before, adapter, self.texts)

    def _roll_back(self, unit: Unit, standing: Standing, reason: str) -> Sequence[Outgoing]:
        live = live_adapter(unit.within(self.policy.common))
        serving = live.name if live is not None else self.texts.base_model
        target = live.id if live is not None else None
        unit.adapters.deploy(Deployment(Move.ROLLBACK, target, BY_TRIAL, self.clock(), reason))
        unit.audit.add("the trial", "rolled back to", serving, self.clock())
        text = self.texts.trial_failed.format(name=standing.adapter.name, serving=serving, reason=reason)
        return self._tell(unit, standing.adapter, text)

    @staticmethod
    def _tell(unit: Unit, adapter: Adapter, text: str) -> Sequence[Outgoing]:
        """Where an admin asked for the training; else where one last gave a command. `mentee adapters` says it, too."""
        run = unit.runs.get(adapter.run)
        if run is not None and run.place is not None:
            return [Notice(place=run.place, text=text)]
        found = admins_at(unit)
        return [Notice(place=found[0], text=text, to=found[1])] if found is not None else []


@dataclass(frozen=True)
class Watching:
    """Looks at trials while the bot runs."""

    store: Store
    trying: Trying
    news: asyncio.Event
    """Set whenever there is something new to deliver."""

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        def end(unit: Unit) -> bool:
            unit = unit.within(self.trying.policy.common)
            was = trial_of(unit)
            for outgoing in self.trying.look(unit):
                unit.outbox.add(outgoing)
            return trial_of(unit) != was

        if await self.store.run(end):
            self.news.set()
