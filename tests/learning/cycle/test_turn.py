"""One turn of the slow loop, from the request to the closed report, with the real trainer."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import pytest
from peft import PeftModel
from transformers import AutoModelForCausalLM

from bot.feedback import facts_of
from bot.lineage import Decision, Move, Progress, Report, RunState
from learning import cycle as cycle_module
from learning.dataset import build
from learning.models import BaseModel
from tests.learning.cycle.workshop import OWNER, PLACE, RECIPE, Workshop, open_workshop, promoting
from tests.learning.model_cache import CACHE, needs

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


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
        "Training", "Judging the new adapter", "Asking the new adapter", "Judging the present one",
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


@needs("all-mpnet-base-v2")
async def test_with_memorys_encoder_questions_are_made_up_first(workshop: Workshop) -> None:
    told: list[str] = []

    async def watch(now: Progress) -> None:
        told.append(now.stage)

    workshop.request()
    recipe, encoder = replace(RECIPE, imagined=3.0), CACHE / "all-mpnet-base-v2"
    report = await replace(workshop.cycle, recipe=recipe, encoder=encoder).run_next(OWNER, watch)
    assert report is not None
    assert report.adapter == "v1"
    stages = list(dict.fromkeys(told))
    assert stages.index("Making up questions") < stages.index("Training")
