"""A bad network between a platform's connector and its peer, by seeded schedules of toxics. Knows no platform.

A few people ask while the way is spoilt in one way after the other, and one more when it is well again. Each must end
up with one reply, after sweeps of the history at the latest.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from structlog.testing import capture_logs

from bot.events import MessageRef
from bot.sweeping import Sweeping
from connectors.discord.finding import Finding
from connectors.slack.posting import Posting
from tests.chaos.mutants import seed as plant
from tests.chaos.proxy import Proxy, Toxic
from tests.chaos.tally import Tally
from tests.chaos.traffic import until_none
from tests.e2e.waiting import until
from tests.house import House

AT_ONCE = 18
"""Schedules side by side: nearly all of their time is waiting."""
TOXICS, LONGEST_S = 3, 3.0
"""In a row, and how long each lasts at most."""
QUESTIONS = 4
BY_ITSELF_S = 45.0
"""How long the last question is left to be found without a sweep that is asked for."""
LESS_S = 10.0
"""The same where a seeded bug is to be noticed: how soon doesn't matter then."""
MOST_SWEEPS = 2
LOOKS, LOOK_S = 50, 0.1


class Workplace(Protocol):
    """Where people ask, and the bot replies."""

    async def ask(self) -> None: ...

    def asked(self) -> list[str]:
        """The ids of the questions."""

    def replies(self) -> Counter[str]:
        """How many there are to each of them."""

    def place(self, question: str) -> MessageRef: ...


@dataclass
class Street:
    """One bot, one workplace, and the way between them."""

    peer: Workplace
    ways: Sequence[Proxy]
    """Where there are several, the same happens to all."""
    house: House
    rng: random.Random

    async def be_spoilt(self) -> None:
        for _ in range(TOXICS):
            self._set(self.rng.choice(list(Toxic)))
            await asyncio.sleep(self.rng.uniform(0.5, LONGEST_S))
        self._set(None)

    def _set(self, toxic: Toxic | None) -> None:
        for way in self.ways:
            way.set(toxic)

    async def ask(self, after_s: float = 0.0) -> None:
        """The workplace may wait long for the bot's word, so nobody waits for the workplace."""
        await asyncio.sleep(after_s)
        await self.peer.ask()

    async def look_at_the_screen(self) -> None:
        """What was taken a moment ago may not be shown yet."""
        for _ in range(LOOKS):
            if not self.unanswered():
                break
            await asyncio.sleep(LOOK_S)

    def is_answered(self, question: str) -> bool:
        asked = self.peer.place(question)
        return self.house.store.run_sync(lambda unit: unit.answers.to(asked)) is not None

    def last_is_answered(self) -> bool:
        asked = self.peer.asked()
        return len(asked) > QUESTIONS and bool(self.peer.replies()[max(asked)])

    def undelivered(self) -> int:
        """What is kept and not yet said. A word that can't be told comes at once, once the network is well."""
        return self.house.store.run_sync(lambda unit: len(unit.outbox.undelivered()) + len(unit.inbox.pending()))

    def unanswered(self) -> int:
        replies = self.peer.replies()
        return sum(not replies[question] for question in self.peer.asked())


Opening = Callable[[Path, random.Random], AbstractAsyncContextManager[Street]]


@contextmanager
def _quiet() -> Iterator[None]:
    """What bot and libraries tell of lines that are broken on purpose."""
    logging.disable()
    try:
        with capture_logs():
            yield
    finally:
        logging.disable(logging.NOTSET)


async def schedules(platform: str, opening: Opening, folder: Path, count: int, seed: int, mutant: str) -> Tally:
    """`count`: how many."""
    tally = Tally(
        f"a bad network between {platform} and the bot: each question gets one reply, none is lost or doubled"
    )
    waits: list[float] = []
    places, door = asyncio.Semaphore(AT_ONCE), asyncio.Lock()

    async def one(number: int) -> None:
        rng = random.Random(f"{seed}-{number}")
        async with places, AsyncExitStack() as stack:
            async with door:  # one after the other: to open one is all work, to run it is all waiting
                street = await stack.enter_async_context(opening(folder / str(number), rng))
            waits.append(await _schedule(street, tally, number, LESS_S if mutant else BY_ITSELF_S))

    with _planted(mutant), _quiet():
        await asyncio.gather(*(one(number) for number in range(count)))
    by_itself = [wait for wait in waits if wait < BY_ITSELF_S]
    tally.notes.append(
        f"{count} schedules of {TOXICS} toxics; once the network is well, a question is answered after "
        f"{max(by_itself, default=0.0):.0f} s at most, {len(waits) - len(by_itself)} only by a sweep"
    )
    return tally


async def _schedule(street: Street, tally: Tally, number: int, by_itself_s: float) -> float:
    """How long it took, from the network's end of trouble, until a question was answered."""
    moments = [street.rng.uniform(0.0, TOXICS * LONGEST_S / 2) for _ in range(QUESTIONS)]
    asking = [asyncio.create_task(street.ask(moment)) for moment in moments]
    await street.be_spoilt()
    since = time.monotonic()
    asking.append(asyncio.create_task(street.ask()))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(by_itself_s):
            await until(street.last_is_answered, "an answer")
    waited = time.monotonic() - since
    for _ in range(MOST_SWEEPS):
        if street.unanswered():
            await street.house.bot.sweeping.sweep()
            await street.house.settle()
    await until_none(street.undelivered)
    await street.look_at_the_screen()
    asked, replies = street.peer.asked(), street.peer.replies()
    for question in asked:
        answered = "answered" if street.is_answered(question) else "unheard"
        replied = replies[question]
        tally.check(replied == 1, f"schedule {number}: {replied} replies to a question that was {answered}")
    tally.check(len(asked) == QUESTIONS + 1, f"schedule {number}: {len(asked)} questions")
    for each in asking:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    return waited


@contextmanager
def _planted(mutant: str) -> Iterator[None]:
    """In this very process, so it is taken out again."""
    right = Posting._may_stand_there, Finding.may_stand_there, Sweeping._take
    plant(mutant)
    try:
        yield
    finally:
        Posting._may_stand_there, Finding.may_stand_there, Sweeping._take = right  # type: ignore[method-assign]
