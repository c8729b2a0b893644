"""A database that somebody else holds, and an event that kills whatever works on it."""

import asyncio
import math
from pathlib import Path

import pysqlite3.dbapi2 as sqlite

from bot.texts import ENGLISH
from tests.chaos.bot_process import POISON
from tests.chaos.kills import kill, settle
from tests.chaos.tally import Tally
from tests.chaos.traffic import GROUNDED, World, open_world

HELD_S = (0.2, 2.0, 30.0)
"""The last one is longer than any part of the bot waits for the database."""
ASKED_MEANWHILE = 5
DEATHS = 3
MOST_DEATHS = 6
NEIGHBOURS = 5


async def locks(folder: Path, held_s: tuple[float, ...], seed: int, mutant: str = "") -> Tally:
    tally = Tally("the database held by another program: nothing acknowledged is lost, it goes on by itself")
    async with open_world(folder, seed) as world:
        process = world.start(mutant=mutant).process()
        await world.until_up()
        for seconds in held_s:
            await _hold(world, seconds)
        tally.check(process.is_alive(), "the process ended")
        await world.until_quiet()
        await kill(process)
        await settle(world, tally, mutant)
    held = ", ".join(f"{seconds:g} s" for seconds in held_s)
    tally.notes.append(f"held for {held}; refused after {world.slowest_refusal_s:.1f} s at most")
    return tally


async def _hold(world: World, seconds: float) -> None:
    other = sqlite.connect(world.database, isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    sent = (*(world.ask(GROUNDED) for _ in range(ASKED_MEANWHILE)), world.teach(), world.command())
    asking = asyncio.gather(*sent)
    await asyncio.sleep(seconds)
    other.execute("ROLLBACK")
    other.close()
    await asking


async def poison(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    tally = Tally(
        "an event that kills its process is set aside after three deaths, and told; its neighbours are answered"
    )
    beside, alone = list[float](), list[float]()
    for number in range(count):
        async with open_world(folder / str(number), seed + number) as world:
            await _poison(world, tally, mutant)
            beside += _waits(world)[:NEIGHBOURS]
        if not mutant:
            async with open_world(folder / f"{number}-alone", seed + number) as world:
                alone += await _alone(world)
    if beside and alone:
        late, usual = _p95(beside), _p95(alone)
        tally.notes.append(
            f"the neighbours' p95 is {late:.1f} s instead of {usual:.1f} s: {late / usual:.1f} × (the aim is 1.2)"
        )
    return tally


async def _alone(world: World) -> list[float]:
    """How long the neighbours wait where nothing dies."""
    world.slack.resets_share = 0.0
    process = world.start(slow=True).process()
    await asyncio.gather(*(world.ask(GROUNDED) for _ in range(NEIGHBOURS)))
    await world.until_quiet()
    await kill(process)
    return _waits(world)


def _waits(world: World) -> list[float]:
    """Of each question that got a message, the seconds from its being sent; the shortest first. What killed a process
    is answered last."""
    at = zip(world.slack.messages, world.slack.posted_at, strict=False)
    return sorted(when - world.sent_at[message["thread_ts"]] for message, when in at)


def _p95(waits: list[float]) -> float:
    return sorted(waits)[math.ceil(0.95 * len(waits)) - 1]


async def _poison(world: World, tally: Tally, mutant: str) -> None:
    world.slack.resets_share = 0.0  # a broken line would cost somebody ten seconds more
    texts = (f"{GROUNDED} {POISON}", *[GROUNDED] * NEIGHBOURS)
    process, deaths = world.start(mutant=mutant, slow=True).process(), 0
    asking = asyncio.gather(*(asyncio.create_task(world.ask(text)) for text in texts))
    while deaths <= MOST_DEATHS and not (asking.done() and process.is_alive() and await _is_quiet(world)):
        await asyncio.sleep(0.05)
        if not process.is_alive():
            deaths += 1
            process = world.start(mutant=mutant, slow=True).process()
    asking.cancel()
    await kill(process)
    tally.check(deaths == DEATHS, f"{deaths} deaths")
    broken = world.count("SELECT count(*) FROM answers WHERE answer LIKE ?", f"%{ENGLISH.broke}%")
    tally.check(broken == 1, f"{broken} were told that something went wrong")
    grounded = world.count("SELECT count(*) FROM answers WHERE kind = 'grounded' AND asked_in IS NOT NULL")
    for number in range(NEIGHBOURS):
        tally.check(number < grounded, f"of {NEIGHBOURS} neighbours {grounded} were answered")


async def _is_quiet(world: World) -> bool:
    """Nothing is to be worked off, also not a moment later: a poisoned one may be about to die."""
    return not world.count("SELECT count(*) FROM inbox WHERE state = 'pending'")
