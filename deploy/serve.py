"""The running bot: every part in one process, until it is told to stop."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import structlog

from bot.errors import MenteeError
from bot.ports import Connector
from deploy.connections import make_connectors
from deploy.parts import Kept, Models, make_cycle, open_kept, open_models
from deploy.settings import Settings
from deploy.wiring import Bot, put_together, utc_now
from learning.cycle import Cycle
from learning.scheduling import Scheduling, parse_schedule
from learning.sources.ingest import ingest

log = structlog.get_logger()

DEMO = (Path(__file__).parent / "demo" / "help", Path(__file__).parent / "demo" / "faq.csv")
ENGINE_LOOKS_EVERY_S = 0.25
TRAINER_LOOKS_EVERY_S = 2.0
INBOX_LOOKS_EVERY_S = 60.0
RESTART_CONNECTOR_AFTER_S = 10.0


async def serve(settings: Settings, *, demo: bool) -> None:
    """Answer until SIGINT or SIGTERM. With `demo`, an empty knowledge base gets the demo product's."""
    schedule = parse_schedule(settings.retrain_schedule)
    with open_kept(settings) as kept, open_models(kept) as models:
        kept.adapter_files.sweep()
        if demo:
            await load_demo(kept)
        bot = put_together(models.parts, lambda desk: list(make_connectors(settings, desk)))
        cycle = make_cycle(kept, models.base)
        scheduling = Scheduling(
            store=kept.store, clock=utc_now, trigger=schedule, after_lessons=settings.retrain_after_lessons
        )
        await asyncio.gather(models.engine.refresh(), models.memory.refresh())
        await _run_until_told(bot, models, cycle, scheduling)


async def load_demo(kept: Kept) -> None:
    """Load the demo product's help pages and FAQ, unless the bot knows something already."""
    status = await kept.store.run(kept.commands.status)
    if status.facts == 0 and status.sections == 0:
        report = await ingest(DEMO, kept.store)
        log.info("demo knowledge loaded", sections=report.sections, facts=report.facts)


async def _run_until_told(bot: Bot, models: Models, cycle: Cycle, scheduling: Scheduling) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [
            *(group.create_task(_keep_connected(connector)) for connector in bot.connectors.values()),
            group.create_task(bot.delivery.run()),
            group.create_task(bot.reporting.run()),
            group.create_task(scheduling.run()),
            group.create_task(_follow_deployments(models)),
            group.create_task(_train_on_request(bot, cycle)),
            group.create_task(_work_off_inbox(bot)),
        ]
        await stop.wait()
        for task in tasks:
            task.cancel()


async def _keep_connected(connector: Connector) -> None:
    """Run a connector, and run it again when it breaks. One that only the operator can mend stays down, and says so."""
    while True:
        try:
            await connector.run()
            return
        except MenteeError as problem:
            log.error("connector is down", platform=connector.platform, remedy=str(problem))
            return
        except Exception as problem:  # the others go on; its message may quote a token
            log.error("connector broke", platform=connector.platform, error=type(problem).__name__)
        await asyncio.sleep(RESTART_CONNECTOR_AFTER_S)


async def _follow_deployments(models: Models) -> None:
    """Swap adapters when a promotion or rollback was written, by this process or another."""
    while True:
        await models.engine.refresh()
        await asyncio.sleep(ENGINE_LOOKS_EVERY_S)


async def _train_on_request(bot: Bot, cycle: Cycle) -> None:
    owner = f"{socket.gethostname()}:{os.getpid()}"
    while True:
        report = await cycle.run_next(owner)
        if report is not None:
            log.info("retraining ended", decision=report.decision, adapter=report.adapter, seconds=report.seconds)
            bot.news.set()
        await asyncio.sleep(TRAINER_LOOKS_EVERY_S)


async def _work_off_inbox(bot: Bot) -> None:
    """Take up what an earlier process left, and what a failing disk kept from being worked off."""
    while True:
        await bot.intake.resume()
        await asyncio.sleep(INBOX_LOOKS_EVERY_S)
