"""The way out. What is to be said stands in the outbox until its platform has taken it."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from bot.answers import PostedAnswer
from bot.errors import DeliveryFailed, OperatorError, TransientError
from bot.events import MessageRef
from bot.ids import AnswerId
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
    """Delivers in order within a place. A place whose message failed waits, the others go on."""

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
    _sweeping: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Deliver whenever there is news, until cancelled."""
        while True:
            self.news.clear()
            wait_s = await self.sweep()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.news.wait()

    async def sweep(self) -> float:
        """Try all that is undelivered once; the seconds after which another try makes sense."""
        async with self._sweeping:  # two sweeps at a time would post the same message twice
            return await self._sweep()

    async def _sweep(self) -> float:
        waiting = await self.store.run(lambda unit: unit.outbox.undelivered())
        by_place: dict[str, list[Outgoing]] = {}
        for outgoing in waiting:
            if outgoing.place.platform in self.connectors:
                by_place.setdefault(outgoing.place.key, []).append(outgoing)
        waits = await asyncio.gather(*(self._deliver_in_order(queue) for queue in by_place.values()))
        return min(waits, default=MAX_WAIT_S)

    async def _deliver_in_order(self, queue: list[Outgoing]) -> float:
        newest = {_card(each): each.id for each in queue if isinstance(each, AnswerEdit)}
        for outgoing in queue:
            if isinstance(outgoing, AnswerEdit) and newest[_card(outgoing)] != outgoing.id:
                await self.store.run(partial(_delivered, outgoing=outgoing, message=None))  # a later one says it all
                continue
            if (wait_s := self._closed_until.get(_channel(outgoing), 0.0) - self.clock()) > 0:
                return wait_s
            try:
                message = await self._deliver(outgoing)
            except Exception as problem:  # a connector's own bug must not stop the others' messages
                return await self._failed(outgoing, problem)
            await self.store.run(partial(_delivered, outgoing=outgoing, message=message))
            self.on_delivered(outgoing)
        return MAX_WAIT_S

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
