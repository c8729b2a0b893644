"""A platform's history in memory: what was said there, whether or not the bot heard of it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.events import Event, MessagePosted, Place
from bot.history import Seen, Standing
from bot.people import Person


@dataclass
class FakeArchive:
    places: list[Place] = field(default_factory=list)
    said: list[Event] = field(default_factory=list)
    standing: list[Standing] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)
    """By id: who they turn out to be."""
    failures: list[Exception] = field(default_factory=list)
    """What to raise at the next looks, one each."""
    looks: list[tuple[Place, datetime]] = field(default_factory=list)

    async def channels(self) -> Sequence[Place]:
        return self.places

    async def look(self, place: Place, since: datetime, read_until: datetime) -> AsyncIterator[Seen]:
        self.looks.append((place, since))
        if self.failures:
            raise self.failures.pop(0)
        for event in self.said:
            if event.place.channel == place.channel and event.at >= since:
                yield event
        for each in self.standing:
            if each.message.channel == place.channel:
                yield each

    async def identify(self, person: Person, place: Place) -> Person:
        return self.people.get(person.id, person)

    def forget(self, message: MessagePosted) -> None:
        self.said.remove(message)
