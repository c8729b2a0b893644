"""Kill the bot at random moments while people write to it: what was acknowledged happens once."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests import postgres
from tests.chaos.judging import judge, parked
from tests.chaos.tally import Tally
from tests.chaos.traffic import World, open_world
from tests.e2e.waiting import until

SENDERS = 4
LIFE_S = 0.25
"""How long a process lives on average, once it has acknowledged something."""
UNBORN = 0.15
"""How many are killed before they are up."""
FAR_S = 86_400.0
"""How far a clock jumps at most."""
MUTANTS = ("ack-before-commit", "no-dedup", "effect-apart", "delivered-before-sent", "sent-again")


async def kills(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """At random moments."""
    return await _run(Tally("kill -9 anywhere: nothing acknowledged is lost, nothing happens or is said twice"),
                      folder, count, seed, mutant, far_s=0.0)  # fmt: skip


async def on_postgres(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """On a real server, which outlives the bot and has its connections cut."""
    with postgres.server() as server:
        return await _run(Tally("the same on a PostgreSQL server"), folder, count, seed, mutant, far_s=0.0,
                          url=postgres.empty_database(server))  # fmt: skip


async def clocks(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """The same with a clock that is another one after each start."""
    return await _run(Tally("a clock that jumps by up to a day between kills: the same"),
                      folder, count, seed, mutant, far_s=FAR_S)  # fmt: skip


async def _run(tally: Tally, folder: Path, count: int, seed: int, mutant: str, far_s: float, url: str = "") -> Tally:
    rng = random.Random(seed)
    async with open_world(folder, seed, url) as world:
        async with _sending(world, mutant):
            for _ in range(count):
                process = world.start(mutant=mutant, clock_s=rng.uniform(-far_s, far_s)).process()
                await _let_live(world, rng, process)
                await kill(process)
                tally.check(world.unanswered() == 0, "a question is kept without an answer or a hand-off")
        await settle(world, tally, mutant)
    tally.notes.append(f"{count} kills, {world.ledger.sent:,} sent, {world.slack.resets} lines broken")
    return tally


async def settle(world: World, tally: Tally, mutant: str = "") -> None:
    """Let a last process work off all that is there, then compare."""
    process = world.start(mutant=mutant).process()
    await world.until_up()
    tally.check(await world.until_quiet(), "it does not come to rest")
    await kill(process)
    judge(world, tally.check)
    if aside := len(parked(world)):
        tally.notes.append(f"{aside} set aside after three deaths, and told")


async def _let_live(world: World, rng: random.Random, process: ForkServerProcess) -> None:
    if rng.random() < UNBORN:
        await asyncio.sleep(rng.uniform(0.0, LIFE_S))
        return
    await world.until_up()
    before = world.ledger.size
    await until(lambda: world.ledger.size > before, "an event that is acknowledged")
    await asyncio.sleep(rng.expovariate(1 / LIFE_S))


async def kill(process: ForkServerProcess) -> None:
    process.kill()
    await asyncio.to_thread(process.join)


@asynccontextmanager
async def _sending(world: World, mutant: str) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(world.keep_sending(stop)) for _ in range(SENDERS)]
    yield
    stop.set()
    process = world.start(mutant=mutant).process()  # whoever still sends is heard
    await asyncio.gather(*tasks)
    await kill(process)
