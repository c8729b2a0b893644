"""When the agents are there: `Mo-Fr 09:00-17:00, Sa 10:00-14:00 Europe/Berlin`. Knows no holidays."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.errors import SettingError

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_SPAN = re.compile(r"(?P<first>[A-Z][a-z])(?:-(?P<last>[A-Z][a-z]))? (?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d)")


@dataclass(frozen=True)
class OpeningHours:
    spans: tuple[tuple[int, time, time], ...] = ()
    """Day of the week (0 is Monday), opening, closing; none at all: always open."""
    zone: str = "UTC"

    def is_open(self, at: datetime) -> bool:
        return not self.spans or any(opens <= at < closes for opens, closes in self._between(at, at))

    def open_time(self, since: datetime, until: datetime) -> timedelta:
        """How much of the time between the two was open."""
        if not self.spans:
            return until - since
        parts = (min(closes, until) - max(opens, since) for opens, closes in self._between(since, until))
        return sum((part for part in parts if part > timedelta()), timedelta())

    def _between(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        zone = ZoneInfo(self.zone)
        day, last = since.astimezone(zone).date(), until.astimezone(zone).date()
        while day <= last:
            for weekday, opens, closes in self.spans:
                if weekday == day.weekday():
                    yield _at(day, opens, zone), _at(day, closes, zone)
            day += timedelta(days=1)


ALWAYS_OPEN = OpeningHours()


def parse_opening_hours(text: str) -> OpeningHours:
    """Empty text is always open. Raises SettingError."""
    if not text.strip():
        return ALWAYS_OPEN
    hours, _, zone = text.strip().rpartition(" ")
    if ":" in zone:
        hours, zone = text.strip(), "UTC"
    try:
        ZoneInfo(zone)
        spans = tuple(span for part in hours.split(",") for span in _spans(part.strip()))
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingError(
            f"MENTEE_OPENING_HOURS is {text!r}. It takes days and times, as Mo-Fr 09:00-17:00, Sa 10:00-14:00, "
            "and a time zone at the end, as Europe/Berlin (UTC without one)."
        ) from None
    return OpeningHours(spans, zone)


def _spans(part: str) -> Iterator[tuple[int, time, time]]:
    found = _SPAN.fullmatch(part)
    if found is None:
        raise ValueError(part)
    first = DAYS.index(found["first"])
    last = DAYS.index(found["last"]) if found["last"] else first
    opens, closes = time.fromisoformat(found["opens"]), time.fromisoformat(found["closes"])
    if last < first or closes <= opens:
        raise ValueError(part)
    for day in range(first, last + 1):
        yield day, opens, closes


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """In UTC: times of one zone would be subtracted by the clock on the wall, which jumps twice a year."""
    return datetime.combine(day, clock, zone).astimezone(UTC)
