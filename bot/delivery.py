"""The way out. What is to be said stands in the outbox until its platform has taken it."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from bot.answers import PostedAnswer
from bot.errors import DatabaseHeld, DeliveryFailed, OperatorError, TransientError
from bot.events import MessageRef
from bot.ids import AnswerId, OutgoingId
from bot.outgoing import AnswerEdit, AnswerPost, Outgoing
from bot.people import Person, Platform
from bot.personal import PLACEHOLDER
from bot.ports import Connector, Store, Unit

Answered = TypeVar("Answered", AnswerPost, AnswerEdit)

MAX_ATTEMPTS = 8
"""Of a message that its platform refuses: three minutes, in which somebody may mend what is wrong with its place."""
PATIENCE = 100
"""Attempts while a platform is away, or takes nothing at all from the bot: more than an hour and a half."""
MAX_WAIT_S = 60.0

Fill = Callable[[str, str, Person], str]
"""A text, its conversation, and who reads it → the text with what the reader wrote in place of placeholders."""
OnFailure = Callable[[Outgoing, Exception], None]


@dataclass
class Delivery:
    """Delivers in order within a place. Where one failed or a platform is slow, it waits; elsewhere it goes on."""

    store: Store
    connectors: Mapping[Platform, Connector]
    news: asyncio.Event
    on_failure: OnFailure
    on_given_up: Callable[[Unit, Outgoing], None]
    """What becomes of a message that is given up, in the same transaction."""
    on_delivered: Callable[[Outgoing], None]
    fill: Fill = lambda text, conversation, reader: text
    clock: Callable[[], float] = time.monotonic
    """Seconds, from wherever."""
    _closed_until: dict[str, float] = field(default_factory=dict)
    """Channels in which a platform has asked to wait."""
    _beginning: asyncio.Lock = field(default_factory=asyncio.Lock)
    _busy: dict[str, asyncio.Task[float | None]] = field(default_factory=dict)
    """Places that are being delivered to: a second one at the same would post the same message twice."""
    _again: set[str] = field(default_factory=set)
    """Busy places for which there is more."""
    _due: dict[str, float] = field(default_factory=dict)
    """When a place is tried again where a message failed: news of other places don't use up its attempts."""
    _taken: dict[OutgoingId, MessageRef | None] = field(default_factory=dict)
    """What a platform has taken and the store couldn't mark yet: it is marked, and not sent again."""
    _edits: dict[OutgoingId, str] = field(default_factory=dict)
    """In whose turn edits wait, by place; it stays the same until they are delivered."""
    _problem: BaseException | None = None

    async def run(self) -> None:
        """Deliver whenever there is news, until cancelled. Raises what the store raises; to be run again then."""
        try:
            while True:
                self.news.clear()
                if self._problem is not None:
                    problem, self._problem = self._problem, None
                    raise problem
                await self._begin(only_due=True)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(MAX_WAIT_S):
                        await self.news.wait()
        except asyncio.CancelledError:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)
            raise

    async def sweep(self) -> float:
        """Try all that is undelivered once; the seconds after which another try makes sense."""
        while True:
            is_all = await self._begin(only_due=False)
            waits = await asyncio.gather(*self._busy.values())
            if is_all:
                return min((wait_s for wait_s in waits if wait_s is not None), default=MAX_WAIT_S)

    async def _begin(self, *, only_due: bool) -> bool:
        """Start on every place for which something waits; whether none was busy.

        What is read of a place that was busy meanwhile may have been posted since.
        """
        async with self._beginning:
            busy = set(self._busy)
            by_place = self._by_place(await self.store.run(lambda unit: unit.outbox.undelivered()))
            mine = {place: queue for place, queue in by_place.items() if queue[0].place.platform in self.connectors}
            busy |= self._busy.keys()
            later = {place for place, due in self._due.items() if due > self.clock()} if only_due else set()
            for place in mine.keys() - busy - later:
                self._due.pop(place, None)
                task = self._busy[place] = asyncio.create_task(self._deliver_in_order(mine[place]))
                task.add_done_callback(partial(self._ended, place))
            self._again |= mine.keys() & busy
            if mine.keys() & busy - self._busy.keys():  # one has ended in between
                self.news.set()
            return not mine.keys() & busy

    def _by_place(self, waiting: Sequence[Outgoing]) -> dict[str, list[Outgoing]]:
        """An answer that opens a thread stands in another place once it is posted: an edit that was made since waits
        for those of before."""
        queues: dict[str, list[Outgoing]] = {}
        edits: dict[OutgoingId, str] = {}
        of_answer: dict[AnswerId, str] = {}
        for outgoing in waiting:
            place = outgoing.place.key
            if isinstance(outgoing, AnswerEdit):
                place = self._edits.get(outgoing.id) or of_answer.get(outgoing.of, place)
                edits[outgoing.id] = of_answer[outgoing.of] = place
            queues.setdefault(place, []).append(outgoing)
        self._edits = edits
        return queues

    def _ended(self, place: str, task: asyncio.Task[float | None]) -> None:
        del self._busy[place]
        is_more = place in self._again
        self._again.discard(place)
        if task.cancelled():
            return
        self._problem = task.exception() or self._problem
        wait_s = None if task.exception() is not None else task.result()
        if wait_s is not None:
            self._due[place] = self.clock() + wait_s
        if wait_s is not None or is_more or task.exception() is not None:
            asyncio.get_running_loop().call_later(wait_s or 0.0, self.news.set)

    async def _deliver_in_order(self, queue: list[Outgoing]) -> float | None:
        """None when all is delivered; else the seconds after which another try makes sense."""
        newest = {_card(each): each.id for each in queue if isinstance(each, AnswerEdit)}
        for outgoing in queue:
            if isinstance(outgoing, AnswerEdit) and newest[_card(outgoing)] != outgoing.id:
                await self.store.run(partial(_delivered, outgoing=outgoing, message=None))  # a later one says it all
                continue
            if (wait_s := self._closed_until.get(_channel(outgoing), 0.0) - self.clock()) > 0:
                return wait_s
            try:
                if outgoing.id not in self._taken:
                    self._taken[outgoing.id] = await self._deliver(outgoing)
            except Exception as problem:  # a connector's own bug must not stop the others' messages
                return await self._failed(outgoing, problem)
            await self._mark(partial(_delivered, outgoing=outgoing, message=self._taken[outgoing.id]))
            del self._taken[outgoing.id]
            self.on_delivered(outgoing)
        return None

    async def _mark(self, marked: Callable[[Unit], None]) -> None:
        """Ahead, together with others: the place's next message waits for it. But it is in no hurry to give up."""
        try:
            await self.store.run(marked, ahead=True)
        except DatabaseHeld:
            await self.store.run(marked)

    async def _deliver(self, outgoing: Outgoing) -> MessageRef | None:
        """An edit goes to wherever its answer stands by now; one that never came to stand anywhere needs no edit."""
        if isinstance(outgoing, AnswerEdit):
            of = outgoing.of
            posted = await self.store.run(lambda unit: unit.answers.get(of))
            if posted is None or posted.message is None:
                return None
            outgoing = self._filled(replace(outgoing, message=posted.message), posted)
        elif isinstance(outgoing, AnswerPost) and PLACEHOLDER.search(outgoing.answer.text):
            wanted = outgoing.answer.id
            outgoing = self._filled(outgoing, await self.store.run(lambda unit: unit.answers.get(wanted)))
        return await self.connectors[outgoing.place.platform].deliver(outgoing)

    def _filled(self, outgoing: Answered, posted: PostedAnswer | None) -> Answered:
        """As the one who asked may read it, where they asked. What is kept has placeholders."""
        if posted is None or posted.place != outgoing.place:
            return outgoing
        text = self.fill(outgoing.answer.text, outgoing.place.key, posted.asker)
        return replace(outgoing, answer=replace(outgoing.answer, text=text))

    async def _failed(self, outgoing: Outgoing, problem: Exception) -> float:
        asked = problem.retry_after_s if isinstance(problem, DeliveryFailed) else None
        if asked is not None:  # before anything is awaited: the other places of the channel are at it, too
            self._closed_until[_channel(outgoing)] = self.clock() + asked
        self.on_failure(outgoing, problem)
        reason = f"{type(problem).__name__}: {problem}"
        attempts = await self.store.run(lambda unit: unit.outbox.failed(outgoing.id, reason))
        if attempts >= _most_attempts(problem):
            await self.store.run(lambda unit: self._give_up(unit, outgoing, reason))
            return 0.0
        return min(2.0**attempts, MAX_WAIT_S) if asked is None else asked

    def _give_up(self, unit: Unit, outgoing: Outgoing, reason: str) -> None:
        unit.outbox.park(outgoing.id, reason)
        self.on_given_up(unit, outgoing)


def _most_attempts(problem: Exception) -> int:
    """What passes by itself is waited for, and what the operator has to mend for all messages, too. What is wrong with
    this message or its place holds up those behind it for nothing."""
    return PATIENCE if isinstance(problem, TransientError | OperatorError) else MAX_ATTEMPTS


def _card(edit: AnswerEdit) -> tuple[AnswerId, AnswerId]:
    return edit.of, edit.answer.id


def _channel(outgoing: Outgoing) -> str:
    return "/".join((outgoing.place.platform, outgoing.place.workspace, outgoing.place.channel))


def _delivered(unit: Unit, outgoing: Outgoing, message: MessageRef | None) -> None:
    unit.outbox.delivered(outgoing.id, message)
