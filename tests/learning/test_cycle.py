"""One turn of the slow loop, from the request to the closed report, on a tiny model. The trainer is the real process,
except where a test is about what happens around it."""

import asyncio
import errno
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from peft import PeftModel
from structlog.testing import capture_logs
from transformers import AutoModelForCausalLM

from bot.events import Place
from bot.feedback import facts_of
from bot.ids import AdapterId, RunId
from bot.lineage import Adapter, Decision, Deployment, Move, Progress, Report, Run, RunState, serving_stack
from bot.outgoing import Notice
from bot.people import Platform
from bot.ports import Unit
from bot.texts import ENGLISH
from learning import cycle as cycle_module
from learning import process
from learning.cycle import LEASE_S, MAX_ATTEMPTS, Cycle
from learning.dataset import MIN_LESSONS, build
from learning.evaluation import Score
from learning.examples import Kind
from learning.models import BaseModel
from learning.planning import Work, plan, remember_speed
from learning.process import Outcome
from learning.promotion import Verdict, decide
from learning.recipe import Recipe, Setup
from learning.trainer import Spec
from storage.adapter_files import AdapterFiles
from storage.database import SqlStore
from tests.learning.adapters import make_adapter, tiny_base
from tests.learning.samples import NOW, again, keep, lesson
from tests.tiny_model import make_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it

PLACE = Place(Platform.SLACK, "T1", "C1", "100.1")
RECIPE = Recipe(epochs=1, rank=4, max_tokens=160)
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
    store = SqlStore(f"sqlite:///{folder / 'mentee.db'}")
    store.migrate()
    store.run_sync(lambda unit: keep(unit, *LESSONS))
    files, clock = AdapterFiles(folder / "adapters", base.sha256), Clock()
    cycle = Cycle(
        store=store, adapter_store=files, base=base, recipe=RECIPE, starter=None, work_dir=folder / "training",
        precision="auto", memory_mb=8_000, threads=1, minutes=0, clock=clock, texts=ENGLISH,
    )  # fmt: skip
    return Workshop(cycle, store, files, clock)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tiny_base(make_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture
def workshop(tmp_path: Path, base: BaseModel) -> Iterator[Workshop]:
    opened = open_workshop(tmp_path, base)
    yield opened
    opened.store.close()


def previous(id: str = "adapter-0") -> Adapter:
    return Adapter(
        id=AdapterId(id), number=1, run=RunId("run-0"), base_model="tiny", base_sha256="tiny-sha256",
        weights_sha256="w", dataset_sha256="d", lessons=(), recipe={}, created_at=NOW,
    )  # fmt: skip


def promoting(champion: list[Score], challenger: list[Score], looks: int) -> Verdict:
    """A model of random weights improves nothing, so the gate is told to open."""
    return Verdict(Decision.PROMOTED, ("It is better.",), decide(champion, challenger, looks).evaluation)


# --- the whole turn, with the real trainer --------------------------------------------------------------------------


@dataclass
class Story:
    workshop: Workshop
    report: Report
    progress: list[Progress]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, base: BaseModel) -> Iterator[Story]:
    """A run that is promoted, because the gate is told so."""
    workshop = open_workshop(tmp_path_factory.mktemp("story"), base)
    progress: list[Progress] = []

    async def watch(now: Progress) -> None:
        progress.append(now)

    workshop.request()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cycle_module, "decide", promoting)
        report = asyncio.run(workshop.cycle.run_next(OWNER, watch))
    assert report is not None
    yield Story(workshop, report, progress)
    workshop.store.close()


def test_the_run_is_closed_with_what_came_of_it(story: Story) -> None:
    run = story.workshop.run("run-1")
    assert run.state is RunState.DONE
    assert run.report == story.report
    assert (story.report.decision, story.report.adapter, story.report.reasons) == (
        Decision.PROMOTED, "v1", ("It is better.",),
    )  # fmt: skip
    assert story.report.evaluation is not None
    assert {measure.name for measure in story.report.evaluation.measures} == {"answers", "recall", "reading", "general"}
    assert story.report.seconds > 0


