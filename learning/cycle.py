"""The slow loop, one turn: collect → split → fine-tune → judge → decide → publish."""

import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from bot.errors import AdapterBroken, MenteeError
from bot.feedback import Fact, facts_of
from bot.ids import AdapterId, new_id
from bot.lineage import Adapter, Decision, Progress, Report, RetrainPlan, Run, serving_stack
from bot.ports import AdapterStore, Clock, Store, Unit
from bot.retraining import close
from bot.retrieval import Section
from bot.texts import Texts
from learning.card import write_card
from learning.dataset import Dataset, build
from learning.models import BaseModel
from learning.planning import plan, remember_rate
from learning.process import LostRun, train_and_judge
from learning.promotion import Verdict, decide
from learning.recipe import Recipe
from learning.trainer import Spec

log = structlog.get_logger()

LEASE_S = 60.0
MAX_ATTEMPTS = 3
DIED = f"The training process died {MAX_ATTEMPTS} times without a word. See the log, then retrain."
SYSTEM_REFUSED = "The system refused: {problem}. Make room, or mend the permissions there, then retrain."
BROKEN = "Something went wrong on the bot's side ({problem}). See the log, then retrain."

Watch = Callable[[Progress], Awaitable[None]]


@dataclass(frozen=True)
class Snapshot:
    """What a run starts from, read in one transaction."""

    facts: list[Fact]
    sections: list[Section]
    champion: AdapterId | None
    number: int
    looks: int
    plan: RetrainPlan


@dataclass(frozen=True, kw_only=True)
class Cycle:
    store: Store
    adapter_store: AdapterStore
    base: BaseModel
    recipe: Recipe
    memory_mb: int
    threads: int
    clock: Clock
    texts: Texts

    async def run_next(self, owner: str, watch: Watch | None = None) -> Report | None:
        """Claim a requested run and see it through; None when there is nothing to do, or it went to another process.

        Whatever breaks, the run is closed with a report, the live adapter goes on answering, and no lesson is lost.
        """
        run = await self.store.run(lambda unit: unit.runs.claim(owner, self.clock(), LEASE_S))
        if run is None:
            return None
        started = time.monotonic()
        if run.attempts > MAX_ATTEMPTS:
            return await self._close(run, owner, _report(Decision.FAILED, (DIED,), started), None)
        try:
            report, adapter = await self._perform(run, owner, watch, started)
        except LostRun:
            return None
        except MenteeError as problem:
            report, adapter = _report(Decision.FAILED, (str(problem),), started), None
        except OSError as problem:
            report, adapter = _report(Decision.FAILED, (SYSTEM_REFUSED.format(problem=problem),), started), None
        except Exception as problem:  # a broken training must not take the bot down with it
            log.exception("retraining broke", run=run.id)
            reason = BROKEN.format(problem=type(problem).__name__)
            report, adapter = _report(Decision.FAILED, (reason,), started), None
        return await self._close(run, owner, report, adapter)

    async def _close(self, run: Run, owner: str, report: Report, adapter: Adapter | None) -> Report | None:
        closed = await self.store.run(
            lambda unit: close(unit, run, owner, report, adapter, clock=self.clock, texts=self.texts)
        )
        if not closed and adapter is not None:  # nobody will ever ask for it
            shutil.rmtree(self.adapter_store.folder(adapter.id), ignore_errors=True)
        return report if closed else None

    async def _perform(
        self, run: Run, owner: str, watch: Watch | None, started: float
    ) -> tuple[Report, Adapter | None]:
        snapshot = await self.store.run(self._snapshot)
        if snapshot.plan.refusals:
            return _report(Decision.REFUSED, snapshot.plan.refusals, started), None
        dataset = build(snapshot.facts, snapshot.sections, self.recipe.seed)
        adapter_id = AdapterId(new_id())
        staged = self.adapter_store.stage(adapter_id)
        try:
            verdict = await self._train(run, owner, watch, snapshot, dataset, staged)
            adapter = self._publish(run, adapter_id, staged, snapshot, dataset, verdict)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        await self.store.run(lambda unit: remember_rate(unit, snapshot.plan, time.monotonic() - started))
        report = Report(
            decision=verdict.decision, reasons=verdict.reasons, adapter=adapter.name, lessons=len(dataset.lessons),
            evaluation=verdict.evaluation, seconds=time.monotonic() - started,
        )  # fmt: skip
        return report, adapter

    def _snapshot(self, unit: Unit) -> Snapshot:
        return Snapshot(
            facts=facts_of(unit.lessons.all(), unit.lessons.phrasings()),
            sections=list(unit.documents.sections()),
            champion=serving_stack(unit.adapters.history())[-1],
            number=unit.adapters.next_number(),
            looks=unit.runs.looks(),
            plan=plan(unit, self.recipe),
        )

    async def _train(
        self, run: Run, owner: str, watch: Watch | None, snapshot: Snapshot, dataset: Dataset, staged: Path
    ) -> Verdict:
        async def on_progress(progress: Progress) -> bool:
            if watch is not None:
                await watch(progress)
            return await self.store.run(lambda unit: unit.runs.beat(run.id, owner, progress, self.clock()))

        with tempfile.TemporaryDirectory(prefix="mentee-run-") as work:
            spec = self._spec(snapshot, dataset, staged, Path(work) / "scores.json")
            champion, challenger = await train_and_judge(spec, on_progress)
        return decide(champion, challenger, snapshot.looks)

    def _spec(self, snapshot: Snapshot, dataset: Dataset, staged: Path, scores: Path) -> Spec:
        return Spec(
            base=str(self.base.folder),
            base_name=self.base.name,
            champion=self._champion(snapshot.champion),
            train=[asdict(example) for example in dataset.train],
            general=[asdict(example) for example in dataset.general],
            judge=[asdict(example) for example in dataset.judge],
            recipe=asdict(self.recipe),
            out=str(staged),
            scores=str(scores),
            memory_mb=self.memory_mb,
            threads=self.threads,
        )

    def _champion(self, live: AdapterId | None) -> str | None:
        """The live adapter's folder. None where the base model answers, also because the live one is refused."""
        if live is None:
            return None
        try:
            self.adapter_store.verify(live)
        except AdapterBroken:
            return None
        return str(self.adapter_store.folder(live))

    def _publish(
        self, run: Run, adapter_id: AdapterId, staged: Path, snapshot: Snapshot, dataset: Dataset, verdict: Verdict
    ) -> Adapter:
        """Keep the files, rejected ones too: an admin may look at them, and promote them by hand."""
        write_card(
            staged, name=f"v{snapshot.number}", adapter=adapter_id, run=run.id, base=self.base.name,
            base_sha256=self.base.sha256, dataset_sha256=dataset.sha256, lessons=dataset.lessons,
            recipe=self.recipe, evaluation=verdict.evaluation,
        )  # fmt: skip
        weights_sha256 = self.adapter_store.publish(adapter_id, staged, self.base.sha256)
        return Adapter(
            id=adapter_id, number=snapshot.number, run=run.id, base_model=self.base.name,
            base_sha256=self.base.sha256, weights_sha256=weights_sha256, dataset_sha256=dataset.sha256,
            lessons=dataset.lessons, recipe=asdict(self.recipe), created_at=self.clock(),
        )  # fmt: skip


def _report(decision: Decision, reasons: tuple[str, ...], started: float) -> Report:
    seconds = time.monotonic() - started
    return Report(decision=decision, reasons=reasons, adapter=None, lessons=0, evaluation=None, seconds=seconds)
