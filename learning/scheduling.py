"""When to retrain. APScheduler says when something is due; a unique slot in the database decides that it is once.

What fell due while no process was up, or while another run or a trial was under way, is made up for afterwards, once.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.errors import SettingError
from bot.ids import RunId, Tenant, new_id
from bot.lineage import Run, RunState
from bot.ports import Clock, Store, Unit
from bot.retention import Retention
from bot.retraining import taught_since
from bot.trying import trial_of

log = structlog.get_logger()

LAST_LOOK = "schedule_last_look"
BY_SCHEDULE = "schedule"
LOOKS_EVERY_S = 5
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Intervals count from here, so that every process and every start sees the same due times."""


@dataclass(frozen=True, kw_only=True)
class Scheduling:
    store: Store
    clock: Clock
    trigger: BaseTrigger | None
    """From the settings; None: only "after N lessons"."""
    after_lessons: int
    """Request a run when so many lessons were taught since the last one, whatever came of that; 0: never."""
    retention: Retention = field(default_factory=Retention)
    of: Tenant | None = None
    """Whose lessons are trained on; None: everybody's."""

    async def run(self) -> None:
        """Watch until cancelled. The pauses don't hang on the machine's clock: one that is set back by a day stops
        APScheduler's own loop for that day."""
        while True:
            await self.look()
            await asyncio.sleep(LOOKS_EVERY_S)

    async def look(self) -> None:
        """Request what fell due since the last look, and remove what is too old, whichever process took it.

        Safe to call at any time.
        """
        await self.store.run(self._request_due)
        removed = await self.store.run(lambda unit: self.retention.purge_daily(unit, self.clock()))
        if removed and any(removed.values()):
            log.info("what was too old was removed", **{kind.replace(" ", "_"): n for kind, n in removed.items()})

    def _request_due(self, unit: Unit) -> None:
        now = self.clock()
        runs = unit.runs.latest()
        if any(run.state is not RunState.DONE for run in runs) or trial_of(unit.within(self.of)) is not None:
            return  # a newer adapter would take the place of the one on trial before anything is known of it
        said = unit.flags.get(LAST_LOOK)
        unit.flags.set(LAST_LOOK, now.isoformat())
        if said is not None and (due := self._due(datetime.fromisoformat(said), now)) is not None:
            _request(unit, f"schedule:{due.isoformat()}", now)
            return
        if self.after_lessons:
            taught = taught_since(unit.within(self.of), runs[0].requested_at if runs else EPOCH)
            if len(taught) >= self.after_lessons:
                _request(unit, f"lessons:{taught[-1].id}", now)

    def _due(self, last: datetime, now: datetime) -> datetime | None:
        """The newest due time in (last, now]; several that were missed make one run."""
        if self.trigger is None:
            return None
        newest, fire = None, self.trigger.get_next_fire_time(None, last)
        while fire is not None and fire <= now:
            newest, fire = fire, self.trigger.get_next_fire_time(fire, fire)
        return newest if newest is not None and newest > last else None


def parse_schedule(text: str) -> BaseTrigger | None:
    """ "" → None, "every 6h" / "every 30m" → interval, five fields → cron in UTC. Raises SettingError."""
    words = text.split()
    if not words:
        return None
    try:
        if words[0] == "every" and len(words) == 2:
            return IntervalTrigger(seconds=_seconds(words[1]), start_date=EPOCH, timezone="UTC")
        return CronTrigger.from_crontab(" ".join([*words[:4], *map(_weekdays, words[4:])]), timezone="UTC")
    except (KeyError, ValueError, OverflowError) as problem:
        raise SettingError(
            f"MENTEE_RETRAIN_SCHEDULE is {text!r}, which is neither a cron line such as '0 3 * * *' "
            "nor an interval such as 'every 6h'."
        ) from problem


def _weekdays(field: str) -> str:
    """cron's numbers as names: 0 and 7 are Sunday there, while APScheduler counts from Monday. Raises ValueError."""
    return ",".join(map(_weekdays_in, field.split(",")))


def _weekdays_in(part: str) -> str:
    """ "1-5/2" → "mon,wed,fri"; what has no number is left as it is."""
    days, _, step = part.partition("/")
    first, dash, last = days.partition("-")
    if not first.isdecimal():
        return part
    end = int(last) if dash else 7 if step else int(first)
    if not 0 <= int(first) <= end <= 7:
        raise ValueError(part)
    named = [WEEKDAYS[day % 7] for day in range(int(first), end + 1, int(step) if step else 1)]
    return ",".join(dict.fromkeys(named))


def _seconds(interval: str) -> int:
    """ "6h" → 21600. Raises KeyError or ValueError for what is no interval, or shorter than a look."""
    seconds = int(interval[:-1]) * {"m": 60, "h": 3600, "d": 86400}[interval[-1]]
    if seconds < LOOKS_EVERY_S:
        raise ValueError(interval)
    return seconds


def _request(unit: Unit, slot: str, now: datetime) -> None:
    unit.runs.request(Run(id=RunId(new_id()), slot=slot, requested_by=BY_SCHEDULE, requested_at=now))
