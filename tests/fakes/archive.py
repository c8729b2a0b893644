"""A platform's history in memory: what was said there, whether or not the bot heard of it."""

from collections.abc import AsyncIterator, Collection, Sequence
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
    threads: list[Collection[str]] = field(default_factory=list)
    """Which were asked for at each."""

    async def channels(self) -> Sequence[Place]:
        return self.places

    async def look(
        self, place: Place, since: datetime, read_until: datetime, threads: Collection[str] = ()
    ) -> AsyncIterator[Seen]:
        """As Slack's: of a thread that was opened before, what was said since is told if it is asked for."""
        self.looks.append((place, since))
        self.threads.append(threads)
        if self.failures:
            raise self.failures.pop(0)
        for event in self.said:
            is_listed = event.place.thread in threads or event.place.thread not in self._opened_before(since)
            if event.place.channel == place.channel and event.at >= since and is_listed:
                yield event
        for each in self.standing:
            if each.message.channel == place.channel:
                yield each

    async def identify(self, person: Person, place: Place) -> Person:
        return self.people.get(person.id, person)

    def _opened_before(self, since: datetime) -> set[str | None]:
        opened = [each for each in self.said if isinstance(each, MessagePosted) and each.opens_thread]
        return {each.place.thread for each in opened if each.at < since}

    def forget(self, message: MessagePosted) -> None:
        self.said.remove(message)
