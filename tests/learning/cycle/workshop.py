"""A cycle of the slow loop with everything around it, on a tiny model."""

import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.events import Place
from bot.ids import AdapterId, RunId
from bot.lineage import Adapter, Decision, Deployment, Move, Progress, Report, Run, RunState, serving_stack
from bot.outgoing import Notice
from bot.people import Platform
from bot.policy import Policy
from bot.ports import Unit
from bot.texts import ENGLISH
from bot.trying import Trying
from learning import process
from learning.cycle import Cycle
from learning.evaluation import Score
from learning.examples import Kind
from learning.models import BaseModel
from learning.process import Outcome
from learning.promotion import Verdict, decide
from learning.recipe import Recipe, Setup
from learning.trainer import Spec
from storage.adapter_files import AdapterFiles
from storage.database import SqlStore
from tests.databases import open_store
from tests.learning.samples import NOW, again, keep, lesson

PLACE = Place(Platform.SLACK, "T1", "C1", "100.1")
RECIPE = Recipe(epochs=1, rank=4, max_tokens=480, imagined=0.0)
LESSONS = [lesson(number) for number in range(12)]
LESSONS += [again(taught, f"A quite different word{i} for topic{i}?") for i, taught in enumerate(LESSONS[:4])]
OWNER = "host:1"


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Workshop:
    """A cycle with everything around it."""

    cycle: Cycle
    store: SqlStore
    files: AdapterFiles
    clock: Clock

    def request(self, id: str = "run-1", place: Place | None = PLACE) -> RunId:
        run = Run(id=RunId(id), slot=id, requested_by="slack:U1", requested_at=self.clock(), place=place)
        assert self.store.run_sync(lambda unit: unit.runs.request(run))
        return run.id

    def run(self, id: str = "run-1") -> Run:
        found = self.store.run_sync(lambda unit: unit.runs.get(RunId(id)))
        assert found is not None
        return found

    def deploy(self, adapter: Adapter) -> None:
        def add_and_deploy(unit: Unit) -> None:
            unit.adapters.add(adapter)
            unit.adapters.deploy(Deployment(Move.PROMOTE, adapter.id, "test", NOW))

        self.store.run_sync(add_and_deploy)

    @property
    def live(self) -> AdapterId | None:
        return self.store.run_sync(lambda unit: serving_stack(unit.adapters.history())[-1])

    @property
    def adapters(self) -> list[Adapter]:
        return list(self.store.run_sync(lambda unit: unit.adapters.all()))

    @property
    def notices(self) -> list[Notice]:
        waiting = self.store.run_sync(lambda unit: unit.outbox.undelivered())
        return [each for each in waiting if isinstance(each, Notice)]

    @property
    def folders(self) -> list[str]:
        root = self.files.folder(AdapterId("x")).parent
        return sorted(path.name for path in root.iterdir()) if root.is_dir() else []


def open_workshop(folder: Path, base: BaseModel) -> Workshop:
    store = open_store(folder)
    store.run_sync(lambda unit: keep(unit, *LESSONS))
    files, clock = AdapterFiles(folder / "adapters", base.sha256), Clock()
    cycle = Cycle(
        store=store, adapter_store=files, base=base, recipe=RECIPE, starter=None, work_dir=folder / "training",
        precision="auto", encoder=None, memory_mb=8_000, threads=1, minutes=0, clock=clock,
        trying=Trying(Policy(), ENGLISH, files, clock),
    )  # fmt: skip
    return Workshop(cycle, store, files, clock)


def previous(id: str = "adapter-0") -> Adapter:
    return Adapter(
        id=AdapterId(id), number=1, run=RunId("run-0"), base_model="tiny", base_sha256="tiny-sha256",
        weights_sha256="w", dataset_sha256="d", lessons=(), recipe={}, created_at=NOW,
    )  # fmt: skip


def promoting(*judged: Any) -> Verdict:
    """What `decide` is given. A model of random weights improves nothing, so the gate is told to open."""
    return Verdict(Decision.PROMOTED, ("It is better.",), decide(*judged).evaluation)


def assert_failed(workshop: Workshop, report: Report | None, *said: str) -> None:
    """The run is closed in words, nothing new is published, the live adapter and all lessons stay."""
    assert report is not None
    assert report.decision is Decision.FAILED
    reason = " ".join(report.reasons)
    for part in said:
        assert part in reason
    assert workshop.run().report == report
    assert workshop.run().state is RunState.DONE
    assert workshop.live == "adapter-0"
    assert [adapter.id for adapter in workshop.adapters] == ["adapter-0"]
    assert workshop.folders in (["adapter-0"], [])
    (notice,) = workshop.notices
    assert reason in notice.text
    assert "no lesson is lost" in notice.text
    assert {each.id for each in workshop.store.run_sync(lambda unit: unit.lessons.all())} == {
        each.id for each in LESSONS
    }


@dataclass
class QuickTrainer:
    """Leaves a ready adapter, and scores that differ by `gain`."""

    ready: Path
    gain: float = 0.0
    fails_with: Exception | None = None
    spec: Spec | None = None
    says: list[str] | None = None
    left_out: int = 0
    says_again: str | None = None
    """Repeats this when it is asked for it."""

    async def __call__(self, spec: Spec, on_progress: process.OnProgress) -> Outcome:
        self.spec = spec
        if not await on_progress(Progress("Training", 1, 1, 0.0)):
            raise process.LostRun("Another process has taken this run over.")
        if self.fails_with is not None:
            raise self.fails_with
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            shutil.copy(self.ready / name, spec.out)
        champion = [Score(item["fact"], Kind(item["kind"]), 0.2) for item in spec.judge]
        gains = {Kind.GENERAL: 0.0}
        challenger = [replace(s, value=s.value + gains.get(s.kind, self.gain)) for s in champion]
        said = self.says or [
            item["answer"] if item["answer"] == self.says_again else f"Something{i} of its own{i}."
            for i, item in enumerate(spec.asked)
        ]
        return Outcome(champion, challenger, said, Setup(), training_s=20.0, judging_s=10.0, left_out=self.left_out)
