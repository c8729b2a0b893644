"""A bad network between the Slack connector (Socket Mode, Web API) and its peer, by seeded schedules of toxics.

A few people ask while the way is spoilt in one way after the other, and one more when it is well again. Each must end
up with one reply, after sweeps of the history at the latest.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from structlog.testing import capture_logs

from bot.events import MessageRef
from bot.people import Platform
from bot.sweeping import Sweeping
from bot.texts import ENGLISH
from connectors.slack.config import SlackConfig
from connectors.slack.connector import SlackConnector
from connectors.slack.history import Budget
from connectors.slack.posting import Posting
from tests.chaos.front import front
from tests.chaos.mutants import seed as plant
from tests.chaos.proxy import Proxy, Toxic, proxy
from tests.chaos.tally import Tally
from tests.chaos.traffic import GROUNDED, HELP, until_none
from tests.connectors.slack import local_slack as peer
from tests.connectors.slack.local_slack import AGENTS_CHANNEL, BOT, CHANNEL, CUSTOMER, LocalSlack, local_slack
from tests.e2e.waiting import until
from tests.house import House, open_house

AT_ONCE = 12
"""Schedules side by side: nearly all of their time is waiting."""
TOXICS, LONGEST_S = 3, 3.0
"""In a row, and how long each lasts at most."""
QUESTIONS = 4
BY_ITSELF_S = 45.0
"""How long the last question is left to be found without a sweep that is asked for."""
MOST_SWEEPS = 2
LOOKS, LOOK_S = 50, 0.1
STAMP_S = 1.0
"""The peer stamps messages with whole seconds: one of the same second would seem to be older than the first look."""
TEAM = "T01STUDIO"


@dataclass
class Street:
    """One bot, one workspace, and the way between them."""

    slack: LocalSlack
    ways: Sequence[Proxy]
    """To the Web API and to the socket: the same happens to both."""
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
        """The workspace may wait long for the bot's word, so nobody waits for the workspace."""
        await asyncio.sleep(after_s)
        await self.slack.say(CUSTOMER, f"<@{BOT}> {GROUNDED}")

    def asked(self) -> list[str]:
        return [ts for ts, message in self.slack.messages.items() if message.get("user") == CUSTOMER]

    def replies(self) -> Counter[str]:
        return Counter(str(message.get("thread_ts")) for message in self.slack.said())

    async def look_at_the_screen(self) -> None:
        """What was taken a moment ago may not be shown yet."""
        for _ in range(LOOKS):
            if not self.unanswered():
                break
            await asyncio.sleep(LOOK_S)

    def is_answered(self, ts: str) -> bool:
        asked = MessageRef(Platform.SLACK, TEAM, CHANNEL, ts)
        return self.house.store.run_sync(lambda unit: unit.answers.to(asked)) is not None

    def last_is_answered(self) -> bool:
        asked = self.asked()
        return len(asked) > QUESTIONS and bool(self.replies()[max(asked)])

    def undelivered(self) -> int:
        """What is kept and not yet said. A word that can't be told comes at once, once the network is well."""
        return self.house.store.run_sync(lambda unit: len(unit.outbox.undelivered()) + len(unit.inbox.pending()))

    def unanswered(self) -> int:
        replies = self.replies()
        return sum(not replies[ts] for ts in self.asked())


@contextmanager
def _quiet() -> Iterator[None]:
    """What bot and libraries tell of lines that are broken on purpose."""
    logging.disable()
    try:
        with capture_logs():
            yield
    finally:
        logging.disable(logging.NOTSET)


async def network(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """`count`: how many schedules."""
    tally = Tally("a bad network between Slack and the bot: each question gets one reply, none is lost or doubled")
    waits: list[float] = []
    places, door = asyncio.Semaphore(AT_ONCE), asyncio.Lock()

    async def one(number: int) -> None:
        rng = random.Random(f"{seed}-{number}")
        async with places, AsyncExitStack() as stack:
            async with door:  # one after the other: to open one is all work, to run it is all waiting
                street = await stack.enter_async_context(_street(folder / str(number), rng))
            waits.append(await _schedule(street, tally, number))

    with _planted(mutant), _quiet():
        await asyncio.gather(*(one(number) for number in range(count)))
    by_itself = [wait for wait in waits if wait < BY_ITSELF_S]
    tally.notes.append(
        f"{count} schedules of {TOXICS} toxics; once the network is well, a question is answered after "
        f"{max(by_itself, default=0.0):.0f} s at most, {len(waits) - len(by_itself)} only by a sweep"
    )
    return tally


async def _schedule(street: Street, tally: Tally, number: int) -> float:
    """How long it took, from the network's end of trouble, until a question was answered."""
    moments = [street.rng.uniform(0.0, TOXICS * LONGEST_S / 2) for _ in range(QUESTIONS)]
    asking = [asyncio.create_task(street.ask(moment)) for moment in moments]
    await street.be_spoilt()
    since = time.monotonic()
    asking.append(asyncio.create_task(street.ask()))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BY_ITSELF_S):
            await until(street.last_is_answered, "an answer")
    waited = time.monotonic() - since
    for _ in range(MOST_SWEEPS):
        if street.unanswered():
            await street.house.bot.sweeping.sweep()
            await street.house.settle()
    await until_none(street.undelivered)
    await street.look_at_the_screen()
    replies = street.replies()
    for ts in street.asked():
        answered = "answered" if street.is_answered(ts) else "unheard"
        tally.check(replies[ts] == 1, f"schedule {number}: {replies[ts]} replies to a question that was {answered}")
    tally.check(len(street.asked()) == QUESTIONS + 1, f"schedule {number}: {len(street.asked())} questions")
    for each in asking:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    return waited


@asynccontextmanager
async def _street(folder: Path, rng: random.Random) -> AsyncIterator[Street]:
    folder.mkdir(parents=True)
    async with (
        local_slack(folder) as slack,
        proxy(int(slack.url.rpartition(":")[2]), rng) as to_socket,
        front(slack, to_socket.port) as port,
        proxy(port, rng) as to_api,
    ):
        api = f"http://127.0.0.1:{to_api.port}/api/"
        config = SlackConfig(bot_token=peer.BOT_TOKEN, app_token=peer.APP_TOKEN, api_url=api)
        async with open_house(
            folder, lambda desk: [SlackConnector(config, desk, ENGLISH, Budget(calls=100_000))]
        ) as house:
            await house.add_section(HELP.title, HELP.heading, HELP.text)
            parts = [house.bot.connectors[Platform.SLACK].run(), house.bot.sweeping.run()]
            running = [asyncio.create_task(part) for part in parts]
            try:
                await until(lambda: _has_looked(house), "a first look at the history: from there on, nothing is lost")
                await asyncio.sleep(STAMP_S)
                yield Street(slack, (to_socket, to_api), house, rng)
            finally:
                for each in running:
                    each.cancel()
                await asyncio.gather(*running, return_exceptions=True)


def _has_looked(house: House) -> bool:
    channels = {CHANNEL, AGENTS_CHANNEL}
    return len(house.store.run_sync(lambda unit: unit.watermarks.of(Platform.SLACK))) == len(channels)


@contextlib.contextmanager
def _planted(mutant: str) -> Iterator[None]:
    """In this very process, so it is taken out again."""
    right = Posting._may_stand_there, Sweeping._take
    plant(mutant)
    try:
        yield
    finally:
        Posting._may_stand_there, Sweeping._take = right  # type: ignore[method-assign]
