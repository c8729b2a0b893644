"""A bot in a process of its own: the product's own wiring, database and sockets, with quick stand-ins for the models.

It is forked from a process that has everything imported, so that it can be killed and started several times a second.
Pauses that are minutes in the product are fractions of a second here; nothing else is changed.
"""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bot import intake
from bot.generation import Generation
from bot.texts import ENGLISH
from deploy import serve
from deploy.connections import make_connectors
from deploy.logs import set_up_logs
from deploy.parts import Kept, open_kept, personal_data, planner
from deploy.settings import Settings
from deploy.wiring import Parts, put_together
from learning.rightness import is_right
from learning.scheduling import Scheduling
from tests.chaos.mutants import seed
from tests.fakes.generator import FakeGenerator
from tests.fakes.knowledge import LexicalKnowledge
from tests.processes import FORKSERVER

SECRET = "signing-secret"
AGENT = "U0ANA"
POISON = "poison"
"""A question with this word in it kills whatever process works on it."""
SLOW_S = 0.3
"""How long an answer from the help pages takes to write."""


@dataclass(frozen=True)
class Start:
    """How a bot is to be started."""

    folder: Path
    database_url: str
    slack_url: str
    slack_port: int
    page_port: int
    mutant: str = ""
    """The name of a seeded bug."""
    clock_s: float = 0.0
    """How far its clock is off."""
    gate: Path | None = None
    """It begins when this file is there."""
    slow: bool = False

    def process(self) -> ForkServerProcess:
        child = FORKSERVER.Process(target=main, args=(self,), daemon=True)
        child.start()
        return child

    @property
    def settings(self) -> Settings:
        return Settings.model_validate(
            {
                "data_dir": self.folder, "database_url": self.database_url, "web_port": self.page_port,
                "slack_bot_token": "xoxb-1", "slack_mode": "http", "slack_signing_secret": SECRET,
                "slack_http_port": self.slack_port, "slack_api_url": self.slack_url, "agents": [AGENT],
                "trust_from": 0, "lessons_an_hour": 0, "asks_a_minute": 0, "history_hours": 0, "log_json": True,
                "retrain_after_lessons": 0, "handoff_remind_minutes": 0,  # where the clock jumps, every hand-off is old
            }
        )  # fmt: skip


def main(start: Start) -> None:
    _wait_for(start.gate)
    os.chdir(start.folder)
    log = (start.folder / "log.jsonl").open("a", buffering=1)
    sys.stderr = log
    set_up_logs(start.settings)
    serve.INBOX_LOOKS_EVERY_S, serve.RESTART_AFTER_S, intake.BACKOFF_S = 0.5, 0.2, 0.02
    _shift_clock(start.clock_s)
    seed(start.mutant)
    with open_kept(start.settings) as kept:
        asyncio.run(_serve(start, kept))


async def _serve(start: Start, kept: Kept) -> None:
    clock = Clock(timedelta(seconds=start.clock_s))
    parts = Parts(
        store=kept.store, knowledge=LexicalKnowledge(kept.store), generator=Generator(is_slow=start.slow),
        is_right=is_right,
        planner=planner(kept.settings), adapter_store=kept.adapter_files, policy=kept.settings.policy(),
        texts=ENGLISH, personal_data=personal_data(kept.settings), clock=clock,
    )  # fmt: skip
    bot = put_together(parts, lambda desk: list(make_connectors(kept.settings, desk)))
    models = SimpleNamespace(engine=SimpleNamespace(refresh=_nothing, prepare=_nothing, serving=None), parts=parts)
    cycle = SimpleNamespace(run_next=_nothing)
    scheduling = Scheduling(
        store=kept.store, clock=clock, trigger=None, after_lessons=0, retention=kept.settings.retention()
    )
    await serve.run_side_by_side(bot, cast(Any, models), cast(Any, cycle), scheduling)


async def _nothing(*_: object) -> None:
    """What has no model has nothing to load and nothing to train."""


@dataclass
class Generator(FakeGenerator):
    """Copies the help text, as one that reads well would."""

    is_slow: bool = False

    async def generate(self, messages: Any, *given: Any, **named: Any) -> Generation:
        if self.is_slow:
            await asyncio.sleep(SLOW_S)
        if POISON in messages[-1].content:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().generate(messages, *given, **named)


@dataclass(frozen=True)
class Clock:
    shift: timedelta

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift


def _shift_clock(seconds: float) -> None:
    """For everything that asks the time module: the ids carry their time."""
    if seconds:
        right, right_ns = time.time, time.time_ns
        time.time = lambda: right() + seconds
        time.time_ns = lambda: right_ns() + int(seconds * 1e9)


def _wait_for(gate: Path | None) -> None:
    while gate is not None and not gate.exists():
        time.sleep(0.005)
