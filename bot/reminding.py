"""Calls the agents again for hand-offs that nobody has taken."""

import asyncio
from dataclasses import dataclass

from bot.handing_off import HandingOff
from bot.ports import Clock, Store, Unit

EVERY_S = 30.0


@dataclass(frozen=True)
class Reminding:
    store: Store
    handing_off: HandingOff
    clock: Clock
    news: asyncio.Event
    """Set whenever there is something new to deliver."""

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> int:
        """How many reminders were put on their way."""

        def remind(unit: Unit) -> int:
            outgoing = self.handing_off.remind(unit, self.clock())
            for each in outgoing:
                unit.outbox.add(each)
            return len(outgoing)

        sent = await self.store.run(remind)
        if sent:
            self.news.set()
        return sent
