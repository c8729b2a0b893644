"""One event's way, with every single write of the database killed at or refused: nothing acknowledged is lost.

Every write of the database's files between the start of the process and the delivered answer is a crash point, and
every one is tried: killed at it, refused with ENOSPC and EIO, once and until room is made.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos import strace
from tests.chaos.kills import kill, settle
from tests.chaos.strace import FAULTS, KILL, WRITES
from tests.chaos.tally import Tally
from tests.chaos.traffic import KNOWN, World, open_world

MOST_CALLS = 200
LOOKS = 1_000
ROOM_AFTER_S = 1.0


async def faults(folder: Path, every: int, seed: int, mutant: str = "", fault: str = "") -> list[Tally]:
    """`every`: try each call, each second one, …"""
    chosen = [fault] if fault else FAULTS
    tallies = [await _enumerate(folder / each.partition("=")[2], each, every, seed, mutant) for each in chosen]
    return tallies if fault else [*tallies, await full_disk(folder / "full", seed)]


def _promise(fault: str) -> str:
    if fault == KILL:
        return "kill -9 at each write, sync and rename of one event's way: it happens once"
    error = fault.partition("=")[2]
    return f"{error} at each of them: nothing acknowledged is lost; it goes on, or says at its start why not"


async def _enumerate(folder: Path, fault: str, every: int, seed: int, mutant: str) -> Tally:
    tally = Tally(_promise(fault))
    if reason := strace.missing():
        tally.skipped = reason
        return tally
    folder.mkdir(parents=True)
    seen = {}
    for call in WRITES:
        for number in range(1, MOST_CALLS, every):
            if not await _one(folder / f"{call}-{number}", call, fault, number, seed, mutant, tally):
                break
            seen[call] = number
    tally.notes.append(", ".join(f"{call} 1–{last}" for call, last in seen.items()))
    return tally


async def _one(folder: Path, call: str, fault: str, number: int, seed: int, mutant: str, tally: Tally) -> bool:
    """One question with one fault; False when the process made fewer calls than that."""
    log = folder.with_suffix(".strace")
    async with open_world(folder, seed) as world:
        world.slack.resets_share = 0.0
        gate = folder / "go"
        process = world.start(mutant=mutant, gate=gate).process()
        assert process.pid is not None
        asking = asyncio.create_task(world.ask(KNOWN))
        async with strace.attached(process.pid, call, fault, str(number), log, list(_files(world))):
            gate.touch()
            await _until_answered_or_dead(world, process.is_alive)
        injected = strace.was_injected(log, fault)
        if injected:
            survived = process.is_alive()
            tally.check(survived or fault == KILL or _told(world), f"{call} {number}: it ended without a word")
            await _heard(world, asking, process_is_up=survived, mutant=mutant)
            await kill(process)
            mine = Tally("")
            await settle(world, mine, mutant)
            tally.check(not mine.failures, f"{call} {number}: {mine.failures}")
        else:
            asking.cancel()
            await kill(process)
    return injected


def _told(world: World) -> bool:
    """Where it can't even begin, it says to the operator why."""
    return "bot.errors.DatabaseError" in (world.folder / "log.jsonl").read_text()


async def _heard(world: World, asking: asyncio.Task[str], *, process_is_up: bool, mutant: str) -> None:
    """The question is sent until it is acknowledged, if need be by the next process."""
    if process_is_up:
        await asking
        return
    process = world.start(mutant=mutant).process()
    await asking
    await kill(process)


async def _until_answered_or_dead(world: World, is_alive: Callable[[], bool]) -> None:
    """Or until it is clear that no answer comes: what was lost is counted afterwards."""
    for _ in range(LOOKS):
        if world.slack.messages or not is_alive():
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.05)  # for the mark that it was delivered


def _files(world: World) -> Iterator[Path]:
    for suffix in ("", "-wal", "-shm", "-journal"):
        yield world.database.with_name(world.database.name + suffix)


async def full_disk(folder: Path, seed: int) -> Tally:
    """All writes are refused for a while, from different moments on."""
    tally = Tally("a disk that stays full: what isn't kept isn't acknowledged; with room again it goes on by itself")
    if reason := strace.missing():
        tally.skipped = reason
        return tally
    folder.mkdir(parents=True)
    back_s = 0.0
    for number in range(1, 20, 3):
        async with open_world(folder / str(number), seed) as world:
            world.slack.resets_share = 0.0
            gate = world.folder / "go"
            process = world.start(gate=gate).process()
            assert process.pid is not None
            log = folder / f"{number}.strace"
            async with strace.attached(process.pid, "pwrite64", "error=ENOSPC", f"{number}+", log, list(_files(world))):
                gate.touch()
                asking = [asyncio.create_task(world.ask(KNOWN)) for _ in range(5)]
                await asyncio.sleep(ROOM_AFTER_S)
                kept = world.count("SELECT count(*) FROM inbox")
                tally.check(len(world.ledger.questions) <= kept, f"{number}: acknowledged, but not kept")
            since = time.monotonic()
            if not process.is_alive():
                tally.check(_told(world), f"{number}: it ended without a word")
                process = world.start().process()
            await asyncio.gather(*asking)
            tally.check(await world.until_quiet() and process.is_alive(), f"{number}: it does not go on")
            back_s = max(back_s, time.monotonic() - since)
            await kill(process)
            mine = Tally("")
            await settle(world, mine)
            tally.check(not mine.failures, f"{number}: {mine.failures}")
    tally.notes.append(f"with room again, all that was asked is answered after {back_s:.1f} s at most (the aim is 10)")
    return tally
