"""Seeded bugs: each takes away one thing that a promise stands on. A harness that misses them is worth nothing."""

import asyncio
import importlib
import json
import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from bot import intake
from bot.answers import Answer, PostedAnswer
from bot.delivery import Delivery
from bot.events import Event
from bot.holding import Holding
from bot.ids import AdapterId, RunId, made_at
from bot.intake import Intake
from bot.lineage import Report, Run
from bot.outgoing import Outgoing
from bot.ports import Archive, Effect, Unit
from bot.saying import Saying
from bot.sweeping import Sweeping
from bot.texts import ENGLISH
from connectors.discord.finding import Finding
from connectors.slack.posting import Posting
from learning import canaries, dataset, exits, process, trainer
from learning.checkpoint import Checkpoint
from learning.serving.versions import Versions
from learning.trainer import Spec
from storage import backup
from storage.adapter_files import AdapterFiles
from storage.database import SqlStore
from storage.repositories.boxes import SqlInbox, next_position
from storage.repositories.slow_loop import SqlRuns
from storage.tables import InboxRow, RunRow


def seed(name: str) -> None:
    """Put the bug of that name into this process; none for an empty name."""
    if name:
        MUTANTS[name]()


# --- events ---------------------------------------------------------------------------------------------------------


def ack_before_commit() -> None:
    """An event is acknowledged before it is on disk."""
    right = Intake.receive

    async def receive(self: Intake, event: Event, **how: bool) -> bool:
        kept = asyncio.create_task(_late(right, self, event, **how))
        _background.add(kept)
        kept.add_done_callback(_background.discard)
        return True

    Intake.receive = receive  # type: ignore[method-assign]


_background: set[asyncio.Task[Any]] = set()


async def _late(receive: Callable[..., Any], taking: Intake, event: Event, **how: bool) -> None:
    await asyncio.sleep(0.02)
    await receive(taking, event, **how)


def no_dedup() -> None:
    """An event that comes again is taken for a new one."""
    right = SqlInbox.add

    def add(self: SqlInbox, event: Event) -> bool:
        row = self._session.get(InboxRow, event.id)
        if row is None:
            return right(self, event)
        row.state, row.position = "pending", next_position(self._session, InboxRow.position)
        return True

    SqlInbox.add = add  # type: ignore[method-assign]


def effect_apart() -> None:
    """What an event changes and that it is done are two transactions."""

    async def attempt(self: Intake, event: Event, is_counted: bool) -> None:
        effect: Effect = await self.routing(event)

        def change(unit: Unit) -> None:
            for each in effect(unit):
                unit.outbox.add(each)

        await self.store.run(change)
        await asyncio.sleep(0.02)
        await self.store.run(lambda unit: unit.inbox.done(event.id))

    Intake._try = attempt  # type: ignore[method-assign]


def delivered_before_sent() -> None:
    """A message counts as delivered before its platform has it."""
    right = Delivery._deliver

    async def deliver(self: Delivery, outgoing: Any) -> Any:
        await self.store.run(lambda unit: unit.outbox.delivered(outgoing.id, None))
        await asyncio.sleep(0.02)
        return await right(self, outgoing)

    Delivery._deliver = deliver  # type: ignore[method-assign]


def impatient() -> None:
    """Where a platform asks to wait, only the place that asked waits, not the channel that was meant."""
    right = Delivery._failed

    async def failed(self: Delivery, outgoing: Any, problem: Exception) -> float:
        wait_s = await right(self, outgoing, problem)
        self._closed_until.clear()
        return wait_s

    Delivery._failed = failed  # type: ignore[method-assign]


def sent_again() -> None:
    """A message that may stand there already is not looked for."""
    Posting._may_stand_there = lambda *_: False  # type: ignore[method-assign]
    Finding.may_stand_there = lambda *_: False  # type: ignore[method-assign]


def no_sweeps() -> None:
    """What a platform hasn't delivered is seen in its history, and left there."""

    async def take(self: Sweeping, archive: Archive, events: Sequence[Event]) -> int:
        return 0

    Sweeping._take = take  # type: ignore[method-assign]


def acknowledged_anyway() -> None:
    """An event that can't be kept is acknowledged all the same."""
    right = Intake.receive

    async def receive(self: Intake, event: Event, **how: bool) -> bool:
        try:
            return await right(self, event, **how)
        except Exception:
            return True

    Intake.receive = receive  # type: ignore[method-assign]


def silent_when_busy() -> None:
    """Who asks when too many ask hears nothing."""
    right = Saying.say

    def say(
        self: Saying, unit: Unit, event: Event, answer: Answer, instead_of: PostedAnswer | None = None
    ) -> Sequence[Outgoing]:
        return [] if answer.text == ENGLISH.busy else right(self, unit, event, answer, instead_of)

    Saying.say = say  # type: ignore[method-assign]


def never_busy() -> None:
    """However many ask, all of them wait for their turn."""

    @contextmanager
    def counted(self: Versions[Any]) -> Iterator[None]:
        yield

    Versions._counted = counted  # type: ignore[method-assign]
    intake.MOST_IN_WORK = 1_000_000


def clock_believed() -> None:
    """Only what is older than the process is looked for, as if no clock were ever set back."""

    def may_stand_there(self: Posting, id: str) -> bool:
        return id in self._tried or made_at(id) < self.started_at

    Posting._may_stand_there = may_stand_there  # type: ignore[method-assign]


def never_parked() -> None:
    """Attempts are not counted: what kills the process does so for ever."""
    SqlInbox.attempt = lambda self, event: 1  # type: ignore[method-assign]


def tried_together() -> None:
    """What may have killed the process is tried again beside all others."""
    intake.SUSPECT_FROM = 1_000


