"""How long things are kept, by kind. 0 days: for ever."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.opting_out import shed
from bot.ports import Unit

LAST_PURGE = "retention_last_purge"


@dataclass(frozen=True, kw_only=True)
class Retention:
    messages_days: int = 0
    """What came in and went out, and the turns of conversations."""
    answers_days: int = 0
    """The bot's answers with their ratings: what can be corrected, explained, and trained away from."""
    withdrawn_days: int = 0
    """Lessons that were taken back."""

    def purge_daily(self, unit: Unit, now: datetime) -> dict[str, int] | None:
        """Remove what is too old, once a day; how many rows of each kind, None when it was done today already."""
        today = now.date().isoformat()
        if unit.flags.get(LAST_PURGE) == today:
            return None
        unit.flags.set(LAST_PURGE, today)
        return self.purge(unit, now)

    def purge(self, unit: Unit, now: datetime) -> dict[str, int]:
        """Remove what is older than its days, and what is kept of those who opted out. What is still to be worked off
        or delivered stays."""
        purges = (
            ("messages", self.messages_days, unit.persons.purge_messages),
            ("answers", self.answers_days, unit.persons.purge_answers),
            ("withdrawn lessons", self.withdrawn_days, unit.persons.purge_withdrawn),
        )
        removed = {kind: purge(now - timedelta(days=days)) for kind, days, purge in purges if days}
        if gone := shed(unit, now):
            removed["rows of who opted out"] = gone
        return removed
