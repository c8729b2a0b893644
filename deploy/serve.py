"""The running bot: every part in one process, until it is told to stop."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from bot.errors import MenteeError, OperatorError, SettingError
from bot.lineage import Deployment
from bot.ports import Unit
from bot.trying import trial_of
from connectors.web.listening import listen
from deploy import metrics
from deploy.connections import make_connectors
from deploy.erasing import finish_erasures
from deploy.loading import papers_folder
from deploy.parts import Kept, Models, cleaning, make_cycle, open_kept, open_models
from deploy.settings import Settings
from deploy.uploads import Uploads
from deploy.wiring import Bot, put_together, utc_now
from learning.cycle import Cycle
from learning.scheduling import Scheduling, parse_schedule
from learning.sources.ingest import Options, ingest
from learning.sources.watching import Watching

log = structlog.get_logger()

DEMO = (Path(__file__).parent / "demo" / "help", Path(__file__).parent / "demo" / "faq.csv")
ENGINE_LOOKS_EVERY_S = 0.25
TRAINER_LOOKS_EVERY_S = 2.0
INBOX_LOOKS_EVERY_S = 60.0
ERASURE_LOOKS_EVERY_S = 15.0
RESTART_AFTER_S = 10.0


async def serve(settings: Settings, *, demo: bool) -> None:
    """Answer until SIGINT or SIGTERM. With `demo`, an empty knowledge base gets the demo product's."""
    schedule = parse_schedule(settings.retrain_schedule)
    listen(settings.web_host, settings.web_port).close()  # said at once, not after the models are loaded
    with open_kept(settings) as kept, open_models(kept) as models:
        kept.adapter_files.sweep()
        if demo:
            await load_demo(kept)
        parts = replace(models.parts, library=Uploads(kept))
        bot = put_together(parts, lambda desk: list(make_connectors(settings, desk)))
        people = await kept.store.run(lambda unit: unit.persons.known())
        bot.desk.meet(name for person in people for name in person.names)
        cycle = make_cycle(kept, models.base, models.memory)
        scheduling = Scheduling(
            store=kept.store,
            clock=utc_now,
            trigger=schedule,
            after_lessons=settings.retrain_after_lessons,
            retention=settings.retention(),
            of=models.parts.policy.common,
        )
        await asyncio.gather(models.engine.refresh(), models.memory.refresh())
        log.info("ready", page=f"http://{settings.web_host}:{settings.web_port}")
        running = asyncio.create_task(run_side_by_side(bot, models, cycle, scheduling))
        erasing = asyncio.create_task(keep_up("erasures", partial(_finish_erasures, kept, bot)))
        watching = asyncio.create_task(keep_up("watched folders", partial(_watch, kept)))
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await running
        erasing.cancel()
        watching.cancel()
        await let_go()


async def let_go() -> None:
    """Give up what is being answered right now, so that stopping takes no longer for a large model. Nothing is lost:
    the events are on disk, and taken up at the next start."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def load_demo(kept: Kept) -> None:
    """Load the demo product's help pages and FAQ, unless the bot knows something already."""
    status = await kept.store.run(kept.commands.status)
    if status.facts == 0 and status.sections == 0:
        report = await ingest(DEMO, kept.store, Options(cleaning(kept.settings), folder=papers_folder(kept)))
        log.info("demo knowledge loaded", sections=report.sections, facts=report.facts)


async def run_side_by_side(bot: Bot, models: Models, cycle: Cycle, scheduling: Scheduling) -> None:
    """Everything that goes on at the same time, until cancelled. Raises OperatorError when no connection is left."""
    async with asyncio.TaskGroup() as group:
        behind = group.create_task(run_behind(bot, models, cycle, scheduling))
        await asyncio.gather(*(keep_up(each.platform, each.run) for each in bot.connectors.values()))
        behind.cancel()
    raise OperatorError("Nothing is connected. Mend what the log names above, then start again.")


async def run_behind(bot: Bot, models: Models, cycle: Cycle, scheduling: Scheduling) -> None:
    """All that goes on behind the connections, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_up("delivery", bot.delivery.run))
        group.create_task(keep_up("reporting", bot.reporting.run))
        group.create_task(keep_up("reminding", bot.reminding.run))
        group.create_task(keep_up("trial", bot.watching.run))
        group.create_task(keep_up("comparing", bot.comparing.run))
        group.create_task(keep_up("amending", bot.amending.run))
        group.create_task(keep_up("sweeping", bot.sweeping.run))
        group.create_task(keep_up("scheduling", scheduling.run))
        group.create_task(keep_up("engine", partial(_follow_deployments, models)))
        group.create_task(keep_up("trainer", partial(_train_on_request, bot, cycle)))
        group.create_task(keep_up("inbox", partial(_work_off_inbox, bot)))


async def keep_up(part: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a part, and run it again when it breaks, whatever it was: a network that is away, a disk that is full.

    One that only the operator can mend stays down and says so; the others go on.
    """
    while True:
        try:
            await run()
            return
        except SettingError as problem:
            metrics.failed(problem)
            log.error("part is down", part=part, remedy=str(problem))
            return
        except MenteeError as problem:
            metrics.failed(problem)
            log.error("part broke", part=part, remedy=str(problem))
        except Exception as problem:  # its message may quote a token
            metrics.failed(problem)
            log.error("part broke", part=part, error=type(problem).__name__)
        await asyncio.sleep(RESTART_AFTER_S)


async def _follow_deployments(models: Models) -> None:
    """Swap adapters when a promotion or rollback was written, by this process or another."""
    common = models.parts.policy.common

    def common_trial(unit: Unit) -> Deployment | None:
        return trial_of(unit.within(common))

    while True:
        before = models.engine.serving
        await models.engine.refresh()
        if models.engine.serving != before:
            metrics.swapped()
        trial = await models.parts.store.run(common_trial)
        await models.engine.prepare(trial.adapter if trial is not None else None)
        await asyncio.sleep(ENGINE_LOOKS_EVERY_S)


async def _train_on_request(bot: Bot, cycle: Cycle) -> None:
    owner = f"{socket.gethostname()}:{os.getpid()}"
    while True:
        report = await cycle.run_next(owner)
        if report is not None:
            log.info("retraining ended", decision=report.decision, adapter=report.adapter, seconds=report.seconds)
            bot.news.set()
        await asyncio.sleep(TRAINER_LOOKS_EVERY_S)


async def _watch(kept: Kept) -> None:
    folders = [Path(folder) for folder in sorted(kept.settings.watch)]
    if folders:
        separate = kept.settings.separate
        options = Options(cleaning(kept.settings), folder=papers_folder(kept), separate=separate)
        await Watching(folders, kept.store, options).run()


async def _finish_erasures(kept: Kept, bot: Bot) -> None:
    """Remove what lies outside of the database of those who were forgotten."""
    while True:
        for certificate in await finish_erasures(kept):
            bot.desk.let_go_of_values()
            log.info("somebody was forgotten", certificate=certificate.id, folders=certificate.folders)
        await asyncio.sleep(ERASURE_LOOKS_EVERY_S)


async def _work_off_inbox(bot: Bot) -> None:
    """Take up what an earlier process left, and what a failing disk kept from being worked off."""
    while True:
        await bot.intake.resume()
        await asyncio.sleep(INBOX_LOOKS_EVERY_S)