def test_the_adapter_has_its_whole_lineage(story: Story) -> None:
    adapter = story.workshop.adapters[0]
    unit_facts = story.workshop.store.run_sync(lambda unit: facts_of(unit.lessons.all(), unit.lessons.phrasings()))
    dataset = build(unit_facts, [], RECIPE.seed)
    assert (adapter.number, adapter.run, adapter.base_model, adapter.base_sha256) == (1, "run-1", "tiny", "tiny-sha256")
    assert adapter.dataset_sha256 == dataset.sha256
    assert adapter.lessons == dataset.lessons
    assert story.report.lessons == len(dataset.lessons)
    setup = {"threads": 1, "processes": 1, "precision": "fp32", "recompute": False}
    assert adapter.recipe == asdict(RECIPE) | setup | {"tokens_at_once": adapter.recipe["tokens_at_once"]}


def test_the_folder_verifies_loads_and_tells_where_it_comes_from(story: Story, base: BaseModel) -> None:
    adapter, folder = story.workshop.adapters[0], story.workshop.files.folder(story.workshop.adapters[0].id)
    story.workshop.files.verify(adapter.id)
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base.folder), str(folder))
    changed = [p for name, p in loaded.named_parameters() if "lora_B" in name and bool(p.abs().max() > 0)]
    assert changed
    assert loaded.peft_config["default"].base_model_name_or_path == "tiny"
    assert str(base.folder) not in "".join(path.read_text() for path in folder.glob("*.json"))
    card = (folder / "README.md").read_text()
    for told in ("Mentee v1", adapter.id, adapter.run, base.sha256, adapter.dataset_sha256, *adapter.lessons):
        assert told in card


def test_the_promoted_one_is_deployed_by_the_run(story: Story) -> None:
    (deployment,) = story.workshop.store.run_sync(lambda unit: unit.adapters.history())
    assert (deployment.move, deployment.by) == (Move.PROMOTE, "run:run-1")
    assert deployment.adapter == story.workshop.adapters[0].id == story.workshop.live
    assert deployment.reason == "It is better."


def test_who_asked_in_chat_is_told_and_the_schedule_is_not(story: Story) -> None:
    (notice,) = story.workshop.notices
    assert notice.place == PLACE
    assert "v1 was promoted" in notice.text
    assert "It is better." in notice.text


def test_progress_is_told_and_kept(story: Story) -> None:
    stages = list(dict.fromkeys(progress.stage for progress in story.progress))
    assert [stage for stage in stages if stage != "Starting"] == [
        "Training", "Judging the new adapter", "Judging the present one",
    ]  # fmt: skip
    last = {progress.stage: progress for progress in story.progress}
    assert all(progress.done == progress.total for stage, progress in last.items() if stage != "Starting")
    kept = story.workshop.run("run-1").progress
    assert kept is not None
    assert kept.stage == "Judging the present one"


@pytest.mark.slow
async def test_the_same_lessons_make_the_same_weights_and_the_real_gate_keeps_them_from_going_live(
    story: Story,
) -> None:
    """The champion is the live adapter now, so the challenger is its equal."""
    workshop = story.workshop
    workshop.request("run-2", place=None)
    report = await workshop.cycle.run_next(OWNER)
    assert report is not None
    assert (report.decision, report.adapter) == (Decision.REJECTED, "v2")
    assert report.evaluation is not None
    assert all(measure.champion == measure.challenger for measure in report.evaluation.measures)
    one, two = workshop.adapters
    assert one.weights_sha256 == two.weights_sha256
    assert workshop.live == one.id


# --- what breaks ----------------------------------------------------------------------------------------------------


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


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, base: BaseModel) -> Path:
    """The folder of an adapter that was published before."""
    files = AdapterFiles(tmp_path_factory.mktemp("ready"), base.sha256)
    return files.folder(make_adapter(files, base, "adapter-0", seed=5))


@pytest.fixture
def with_live(workshop: Workshop, ready: Path) -> Workshop:
    shutil.copytree(ready, workshop.files.folder(AdapterId("adapter-0")))
    workshop.deploy(previous())
    workshop.request()
    return workshop


async def test_too_little_memory_is_told_with_the_setting(with_live: Workshop) -> None:
    cycle = replace(with_live.cycle, memory_mb=100)
    assert_failed(with_live, await cycle.run_next(OWNER), "limit of 100 MB", "MENTEE_TRAINING_MEMORY_MB")


