"""A desk for connectors that hears of edits and deletions before it hears of what was posted."""

from dataclasses import dataclass, field
from typing import Any

from bot.desk import Desk
from bot.events import Event, MessagePosted


@dataclass
class LatePosts:
    desk: Desk
    kept_back: dict[str, MessagePosted] = field(default_factory=dict)
    """By the message; Slack tells of a mention twice."""
    heard: list[Event] = field(default_factory=list)

    async def receive(self, event: Event) -> bool:
        if isinstance(event, MessagePosted):
            self.kept_back[event.message.id] = event
            return True
        self.heard.append(event)
        return await self.desk.receive(event)

    async def let_through(self) -> None:
        for event in self.kept_back.values():
            await self.desk.receive(event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.desk, name)
