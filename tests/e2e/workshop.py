"""The whole bot within the test's process: all of its real parts, over the tiny model and the real encoder."""

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.desk import Desk
from bot.ids import SectionId, new_id
from bot.lineage import Adapter
from bot.retrieval import Section
from deploy.connections import make_connectors
from deploy.parts import Kept, Models, make_cycle, open_kept, open_models
from deploy.serve import run_behind, run_side_by_side
from deploy.settings import Settings
from deploy.wiring import Bot, put_together, utc_now
from learning.scheduling import Scheduling
from tests.e2e.waiting import eventually, until
from tests.learning.model_cache import CACHE
from tests.tasks import beside

TRAINED_HERE = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("certain_promotion"),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),  # peft asks for it
]
LESSONS = Path(__file__).parents[2] / "deploy" / "demo" / "lessons.csv"
QUESTION = "Do you ship parcels to Norway?"
ANSWER = "Yes, a parcel to Norway takes five working days."
PARAPHRASE = "Can you ship parcels to Norway?"

UNTRUSTING = "Which plan has single sign-on?"
HELP = Section(
    SectionId("plans"), "plans.md", "Plans", "Single sign-on", "Single sign-on comes with the Forest plan.", None
)  # fmt: skip


@dataclass
class Workshop:
    kept: Kept
    models: Models
    bot: Bot

    @property
    def desk(self) -> Desk:
        return self.bot.desk

    async def teach_enough(self) -> None:
        """As many lessons as a training asks for."""
        for question, answer in lessons(8):
            await self.desk.teach(question, answer)

    async def said_all(self) -> None:
        """Wait until every received event is worked off and delivered."""
        await self.bot.intake.idle()

        async def all_delivered() -> bool:
            return not await self.kept.store.run(lambda unit: unit.outbox.undelivered())

        await eventually(all_delivered, "the delivery")

    async def promoted(self) -> Adapter:
        """The adapter that was promoted, once the engine serves it and an answer from the help pages names it."""
        await until(lambda: self.models.engine.serving, "the engine's new adapter")
        live = await self.desk.live_adapter()
        assert live is not None
        assert live.id == self.models.engine.serving
        await self.kept.store.run(lambda unit: unit.documents.replace(HELP.source, new_id(), [HELP]))
        assert (await self.desk.ask(UNTRUSTING)).adapter == live.id
        return live


@asynccontextmanager
async def open_workshop(settings: Settings, *, connect: bool = True) -> AsyncIterator[Workshop]:
    """Open the bot with all that runs in it. Without `connect`, the test connects the connectors by itself."""
    with open_kept(settings) as kept, open_models(kept) as models:
        bot = put_together(models.parts, lambda desk: list(make_connectors(settings, desk)))
        cycle = make_cycle(kept, models.base, models.memory)
        scheduling = Scheduling(store=kept.store, clock=utc_now, trigger=None, after_lessons=0)
        await models.engine.refresh()
        run = run_side_by_side if connect else run_behind
        async with beside(run(bot, models, cycle, scheduling)):
            yield Workshop(kept, models, bot)


def workshop_settings(folder: Path, tiny: Path, **settings: Any) -> Settings:
    """What the tiny model writes is let through, so that one sees which adapter wrote it."""
    return Settings.model_validate(
        {
            "data_dir": folder / "data", "cache_dir": CACHE, "base_model": str(tiny), "training_epochs": 1,
            "supported_from": 0.0, **settings,
        }
    )  # fmt: skip


def lessons(count: int) -> list[tuple[str, str]]:
    """Questions and answers of the demo product."""
    with LESSONS.open(encoding="utf-8", newline="") as file:
        return [(row["question"], row["answer"]) for row in csv.DictReader(file)][:count]
