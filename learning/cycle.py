"""The slow loop, one turn: collect → split → fine-tune → judge → decide → publish."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from bot.errors import AdapterBroken, DatabaseHeld, MenteeError, OperatorError
from bot.ids import AdapterId, LessonId, RunId, Tenant, new_id
from bot.lineage import Adapter, Decision, Progress, Report, Run, RunState
from bot.ports import AdapterStore, Clock, Store, Unit
from bot.retraining import close
from bot.trying import Trying
from learning.canaries import alarms
from learning.card import write_card
from learning.dataset import Dataset
from learning.models import BaseModel
from learning.planning import UNKNOWN, remember_speed, work_of
from learning.precision import Wanted
from learning.process import BEAT_S, LostRun, OnProgress, Outcome, measure, train_and_judge
from learning.promotion import Verdict, decide
from learning.recipe import Recipe, Setup
from learning.rightness import is_right
from learning.snapshot import Snapshot, take_snapshot
from learning.trainer import Spec

T = TypeVar("T")

log = structlog.get_logger()

LEASE_S = 20.0
"""So long after it was heard of last, a run may be taken by another process: four beats."""
PREPARING = Progress("Reading the lessons", 0, 1)
MAX_ATTEMPTS = 3
DIED = f"The training process died {MAX_ATTEMPTS} times without a word. See the log, then retrain."
SYSTEM_REFUSED = "The system refused: {problem}. Make room, or mend the permissions there, then retrain."
OVERRUN = 1.5
"""How far training may overrun its minutes before it is ended."""
TOO_LONG = (
    "Training was ended after {minutes:.0f} minutes, since MENTEE_TRAINING_MINUTES is {allowed}. "
    "Raise it, lower MENTEE_TRAINING_EPOCHS, or choose a smaller base model, then retrain."
)
LEFT_OUT = (
    "{count} of {examples} examples were not trained on: question, help text and answer together have more than {most} "
    "tokens. Their lessons are answered from memory as before."
)
BROKEN = "Something went wrong on the bot's side ({problem}). See the log, then retrain."

Watch = Callable[[Progress], Awaitable[None]]


async def _nothing() -> None:
    """Where there is no memory, texts are compared by their words."""


async def _go_on(_: Progress) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Cycle:
    store: Store
    adapter_store: AdapterStore
    base: BaseModel
    recipe: Recipe
    starter: Path | None
    """Adapter that each training starts from: so that reading need not be learnt again. None: the base model."""
    encoder: Path | None
    """Memory's, which says what is asked for by questions that are made up; None: none are."""
    work_dir: Path
    """Here each run has a folder until it is closed: what a run that is taken up again goes on from."""
    precision: Wanted
    memory_mb: int
    threads: int
    """At most; 0: all."""
    minutes: int
    """At most, training and judging; 0: no limit."""
    clock: Clock
    trying: Trying
    of: Tenant | None = None
    """Whose lessons are trained on, so that an adapter gives nobody's answers to others; None: everybody's."""
    index: Callable[[], Awaitable[None]] = _nothing
    """Brings the vectors that memory keeps up to date with the lessons: paraphrases are known by them."""

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
        closed = await self.store.run(lambda unit: close(unit, run, owner, report, adapter, self.trying))
        if closed is None and adapter is not None:  # nobody will ever ask for it
            shutil.rmtree(self.adapter_store.folder(adapter.id), ignore_errors=True)
        await self._sweep()
        return closed

    async def _sweep(self) -> None:
        """Remove what runs that are closed have left."""
        folders = list(self.work_dir.iterdir()) if self.work_dir.is_dir() else []
        for folder in await self.store.run(lambda unit: [each for each in folders if _is_closed(unit, each)]):
            shutil.rmtree(folder, ignore_errors=True)

    async def measure(self, on_progress: OnProgress = _go_on) -> None:
        """Measure how fast this machine is, which takes about a minute. Until then a plan's minutes are a guess."""
        snapshot = await self._snapshot()
        with tempfile.TemporaryDirectory(prefix="mentee-measure-") as work:
            spec = self._spec(snapshot, Path(work), Path(work))
            training_s, judging_s = await measure(spec, on_progress)
        await self._remember(snapshot.dataset, training_s, judging_s)

    async def _perform(
        self, run: Run, owner: str, watch: Watch | None, started: float
    ) -> tuple[Report, Adapter | None]:
        async def on_progress(progress: Progress) -> bool:
            if watch is not None:
                await watch(progress)
            try:
                return await self.store.run(lambda unit: unit.runs.beat(run.id, owner, progress, self.clock()))
            except DatabaseHeld:  # nobody else could take the run either
                return True

        await _while_beating(self.index(), on_progress)
        snapshot = await _while_beating(self._snapshot(), on_progress)
        if self.minutes and snapshot.speed is None and not snapshot.plan.refusals:
            await self.measure(on_progress)
            snapshot = await _while_beating(self._snapshot(), on_progress)
        if snapshot.plan.refusals:
            return _report(Decision.REFUSED, snapshot.plan.refusals, started), None
        adapter_id = AdapterId(new_id())
        staged = self.adapter_store.stage(adapter_id)
        try:
            outcome = await self._train(run, snapshot, staged, on_progress)
            dataset = snapshot.dataset
            canaries, taught = outcome.said[: len(dataset.canaries)], outcome.said[len(dataset.canaries) :]
            alarming = alarms(dataset.canaries, canaries)
            verdict = await asyncio.to_thread(
                decide, outcome.champion, outcome.challenger, snapshot.looks, alarming, snapshot.teachers,
                snapshot.taught_before,
            )  # fmt: skip
            adapter = self._publish(run, adapter_id, staged, snapshot, outcome.setup, verdict, learned(dataset, taught))
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        if outcome.training_s:
            await self._remember(dataset, outcome.training_s, outcome.judging_s)
        left_out = self._left_out(outcome, len(dataset.train))
        report = Report(
            decision=verdict.decision, reasons=(*verdict.reasons, *snapshot.shares, *left_out), adapter=adapter.name,
            lessons=len(dataset.lessons), evaluation=verdict.evaluation, seconds=time.monotonic() - started,
            learned=len(adapter.learned), not_yet=len(dataset.taught) - len(adapter.learned),
            course=snapshot.course.told,
        )  # fmt: skip
        return report, adapter

    def _left_out(self, outcome: Outcome, examples: int) -> tuple[str, ...]:
        if not outcome.left_out:
            return ()
        return (LEFT_OUT.format(count=outcome.left_out, examples=examples, most=self.recipe.max_tokens),)

    async def _snapshot(self) -> Snapshot:
        return await take_snapshot(self.store, self.of, self.recipe, self.base.name, self.minutes, self.clock)

    async def _remember(self, dataset: Dataset, training_s: float, judging_s: float) -> None:
        work = work_of(dataset, self.recipe)
        await self.store.run(
            lambda unit: remember_speed(unit, self.recipe, self.base.name, work, training_s, judging_s)
        )

    async def _train(self, run: Run, snapshot: Snapshot, staged: Path, on_progress: OnProgress) -> Outcome:
        work = self.work_dir / run.id
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        spec = self._spec(snapshot, staged, work)
        most = OVERRUN * self.minutes
        try:
            async with asyncio.timeout(60 * most or None):
                return await train_and_judge(spec, on_progress)
        except TimeoutError as problem:
            raise OperatorError(TOO_LONG.format(minutes=most, allowed=self.minutes)) from problem

    def _spec(self, snapshot: Snapshot, staged: Path, work: Path) -> Spec:
        dataset = snapshot.dataset
        return Spec(
            base=str(self.base.folder),
            base_name=self.base.name,
            champion=self._champion(snapshot.champion),
            start=self._start(snapshot.course.start),
            train=[asdict(example) for example in dataset.train],
            general=[asdict(example) for example in dataset.general],
            judge=[asdict(example) for example in dataset.judge],
            asked=[asdict(example) for example in dataset.asked],
            recipe=asdict(self.recipe),
            out=str(staged),
            work=str(work),
            precision=self.precision,
            memory_mb=self.memory_mb,
            threads=self.threads,
            encoder=str(self.encoder) if self.encoder is not None else None,
            judging_s=work_of(dataset, self.recipe).seconds(snapshot.speed or UNKNOWN)[1],
        )

    def _start(self, adapter: AdapterId | None) -> str | None:
        """The folder to start from. Raises AdapterBroken."""
        if adapter is None:
            return str(self.starter) if self.starter is not None else None
        self.adapter_store.verify(adapter)
        return str(self.adapter_store.folder(adapter))

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
        self, run: Run, adapter_id: AdapterId, staged: Path, snapshot: Snapshot, setup: Setup, verdict: Verdict,
        learned: tuple[LessonId, ...],
    ) -> Adapter:  # fmt: skip
        """Keep the files, rejected ones too: an admin may look at them, and promote them by hand."""
        course, dataset = snapshot.course, snapshot.dataset
        write_card(
            staged, name=f"v{snapshot.number}", adapter=adapter_id, run=run.id, base=self.base.name,
            base_sha256=self.base.sha256, dataset_sha256=dataset.sha256, lessons=course.lessons,
            recipe=self.recipe, setup=setup, evaluation=verdict.evaluation,
        )  # fmt: skip
        weights_sha256 = self.adapter_store.publish(adapter_id, staged, self.base.sha256)
        return Adapter(
            id=adapter_id, number=snapshot.number, run=run.id, base_model=self.base.name,
            base_sha256=self.base.sha256, weights_sha256=weights_sha256, dataset_sha256=dataset.sha256,
            lessons=course.lessons, recipe=asdict(self.recipe) | asdict(setup), created_at=self.clock(),
            learned=learned, start=course.start, tenants=snapshot.tenants, questions=course.questions,
        )  # fmt: skip


async def _while_beating(work: Awaitable[T], on_progress: OnProgress) -> T:
    """Do what tells nothing of itself, and keep the lease: else another process takes the run. Raises LostRun."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=BEAT_S))[0]:
            if not await on_progress(PREPARING):
                raise LostRun("Another process has taken this run over.")
        return await task
    finally:
        task.cancel()


def learned(dataset: Dataset, said: Sequence[str]) -> tuple[LessonId, ...]:
    """The lessons that the new adapter said right, from what it said to `dataset.taught`."""
    asked = zip(dataset.taught, said, strict=True)
    known = {example.answer for example in (*dataset.train, *dataset.judge)}
    return tuple(lesson for (lesson, example), text in asked if is_right(text, example.answer, known))


def _is_closed(unit: Unit, folder: Path) -> bool:
    run = unit.runs.get(RunId(folder.name))
    return run is None or run.state is RunState.DONE


def _report(decision: Decision, reasons: tuple[str, ...], started: float) -> Report:
    seconds = time.monotonic() - started
    return Report(decision=decision, reasons=reasons, adapter=None, lessons=0, evaluation=None, seconds=seconds)
