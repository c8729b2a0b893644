"""What an event may see: what was taught in its workspace, and what all share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.events import CommandGiven, Event
from bot.ids import Tenant
from bot.policy import Policy
from bot.ports import Effect, Store, Unit

T = TypeVar("T")


@dataclass(frozen=True)
class Looking:
    store: Store
    policy: Policy

    async def look(self, event: Event, work: Callable[[Unit], T]) -> T:
        """Look something up before the effect."""
        return await self.store.run(lambda unit: work(self.through(unit, event)))

    def within(self, event: Event, effect: Effect) -> Effect:
        """The effect with the same eyes."""
        return lambda unit: effect(self.through(unit, event))

    def through(self, unit: Unit, event: Event) -> Unit:
        """What it may see within an effect that has begun."""
        return unit.within(self._seen(event))

    def _seen(self, event: Event) -> Tenant | None:
        is_command = isinstance(event, CommandGiven)
        return self.policy.shown(event.place) if is_command else self.policy.within(event.place)
