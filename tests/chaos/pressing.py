"""Ten times as many questions as can be answered, for minutes, on the installed program with a real engine.

First it is measured how many it answers when there are never more than it takes; then ten times as many come, whatever
becomes of those before them. Each must be answered or handed off in plain words, few may wait at any moment, and when
it is over the next question is answered as before. How much is answered meanwhile, and how soon the others are told, is
part of what is printed.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bot.ids import time_of
from bot.texts import ENGLISH
from tests.chaos.page import BUNDLED, PATIENCE_S, Given, given, installation, lacks_model, question
from tests.chaos.tally import Tally
from tests.chaos.traffic import rows_of
from tests.e2e.program import Installation

TIMES = 10
AT_ONCE = 24
"""Fewer than are told that too many ask."""
MEASURED_S = 15.0
LOOK_S = 0.25
MOST_WAITING = 100
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 102)]
"""People come from: the page takes 120 posts a minute from each."""


@dataclass
class Crowd:
    browsers: Sequence[aiohttp.ClientSession]
    database: Path
    rng: random.Random
    statuses: Counter[int] = field(default_factory=Counter)
    waiting: list[int] = field(default_factory=list)
    """How many were not yet worked off, now and then."""
    slowest_s: float = 0.0
    """How long the page took at most to say that it has the question."""
    _asking: set[asyncio.Task[None]] = field(default_factory=set)

    async def steadily(self, seconds: float) -> float:
        """Always as many at once; answers a second, once it is warm."""
        sent = before = 0
        warm_at = time.monotonic()
        while before == 0 or time.monotonic() < warm_at + seconds:
            answered = self._answered()
            for _ in range(AT_ONCE - (sent - answered)):
                self._ask()
                sent += 1
            if before == 0 and answered >= AT_ONCE:
                before, warm_at = answered, time.monotonic()
            await asyncio.sleep(LOOK_S / 5)
        return (self._answered() - before) / (time.monotonic() - warm_at)

    async def pressing(self, a_second: float, seconds: float) -> None:
        """As many as come, whatever becomes of them."""
        looking = asyncio.create_task(self._look())
        began = due = time.monotonic()
        while due < began + seconds:
            due += self.rng.expovariate(a_second)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._ask()
        looking.cancel()

    async def heard(self) -> None:
        """All that were sent."""
        await asyncio.gather(*self._asking)

    async def one(self) -> None:
        sent = time.monotonic()
        self.statuses[await _ask(self.rng.choice(self.browsers))] += 1
        self.slowest_s = max(self.slowest_s, time.monotonic() - sent)

    def _ask(self) -> None:
        task = asyncio.create_task(self.one())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    def _answered(self) -> int:
        return self._count("SELECT count(*) FROM answers WHERE asked_in IS NOT NULL")

    async def _look(self) -> None:
        while True:
            self.waiting.append(self._count("SELECT count(*) FROM inbox WHERE state = 'pending'"))
            await asyncio.sleep(LOOK_S)

    def _count(self, query: str) -> int:
        return int(rows_of(self.database, query)[0][0])


async def pressing(folder: Path, seconds: int, seed: int, mutant: str = "") -> Tally:
    tally = Tally(
        f"{TIMES} times as many questions as can be answered, for {seconds} s: each is answered or handed off in plain "
        f"words, no more than {MOST_WAITING} wait at a time; then all is normal within a minute"
    )
    if reason := lacks_model():
        tally.skipped = reason
        return tally
    here = installation(folder, BUNDLED, mutant)
    await here.mentee("ingest", "plans.md")
    async with here.running() as bot, _browsers(str(bot.browser.base_url)) as browsers:
        crowd = Crowd(browsers, here.folder / "data" / "mentee.db", random.Random(seed))
        await _press(here, crowd, seconds, tally)
    return tally


@asynccontextmanager
async def _browsers(address: str) -> AsyncIterator[list[aiohttp.ClientSession]]:
    """They share the processors with the bot: aiohttp takes less than half of what httpx would."""
    async with AsyncExitStack() as stack:
        lines = (aiohttp.TCPConnector(local_addr=(each, 0), limit=0) for each in ADDRESSES)
        yield [
            await stack.enter_async_context(
                aiohttp.ClientSession(
                    address, headers={"origin": address}, connector=each, cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(PATIENCE_S),
                )
            )
            for each in lines
        ]  # fmt: skip


async def _ask(browser: aiohttp.ClientSession) -> int:
    """As `page.ask` does."""
    body = question()
    while True:
        try:
            async with browser.post("/messages", json=body) as answer:
                return answer.status
        except aiohttp.ClientConnectorError:  # nobody is there
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            pass  # a line that was kept open, and is closed just now


async def _press(here: Installation, crowd: Crowd, seconds: int, tally: Tally) -> None:
    usual = await crowd.steadily(min(MEASURED_S, seconds))
    before = await _all_given(here, crowd)
    began = datetime.now(UTC)
    await crowd.pressing(TIMES * usual, seconds)
    ended = datetime.now(UTC)
    await crowd.heard()
    tally.check(set(crowd.statuses) == {202}, f"answers of the page: {crowd.statuses}")
    tally.check(max(crowd.waiting) <= MOST_WAITING, f"{max(crowd.waiting)} waited at a time")
    if tally.failures:  # it would take minutes until all are through, and tell nothing more
        return
    answers = await _all_given(here, crowd)
    tally.check(len(answers) == crowd.statuses.total(), f"{len(answers)} answers to {crowd.statuses.total()} questions")
    for each in answers:
        tally.check(bool(each.answer.text.strip()), "an empty answer")
    await crowd.one()
    (*_, last) = await _all_given(here, crowd)
    normal_s = (time_of(last.answer.id) - ended).total_seconds()
    tally.check(last.answer.kind == "grounded" and normal_s <= 60.0, f"not normal {normal_s:.0f} s later")
    _note(tally, answers[len(before) :], usual, began, ended)
    tally.notes.append(
        f"taken after {crowd.slowest_s:.1f} s at most; {max(crowd.waiting)} waited; normal {normal_s:.0f} s later"
    )


async def _all_given(here: Installation, crowd: Crowd) -> Sequence[Given]:
    await crowd.heard()
    return await given(here, crowd.statuses[202])


def _note(tally: Tally, came: Sequence[Given], usual: float, began: datetime, ended: datetime) -> None:
    written = [each for each in came if each.answer.kind == "grounded"]
    meanwhile = sum(time_of(each.answer.id) <= ended for each in written) / (ended - began).total_seconds()
    told = sorted(each.wait_s for each in came if each.answer.text == ENGLISH.busy)
    tally.notes.append(
        f"{usual:.1f} answers a second before; {len(came):,} came in {(ended - began).total_seconds():.0f} s: "
        f"{len(written)} written ({meanwhile / usual:.0%} of what it can), {len(told):,} told that too many ask"
    )
    if told:
        half, most = told[len(told) // 2], told[int(0.9 * len(told))]
        tally.notes.append(f"told after {told[-1]:.1f} s at most, {most:.1f} s in nine of ten, {half:.1f} s in half")