class NoSpaceForConfig(AdapterFiles):
    """The trainer meets a full disk when it saves the adapter."""

    def stage(self, adapter: AdapterId) -> Path:
        staged = super().stage(adapter)
        (staged / "adapter_config.json").symlink_to("/dev/full")
        return staged


@pytest.mark.slow
async def test_a_disk_that_is_full_for_the_trainer_is_told(with_live: Workshop, base: BaseModel) -> None:
    files = NoSpaceForConfig(with_live.files.folder(AdapterId("x")).parent, base.sha256)
    cycle = replace(with_live.cycle, adapter_store=files)
    assert_failed(with_live, await cycle.run_next(OWNER), "The disk is full at", "retrain")


@pytest.fixture
async def pids(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[int]]:
    """Of the training processes that were started. The parent hears of them every few milliseconds."""
    started: list[int] = []
    start = asyncio.create_subprocess_exec

    async def start_and_note(*command: str, **options: object) -> asyncio.subprocess.Process:
        child = await start(*command, **options)  # type: ignore[arg-type]
        started.append(child.pid)
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_and_note)
    monkeypatch.setattr(process, "BEAT_S", 0.05)
    yield started
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)  # none is left behind


async def test_a_killed_trainer_closes_the_run_in_words(with_live: Workshop, pids: list[int]) -> None:
    async def kill(_: Progress) -> None:
        os.kill(pids[0], signal.SIGKILL)

    assert_failed(with_live, await with_live.cycle.run_next(OWNER, kill), "killed from outside", "retrain")


async def test_a_run_that_another_process_took_over_is_let_go_of(with_live: Workshop, pids: list[int]) -> None:
    async def take_over(_: Progress) -> None:
        with_live.clock.now += timedelta(seconds=LEASE_S + 1)
        assert with_live.store.run_sync(lambda unit: unit.runs.claim("heir", with_live.clock(), LEASE_S)) is not None

    assert await with_live.cycle.run_next(OWNER, take_over) is None
    run = with_live.run()
    assert (run.state, run.attempts, run.report) == (RunState.RUNNING, 2, None)
    assert with_live.folders == ["adapter-0"]
    assert with_live.notices == []


async def test_a_cancelled_run_leaves_no_process_and_is_taken_up_again(with_live: Workshop, pids: list[int]) -> None:
    begun = asyncio.Event()

    async def note(_: Progress) -> None:
        begun.set()

    running = asyncio.create_task(with_live.cycle.run_next(OWNER, note))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert with_live.folders == ["adapter-0"]
    assert with_live.run().state is RunState.RUNNING
    later = with_live.clock() + timedelta(seconds=LEASE_S + 1)
    assert with_live.store.run_sync(lambda unit: unit.runs.claim(OWNER, later, LEASE_S)) is not None


# --- around the trainer: it is quick here and always delivers -------------------------------------------------------


@dataclass
class QuickTrainer:
    """Leaves a ready adapter, and scores that differ by `gain`."""

    ready: Path
    gain: float = 0.0
    fails_with: Exception | None = None
    spec: Spec | None = None

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
        return Outcome(champion, challenger, Setup(), training_s=20.0, judging_s=10.0)


@pytest.fixture
def trainer(with_live: Workshop, monkeypatch: pytest.MonkeyPatch) -> QuickTrainer:
    quick = QuickTrainer(with_live.files.folder(AdapterId("adapter-0")))
    monkeypatch.setattr(cycle_module, "train_and_judge", quick)
    return quick


async def test_the_gate_decides_what_goes_live(with_live: Workshop, trainer: QuickTrainer) -> None:
    with_live.store.run_sync(lambda unit: keep(unit, *map(lesson, range(20, 60))))  # enough to judge by
    rejected = await with_live.cycle.run_next(OWNER)
    assert rejected is not None
    assert (rejected.decision, rejected.adapter) == (Decision.REJECTED, "v2")
    assert with_live.live == "adapter-0"
    with_live.files.verify(with_live.adapters[-1].id)  # kept: an admin may look at it, and promote it by hand
    with_live.request("run-2")
    trainer.gain = 0.5
    promoted = await with_live.cycle.run_next(OWNER)
    assert promoted is not None
    assert (promoted.decision, promoted.adapter) == (Decision.PROMOTED, "v3")
    assert with_live.live == with_live.adapters[-1].id
    assert [notice.text[:1] for notice in with_live.notices] == ["A", "✅"]
    confidences = [report.evaluation.confidence for report in (rejected, promoted) if report.evaluation is not None]
    assert confidences == [pytest.approx(1 - 0.05 / 2), pytest.approx(1 - 0.05 / 6)]  # each is a look


