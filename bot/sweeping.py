"""History sweeps: what a platform has kept and the bot has not heard is looked up, and received like any event.

After each connection all of the look-back is read, now and then the last hour before the last sweep; and each time the
threads that the bot has talked in lately, however long ago they were opened. What is known already is recognised by the
platform's own ids; a reaction has none in a history, so that only a change of state counts as news. Deletions leave no
trace in a history, and are not found.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from bot.events import Event, MessagePosted, Place, Reacted
from bot.history import HISTORY_FROM, Standing, Watermark
from bot.ids import EventId, new_id
from bot.intake import Intake
from bot.people import Person, Platform, Role
from bot.policy import Policy
from bot.ports import Archive, Clock, Connector, Store, Unit

EVERY_S = 15 * 60.0
OVERLAP = timedelta(hours=1)
"""How much of what was looked at before is looked at again: what a platform shows late is found then."""
CLOCKS_DIFFER = timedelta(minutes=5)
AT_ONCE = 8
"""Missed events that are worked off side by side: more would crowd out those who ask now."""
PATIENCE_S = 120.0
MOST_THREADS = 100
"""Those talked in last: Slack tells of replies thread by thread, and lets its archive read 40 a minute."""

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What came of looking at a channel, or of trying to."""

    platform: Platform
    place: Place | None = None
    found: int = 0
    unseen: timedelta = timedelta()
    """How much time between the last look and the look-back stays in the dark."""
    problem: Exception | None = None


