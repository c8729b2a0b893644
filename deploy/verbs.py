"""The operator's verbs that need a model: ask, teach, retrain, starter. Each opens what it needs and lets go of it."""

import asyncio
import os
import shutil
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.answers import Answer
from bot.feedback import Lesson
from bot.ids import SHARED, Tenant, new_id
from bot.lineage import Evaluation, Progress, Report, RetrainPlan
from bot.people import OPERATOR
from bot.retraining import planned
from deploy.parts import Kept, make_cycle, make_memory, open_models, recipe, say_stage
from deploy.settings import Settings
from deploy.wiring import put_together
from learning.planning import known_speed

Watch = Callable[[Progress], Awaitable[None]]
FOLLOW_EVERY_S = 1.0
DEMO = Path(__file__).with_name("demo")


async def ask(
    kept: Kept, text: str, on_text: Callable[[str], None] | None, tenant: Tenant = SHARED
) -> tuple[Answer, str | None]:
    """The answer, and the name of the adapter that wrote it."""
    with open_models(kept) as models:
        bot = put_together(models.parts)
        answer = await bot.desk.ask(text, on_text, tenant)
    adapter = answer.adapter
    if adapter is None:
        return answer, None
    known = await kept.store.run(lambda unit: unit.adapters.get(adapter))
    return answer, known.name if known is not None else None


async def teach(kept: Kept, question: str, answer: str, tenant: Tenant = SHARED) -> Lesson:
    with open_models(kept) as models:
        return await put_together(models.parts).desk.teach(question, answer, tenant)


async def plan(kept: Kept) -> RetrainPlan:
    """What a retraining would do. Measures this machine when no training has run on it yet: about a minute."""
    settings = kept.settings
    told = await planned(kept.store, kept.commands.plan)
    speed = await kept.store.run(lambda unit: known_speed(unit, recipe(settings), settings.base_model))
    if told.refusals or speed is not None:
        return told
    from learning.models import resolve_base_model

    base = resolve_base_model(settings.base_model, settings.cache_dir, say_stage)
    say_stage(Progress("Measuring how fast this machine trains, once", 0, 1))
    await make_cycle(kept, base, make_memory(kept)).measure()
    return await planned(kept.store, kept.commands.plan)


async def retrain(kept: Kept, watch: Watch) -> Report:
    """Request a run and see it through, in this process or by watching the running bot do it."""
    from learning.models import resolve_base_model

    base = resolve_base_model(kept.settings.base_model, kept.settings.cache_dir, say_stage)
    cycle = make_cycle(kept, base, make_memory(kept))
    owner = f"{socket.gethostname()}:{os.getpid()}"
    run = await kept.store.run(lambda unit: kept.commands.request_run(unit, f"cli:{new_id()}", OPERATOR, None))
    while True:
        await cycle.run_next(owner, watch)
        now = await kept.store.run(lambda unit: unit.runs.get(run.id))
        if now is not None and now.report is not None:
            return now.report
        if now is not None and now.progress is not None:
            await watch(now.progress)
        await asyncio.sleep(FOLLOW_EVERY_S)


async def make_starter(settings: Settings, out: Path | None, watch: Watch) -> tuple[Path, Evaluation]:
    """Where it lies, and how it reads beside the base model. Stopped and called again, it goes on where it was."""
    from learning.models import resolve_base_model
    from learning.starter.building import build
    from learning.starter.finding import built_in

    async def on_progress(progress: Progress) -> bool:
        await watch(progress)
        return True

    base = resolve_base_model(settings.base_model, settings.cache_dir, say_stage)
    folder = out or built_in(settings.cache_dir, base)
    work = settings.cache_dir / "starters" / f"unfinished-{base.sha256[:16]}"
    evaluation = await build(
        base, DEMO, folder, work, on_progress, precision=settings.training_precision,
        memory_mb=settings.training_memory_mb, threads=settings.training_threads,
    )  # fmt: skip
    shutil.rmtree(work)
    return folder, evaluation