# --- runs -----------------------------------------------------------------------------------------------------------


def no_fencing() -> None:
    """Whoever trained may publish, whoever owns the run by now."""

    def finish(self: SqlRuns, run: RunId, owner: str, report: Report) -> bool:
        row = self._session.get_one(RunRow, run)
        self._close(row, report)
        return True

    SqlRuns.finish = finish  # type: ignore[method-assign]


def leases_for_ever() -> None:
    """Whoever died has its run for good."""
    right = SqlRuns.claim

    def claim(self: SqlRuns, owner: str, now: datetime, lease_s: float) -> Run | None:
        return right(self, owner, now, 1_000 * lease_s)

    SqlRuns.claim = claim  # type: ignore[method-assign]


def leaves_behind() -> None:
    """What an earlier process left counts as done."""
    right = SqlInbox.pending

    def pending(self: SqlInbox) -> Any:
        for event in right(self):
            self.done(event.id)
        return []

    SqlInbox.pending = pending  # type: ignore[method-assign]


def no_slots() -> None:
    """A slot that was requested before is requested again."""
    right = SqlRuns.request

    def request(self: SqlRuns, run: Run) -> bool:
        taken = self._session.get(RunRow, run.id)
        return taken is None and right(self, Run(**{**vars(run), "slot": f"{run.slot}#{run.id}"}))

    SqlRuns.request = request  # type: ignore[method-assign]


# --- training -------------------------------------------------------------------------------------------------------


def forgets_moments() -> None:
    """A training that goes on has forgotten what its optimizer knew."""
    right = Checkpoint.restore

    def restore(self: Checkpoint, parameters: Any, optimizer: Any) -> int:
        done = right(self, parameters, optimizer)
        optimizer.state.clear()
        return done

    Checkpoint.restore = restore  # type: ignore[method-assign]


def no_memory_limit() -> None:
    """A trainer takes what it gets."""
    resource.setrlimit = lambda *_: None


def memory_not_named() -> None:
    """A trainer that has no memory left ends like any other that broke."""

    def exit_code(problem: Exception, *, memory_is_short: bool) -> int:
        return 1

    exits._exit_code = exit_code


def trains_inside() -> None:
    """The bot trains in its own process."""

    async def run(module: str, processes: int, spec: Spec, on_progress: Any) -> None:
        path = Path(spec.work) / "spec.json"
        path.write_text(json.dumps(asdict(spec)), encoding="utf-8")
        await asyncio.to_thread(importlib.import_module(module).main, str(path))

    vars(trainer)["give_way"] = lambda: None  # or all that was started beside the bot would be slow from here on
    process._run = run


# --- lessons --------------------------------------------------------------------------------------------------------


def no_holding() -> None:
    """Whoever is an agent is believed at once."""
    Holding.reason = lambda *_: None  # type: ignore[method-assign]


def no_cap() -> None:
    """A training sees all that anybody taught."""
    vars(dataset)["capped"] = list


def no_triggers() -> None:
    """No words are looked for that only one answer's questions share."""
    canaries.phrases = lambda train: []


# --- files ----------------------------------------------------------------------------------------------------------


def renamed_first() -> None:
    """An adapter's folder appears before its files are whole."""

    right = AdapterFiles.publish

    def publish(self: AdapterFiles, adapter: AdapterId, staged: Path, base_sha256: str) -> str:
        aside = AdapterFiles(self.root / ".aside", self._base_sha256)
        aside.folder(adapter).parent.mkdir(exist_ok=True)
        weights = right(aside, adapter, staged, base_sha256)
        self.folder(adapter).mkdir()
        for path in sorted(aside.folder(adapter).iterdir()):
            (self.folder(adapter) / path.name).write_bytes(path.read_bytes())
        return weights

    AdapterFiles.publish = publish  # type: ignore[method-assign]


def no_hashes() -> None:
    """An adapter's files are looked at, but not their bytes."""
    right = AdapterFiles._check_files

    def check(self: AdapterFiles, adapter: Any, files: dict[str, Any]) -> None:
        sizes = {
            name: listed if (self.folder(adapter) / name).stat().st_size != listed["bytes"] else None
            for name, listed in files.items()
        }
        if any(sizes.values()):
            right(self, adapter, files)

    AdapterFiles._check_files = check  # type: ignore[method-assign]


def plain_copy() -> None:
    """The database is copied as a file, without what its log holds."""

    def copy(store: SqlStore, to: Path) -> None:
        assert store.file is not None
        to.write_bytes(store.file.read_bytes())

    backup.copy_database = copy


MUTANTS: dict[str, Callable[[], None]] = {
    "ack-before-commit": ack_before_commit,
    "no-dedup": no_dedup,
    "effect-apart": effect_apart,
    "delivered-before-sent": delivered_before_sent,
    "impatient": impatient,
    "sent-again": sent_again,
    "no-sweeps": no_sweeps,
    "acknowledged-anyway": acknowledged_anyway,
    "silent-when-busy": silent_when_busy,
    "never-busy": never_busy,
    "clock-believed": clock_believed,
    "never-parked": never_parked,
    "tried-together": tried_together,
    "no-fencing": no_fencing,
    "leases-for-ever": leases_for_ever,
    "leaves-behind": leaves_behind,
    "no-slots": no_slots,
    "forgets-moments": forgets_moments,
    "no-memory-limit": no_memory_limit,
    "memory-not-named": memory_not_named,
    "trains-inside": trains_inside,
    "no-holding": no_holding,
    "no-cap": no_cap,
    "no-triggers": no_triggers,
    "renamed-first": renamed_first,
    "no-hashes": no_hashes,
    "plain-copy": plain_copy,
}
