"""When to retrain. APScheduler is only the clock; a unique slot in the database decides who runs, and that it is once.

A slot that fell due while no process was up is made up for at the next start, once.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.errors import SettingError
from bot.feedback import LessonSource, facts_of
from bot.ids import RunId, new_id
from bot.lineage import Run, RunState, serving_stack
from bot.ports import Clock, Store, Unit

LAST_LOOK = "schedule_last_look"
BY_SCHEDULE = "schedule"
EVERY_MINUTE = 60


@dataclass(frozen=True, kw_only=True)
class Scheduling:
    store: Store
    clock: Clock
    trigger: BaseTrigger | None
    """From the settings; None: only "after N lessons"."""
    after_lessons: int
    """Request a run when so many lessons are new since the live adapter; 0: never."""

    async def run(self) -> None:
        """Watch until cancelled."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(self.look, IntervalTrigger(seconds=EVERY_MINUTE), max_instances=1, coalesce=True)
        scheduler.start()
        try:
            await self.look()
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)

    async def look(self) -> None:
        """Request what fell due since the last look, whichever process took it. Safe to call at any time."""
        await self.store.run(self._request_due)

    def _request_due(self, unit: Unit) -> None:
        now = self.clock()
        said = unit.flags.get(LAST_LOOK)
        unit.flags.set(LAST_LOOK, now.isoformat())
        if said is not None and (due := self._due(datetime.fromisoformat(said), now)) is not None:
            _request(unit, f"schedule:{due.isoformat()}", now)
        if self.after_lessons:
            self._request_after_lessons(unit, now)

    def _due(self, last: datetime, now: datetime) -> datetime | None:
        """The newest due time in (last, now]; several that were missed make one run."""
        if self.trigger is None:
            return None
        newest, fire = None, self.trigger.get_next_fire_time(None, last)
        while fire is not None and fire <= now:
            newest, fire = fire, self.trigger.get_next_fire_time(fire, fire)
        return newest if newest is not None and newest > last else None

    def _request_after_lessons(self, unit: Unit, now: datetime) -> None:
        live = serving_stack(unit.adapters.history())[-1]
        adapter = unit.adapters.get(live) if live is not None else None
        learned = set(adapter.lessons) if adapter is not None else set()
        facts = facts_of(unit.lessons.all(), unit.lessons.phrasings())
        taught = [fact.lesson.id for fact in facts if fact.lesson.source is not LessonSource.FAQ]
        new = sum(lesson not in learned for lesson in taught)
        if new >= self.after_lessons:
            # The count of all lessons moves on with each new one: a rejected challenger is not retried at once,
            # but after another N lessons.
            _request(unit, f"lessons:{live}:{len(taught) // self.after_lessons}", now)


def parse_schedule(text: str) -> BaseTrigger | None:
    """ "" → None, "every 6h" / "every 30m" → interval, five fields → cron in UTC. Raises SettingError."""
    words = text.split()
    if not words:
        return None
    try:
        if words[0] == "every" and len(words) == 2:
            unit = {"m": "minutes", "h": "hours", "d": "days"}[words[1][-1]]
            return IntervalTrigger(**{unit: int(words[1][:-1])}, timezone="UTC")
        return CronTrigger.from_crontab(text, timezone="UTC")
    except (KeyError, ValueError) as problem:
        raise SettingError(
            f"MENTEE_RETRAIN_SCHEDULE is {text!r}, which is neither a cron line such as '0 3 * * *' "
            "nor an interval such as 'every 6h'."
        ) from problem


def _request(unit: Unit, slot: str, now: datetime) -> None:
    if any(run.state is not RunState.DONE for run in unit.runs.latest()):
        return
    unit.runs.request(Run(id=RunId(new_id()), slot=slot, requested_by=BY_SCHEDULE, requested_at=now))