async def test_the_champion_is_the_live_adapter(with_live: Workshop, trainer: QuickTrainer) -> None:
    await with_live.cycle.run_next(OWNER)
    assert trainer.spec is not None
    assert trainer.spec.champion == str(with_live.files.folder(AdapterId("adapter-0")))


async def test_nothing_requested_is_nothing_done(workshop: Workshop) -> None:
    assert await workshop.cycle.run_next(OWNER) is None


async def test_a_run_that_is_alive_elsewhere_is_left_alone(with_live: Workshop) -> None:
    with_live.store.run_sync(lambda unit: unit.runs.claim("other", with_live.clock(), LEASE_S))
    assert await with_live.cycle.run_next(OWNER) is None
    assert with_live.run().attempts == 1


async def test_too_few_lessons_are_refused_before_anything_is_trained(
    with_live: Workshop, trainer: QuickTrainer
) -> None:
    def withdraw(unit: Unit) -> None:
        for each in LESSONS[MIN_LESSONS - 1 :]:
            unit.lessons.withdraw(each.id, NOW)

    with_live.store.run_sync(withdraw)
    report = await with_live.cycle.run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.REFUSED
    assert trainer.spec is None
    assert report.reasons == (
        f"There are {MIN_LESSONS - 1} lessons, and {MIN_LESSONS} are needed before training makes sense.",
    )
    (notice,) = with_live.notices
    assert notice.text.startswith("Nothing was trained: There are")
    assert (with_live.folders, with_live.live) == (["adapter-0"], "adapter-0")


class NoSpaceAtPublish(AdapterFiles):
    def publish(self, adapter: AdapterId, staged: Path, base_sha256: str) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(staged))


class NoSpaceAtStage(AdapterFiles):
    def stage(self, adapter: AdapterId) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder(adapter)))


@pytest.mark.parametrize("broken", [NoSpaceAtPublish, NoSpaceAtStage])
async def test_a_disk_that_is_full_around_the_training_is_told(
    with_live: Workshop, trainer: QuickTrainer, base: BaseModel, broken: type[AdapterFiles]
) -> None:
    files = broken(with_live.files.folder(AdapterId("x")).parent, base.sha256)
    cycle = replace(with_live.cycle, adapter_store=files)
    assert_failed(with_live, await cycle.run_next(OWNER), os.strerror(errno.ENOSPC), "Make room", "retrain")


@pytest.mark.parametrize("problem", [KeyError("value"), RuntimeError("odd"), ValueError("strange")])
async def test_even_a_surprise_closes_the_run(with_live: Workshop, trainer: QuickTrainer, problem: Exception) -> None:
    trainer.fails_with = problem
    with capture_logs() as logs:
        report = await with_live.cycle.run_next(OWNER)
    assert_failed(with_live, report, type(problem).__name__, "See the log")
    assert [(entry["event"], entry["run"]) for entry in logs] == [("retraining broke", "run-1")]