@dataclass
class Sweeping:
    store: Store
    receive: Callable[[Event], Awaitable[bool]]
    intake: Intake
    connectors: Mapping[Platform, Connector]
    policy: Policy
    clock: Clock
    gap: asyncio.Event
    """Set whenever a connection was made: something may have been missed before."""
    tell: Callable[[Swept], None]
    _new_from: dict[str, datetime] = field(default_factory=dict)
    """From when on something is due where there is no watermark yet, by platform and by channel. The first look may
    fail; what is missed until one comes through is found all the same, as long as this process lives."""
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _handing_over: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Workspaces are read side by side, and what they missed is handed over in turn."""

    async def run(self) -> None:
        """Sweep after every connection and now and then, until cancelled."""
        while self.policy.look_back:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self.gap.wait()
            was_gap = self.gap.is_set()
            self.gap.clear()
            await self.sweep(is_gap=was_gap)

    async def sweep(self, *, is_gap: bool = True) -> int:
        """Look at everything once; how many missed events there were. A platform that can't be read is told of.

        Platforms, and their workspaces, are read side by side: each of them may ask to wait.
        """
        async with self._one_at_a_time:
            archives = [(platform, connector.archive) for platform, connector in self.connectors.items()]
            looks = [self._try(platform, archive, is_gap) for platform, archive in archives if archive is not None]
            return sum(await asyncio.gather(*looks))

    async def _try(self, platform: Platform, archive: Archive, is_gap: bool) -> int:
        try:
            return await self._platform(platform, archive, is_gap)
        except Exception as problem:  # the next sweep looks at the same again
            self.tell(Swept(platform=platform, problem=problem))
            return 0

    async def _platform(self, platform: Platform, archive: Archive, is_gap: bool) -> int:
        started = self.clock()
        began = self._new_from.setdefault(platform, started)
        listed = await archive.channels()

        def look(unit: Unit) -> tuple[Sequence[Place], Mapping[str, Watermark], str | None]:
            recent = unit.conversations.recent(platform, started - self.policy.look_back)
            return recent, unit.watermarks.of(platform), unit.flags.get(HISTORY_FROM)

        recent, marks, floor = await self.store.run(look)
        direct = [place for place in recent if place.is_direct and place.thread is None]
        channels = {place.key: place for place in (*listed, *direct)}
        threads: dict[str, list[str]] = {}
        for place in [place for place in recent if place.thread is not None][:MOST_THREADS]:
            threads.setdefault(replace(place, thread=None).key, []).append(place.thread or "")
        # Met since the last sweep: somebody may have asked there since. On a platform that is new, nothing is due.
        met = min((mark.until for mark in marks.values()), default=began)

        async def workspace(places: Sequence[Place]) -> int:
            found = 0
            for place in places:
                if (mark := marks.get(place.key)) is None:
                    new_from = self._new_from.setdefault(place.key, met)
                    mark = Watermark(new_from, new_from)
                if floor is not None:
                    mark = replace(mark, first=max(mark.first, datetime.fromisoformat(floor)))
                found += await self._channel(archive, place, mark, started, is_gap, threads.get(place.key, ()))
            return found

        found = await _all_of([workspace(places) for places in _by_workspace(channels.values())])
        if marks:  # it isn't new
            del self._new_from[platform]
        await self.store.run(lambda unit: unit.watermarks.keep_only(platform, channels))
        return found

    async def _channel(
        self, archive: Archive, place: Place, mark: Watermark, started: datetime, is_gap: bool,
        threads: Collection[str],
    ) -> int:  # fmt: skip
        """Read it, and move its watermark once everything that was missed is on disk."""
        farthest = started - self.policy.look_back
        since = max(mark.first, farthest if is_gap else mark.until - OVERLAP)
        try:
            seen = [each async for each in archive.look(place, since, mark.until, threads)]
            events = sorted((each for each in seen if not isinstance(each, Standing)), key=lambda event: event.at)
            found = await self._take(archive, events)
            found += await self._take_reactions(archive, [each for each in seen if isinstance(each, Standing)], started)
        except Exception as problem:  # one channel that can't be read must not cost the others
            self.tell(Swept(platform=place.platform, place=place, problem=problem))
            return 0
        until = Watermark(mark.first, started - CLOCKS_DIFFER)
        await self.store.run(lambda unit: unit.watermarks.put(place, until))
        self._new_from.pop(place.key, None)
        unseen = max(farthest - mark.until, timedelta())
        if found or unseen:
            self.tell(Swept(platform=place.platform, place=place, found=found, unseen=unseen))
        return found

    # --- messages --------------------------------------------------------------------------------------------------

    async def _take(self, archive: Archive, events: Sequence[Event]) -> int:
        known = await self.store.run(lambda unit: unit.inbox.known([event.id for event in events]))
        fresh = [event for event in events if event.id not in known]
        wanted = {event.place.key for event in fresh}
        about = [await _identified(archive, event) for event in events if event.place.key in wanted]
        missed = [event for event in about if event.id not in known and not self._is_with_people(event, about)]
        return await self._receive_all(missed)

    def _is_with_people(self, event: Event, events: Iterable[Event]) -> bool:
        """An agent has spoken in the thread since: the bot came too late, and stays out of it."""
        if not isinstance(event, MessagePosted) or event.place.is_direct:
            return False
        later = (each for each in events if isinstance(each, MessagePosted) and each.at > event.at)
        agents = (each for each in later if self.policy.staff.role_of(each.person) >= Role.AGENT)
        return any(each.place.key == event.place.key for each in agents)

    async def _receive_all(self, events: Sequence[Event]) -> int:
        """Hand them over, a few at a time; how many were news."""
        found = 0
        async with self._handing_over:
            for i, event in enumerate(events, 1):
                found += await self.receive(event)
                if i % AT_ONCE == 0:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(PATIENCE_S):
                            await self.intake.idle()
        return found

    # --- reactions -------------------------------------------------------------------------------------------------

    async def _take_reactions(self, archive: Archive, standing: Sequence[Standing], started: datetime) -> int:
        kept = await self.store.run(lambda unit: unit.inbox.reactions([each.message for each in standing]))
        news = [event for each in standing for event in self._news(each, kept.get(each.message.key, ()), started)]
        found = [await _identified(archive, event) for event in news]
        return await self._receive_all([each for each in found if each.reply is None or self._may_mark(each)])

    def _may_mark(self, event: Reacted) -> bool:
        return self.policy.may_mark(event.person)

    def _news(self, standing: Standing, kept: Sequence[Reacted], started: datetime) -> list[Reacted]:
        """What was added and taken away unheard. What was heard of just now may be newer than the history."""
        latest = {(event.emoji, event.person.id): event for event in kept}
        settled = {key for key, event in latest.items() if event.at < started - CLOCKS_DIFFER}
        heard = {key for key, event in latest.items() if event.added}
        meant = self.policy.emoji.keys() if standing.reply is None else self.policy.marks
        there = {key for key in standing.by if key[0] in meant}
        added = {key for key in there - heard if key in settled or key not in latest}
        gone = {key for key in (heard - there) & settled if key[0] not in standing.partial}
        return [
            *(_reacted(standing, *key, started, added=True) for key in sorted(added)),
            *(_reacted(standing, *key, started, added=False) for key in sorted(gone)),
        ]


def _by_workspace(places: Iterable[Place]) -> Iterable[list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in places:
        found.setdefault(place.workspace, []).append(place)
    return found.values()


async def _all_of(looks: Sequence[Awaitable[int]]) -> int:
    """Their sum, once all have ended. Raises what one has raised."""
    ended = await asyncio.gather(*looks, return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    return sum(each for each in ended if not isinstance(each, BaseException))


async def _identified(archive: Archive, event: E) -> E:
    return replace(event, person=await archive.identify(event.person, event.place))


def _reacted(standing: Standing, emoji: str, person: str, at: datetime, *, added: bool) -> Reacted:
    platform = standing.place.platform
    return Reacted(
        id=EventId(f"{platform}:found:{new_id()}"), place=standing.place, person=Person(platform, person), at=at,
        message=standing.message, emoji=emoji, added=added, reply=standing.reply,
    )  # fmt: skip