async def test_a_process_given_up_for_dead_can_not_publish(
    with_live: Workshop, trainer: QuickTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken over after its last sign of life: only closing the run can tell."""

    def take_over(champion: list[Score], challenger: list[Score], looks: int) -> Verdict:
        later = with_live.clock() + timedelta(seconds=LEASE_S + 1)
        assert with_live.store.run_sync(lambda unit: unit.runs.claim("heir", later, LEASE_S)) is not None
        return promoting(champion, challenger, looks)

    monkeypatch.setattr(cycle_module, "decide", take_over)
    assert await with_live.cycle.run_next(OWNER) is None
    assert with_live.run().report is None
    assert (with_live.live, with_live.folders, with_live.notices) == ("adapter-0", ["adapter-0"], [])
    assert len(with_live.adapters) == 1


async def test_a_run_whose_processes_died_is_tried_again_and_then_closed_in_words(
    with_live: Workshop, trainer: QuickTrainer
) -> None:
    for _ in range(MAX_ATTEMPTS):
        claimed = with_live.store.run_sync(lambda unit: unit.runs.claim("dead", with_live.clock(), LEASE_S))
        assert claimed is not None
        with_live.clock.now += timedelta(seconds=LEASE_S + 1)
    report = await with_live.cycle.run_next(OWNER)
    assert trainer.spec is None
    assert_failed(with_live, report, f"died {MAX_ATTEMPTS} times", "See the log, then retrain.")


async def test_after_fewer_deaths_it_is_seen_through(with_live: Workshop, trainer: QuickTrainer) -> None:
    with_live.store.run_sync(lambda unit: unit.runs.claim("dead", with_live.clock(), LEASE_S))
    with_live.clock.now += timedelta(seconds=LEASE_S + 1)
    report = await with_live.cycle.run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.REJECTED
    assert with_live.run().attempts == 2


async def test_a_live_adapter_that_is_refused_is_judged_as_what_answers_in_its_place(
    with_live: Workshop, trainer: QuickTrainer
) -> None:
    shutil.rmtree(with_live.files.folder(AdapterId("adapter-0")))
    trainer.fails_with = RuntimeError("far enough")
    await with_live.cycle.run_next(OWNER)
    assert trainer.spec is not None
    assert trainer.spec.champion is None


async def test_the_next_estimate_is_made_from_what_a_run_took(with_live: Workshop, trainer: QuickTrainer) -> None:
    def minutes(unit: Unit) -> float:
        return plan(unit, RECIPE, "tiny").minutes

    assert with_live.store.run_sync(minutes) * 60 != pytest.approx(30.0)
    await with_live.cycle.run_next(OWNER)
    assert with_live.store.run_sync(minutes) * 60 == pytest.approx(30.0)


# --- the budget -----------------------------------------------------------------------------------------------------


async def test_a_run_that_would_take_too_long_is_refused_before_it_starts(
    with_live: Workshop, trainer: QuickTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No training has run on this machine yet, so it is measured first."""

    async def measure(spec: Spec, on_progress: process.OnProgress) -> tuple[float, float]:
        assert spec.train
        assert await on_progress(Progress("Starting", 0, 1))
        return 500.0, 100.0

    monkeypatch.setattr(cycle_module, "measure", measure)
    report = await replace(with_live.cycle, minutes=5).run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.REFUSED
    assert report.reasons[0].startswith("It would take about 10 minutes, and MENTEE_TRAINING_MINUTES allows 5.")
    assert trainer.spec is None
    with_live.request("run-2")
    report = await replace(with_live.cycle, minutes=11).run_next(OWNER)
    assert report is not None
    assert report.decision is Decision.REJECTED


async def test_a_training_that_overruns_its_minutes_is_ended_in_words(
    with_live: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(spec: Spec, on_progress: process.OnProgress) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(cycle_module, "train_and_judge", endless)
    monkeypatch.setattr(cycle_module, "OVERRUN", 1e-6)
    with_live.store.run_sync(lambda unit: remember_speed(unit, RECIPE, "tiny", Work(1e9, 1e9), 1.0, 1.0))
    report = await replace(with_live.cycle, minutes=1).run_next(OWNER)
    assert_failed(with_live, report, "since MENTEE_TRAINING_MINUTES is 1.", "then retrain")


# --- taken up again -------------------------------------------------------------------------------------------------


async def test_a_run_that_is_taken_up_again_finds_what_it_had_kept_and_leaves_nothing(
    with_live: Workshop, trainer: QuickTrainer
) -> None:
    work = with_live.cycle.work_dir
    (work / "run-long-closed").mkdir(parents=True)
    trainer.fails_with = process.LostRun("Training was stopped from outside.")
    assert await with_live.cycle.run_next(OWNER) is None
    (work / "run-1" / "checkpoint.safetensors").write_text("kept")
    with_live.clock.now += timedelta(seconds=LEASE_S + 1)
    trainer.fails_with = None
    found: list[str] = []

    async def watch(_: Progress) -> None:
        found.extend(path.name for path in (work / "run-1").iterdir())

    report = await with_live.cycle.run_next(OWNER, watch)
    assert report is not None
    assert (report.decision, with_live.run().attempts) == (Decision.REJECTED, 2)
    assert found == ["checkpoint.safetensors"]
    assert list(work.iterdir()) == []
