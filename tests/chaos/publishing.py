"""Adapters on disk: published whole or not at all, and refused when a single bit is another one."""

import asyncio
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from structlog.testing import capture_logs

from bot.errors import AdapterBroken
from bot.generation import Sampling
from bot.ids import AdapterId
from bot.lineage import serving_stack
from learning.serving.engine import Engine
from storage.adapter_files import AdapterFiles
from storage.database import SqlStore
from tests.chaos import strace
from tests.chaos.mutants import seed as plant
from tests.chaos.publish_once import BASE, NEW, OLD, publish, publish_when_told, stage
from tests.chaos.strace import FAULTS, KILL, WRITES
from tests.chaos.tally import Tally
from tests.contracts.generator_contract import PROMPT
from tests.learning.adapters import make_adapter, tiny_base
from tests.learning.serving.conftest import A, B, Deployed
from tests.processes import FORKSERVER
from tests.tiny_model import make_tiny_model

MOST_CALLS = 200
LATER = AdapterId("adapter-later")
CUT_EVERY = 6
"""One of so many files is cut off; in the others a bit is flipped."""


async def crash_points(folder: Path, every: int, mutant: str = "") -> list[Tally]:
    """Killed at each write, sync, rename, mkdir and unlink, of files and database; and each of them failing."""
    before = folder / "before"
    publish(before, OLD, 1)
    chosen = (KILL,) if mutant else FAULTS
    return [await _enumerate(before, folder / fault.partition("=")[2], fault, every, mutant) for fault in chosen]


async def _enumerate(before: Path, folder: Path, fault: str, every: int, mutant: str) -> Tally:
    what = "killed" if fault == KILL else fault.partition("=")[2]
    tally = Tally(f"publishing an adapter, {what} at each system call: the old one or the new one, never a torn one")
    if reason := strace.missing():
        tally.skipped = reason
        return tally
    outcomes = {OLD: 0, NEW: 0}
    for call in WRITES:
        for number in range(1, MOST_CALLS, every):
            at = folder / f"{call}-{number}"
            shutil.copytree(before, at)
            injected, code = await _publish(at, call, fault, number, mutant)
            if not injected:
                break
            live, problem = _state(at)
            if code == 0 and live != NEW:
                problem = "it said that the new one is published"
            outcomes[live] += 1
            tally.check(not problem, f"{call} {number}: {problem}")
            shutil.rmtree(at)
    tally.notes.append(f"{outcomes[OLD]} old, {outcomes[NEW]} new")
    return tally


async def _publish(folder: Path, call: str, fault: str, number: int, mutant: str) -> tuple[bool, int | None]:
    """Whether it came to that call, and how the process ended."""
    gate, log = folder / "go", folder.with_suffix(".strace")
    child = FORKSERVER.Process(target=publish_when_told, args=(str(folder), str(gate), mutant), daemon=True)
    child.start()
    assert child.pid is not None
    async with strace.attached(child.pid, call, fault, str(number), log):
        gate.touch()
        await asyncio.to_thread(child.join, strace.PATIENCE_S)
    await asyncio.to_thread(child.join, strace.PATIENCE_S)
    return strace.was_injected(log, fault), child.exitcode


def _state(folder: Path) -> tuple[AdapterId, str]:
    """Which adapter answers after the crash, and what is wrong with that."""
    files = AdapterFiles(folder / "adapters", BASE)
    store = SqlStore(f"sqlite:///{folder / 'mentee.db'}")
    try:
        live = store.run_sync(lambda unit: serving_stack(unit.adapters.history())[-1])
        assert live is not None
        files.verify(live)
        if files.folder(NEW).exists():
            files.verify(NEW)
        files.publish(LATER, stage(files, LATER, "l"), BASE)  # what was left behind is in nobody's way
    except AdapterBroken as problem:
        return OLD, str(problem)
    finally:
        store.close()
    return live, ""


# --- bits -----------------------------------------------------------------------------------------------------------


def damages(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """Flipped bits and cut files of a published adapter."""
    tally = Tally("an adapter with a flipped bit or a cut file is refused")
    rng = random.Random(seed)
    files = AdapterFiles(folder / "adapters", BASE)
    files.publish(NEW, stage(files, NEW, "n"), BASE)
    with _planted(mutant):
        for number in range(count):
            path = rng.choice(sorted(files.folder(NEW).iterdir()))
            right = path.read_bytes()
            path.write_bytes(_damaged(right, rng, cut=number % CUT_EVERY == 0))
            tally.check(not _verifies(files), f"{path.name} was damaged, and taken")
            path.write_bytes(right)
    files.verify(NEW)
    return tally


def _damaged(content: bytes, rng: random.Random, *, cut: bool) -> bytes:
    if cut:
        return content[: rng.randrange(len(content))]
    changed = bytearray(content)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _verifies(files: AdapterFiles) -> bool:
    try:
        files.verify(NEW)
    except AdapterBroken:
        return False
    return True


@contextmanager
def _planted(mutant: str) -> Iterator[None]:
    """In this very process, so it is taken out again."""
    right = AdapterFiles._check_files
    plant(mutant)
    try:
        yield
    finally:
        AdapterFiles._check_files = right  # type: ignore[method-assign]


# --- while serving --------------------------------------------------------------------------------------------------


async def refusals(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """The same for an adapter that is being promoted while a real engine serves another one."""
    tally = Tally("a damaged adapter that is promoted never serves: the one before goes on, word for word")
    rng, deployed = random.Random(seed), Deployed()
    base = tiny_base(make_tiny_model(folder / "tiny"))
    files = AdapterFiles(folder / "adapters", base.sha256)
    for number, adapter in enumerate((A, B)):
        make_adapter(files, base, adapter, seed=number)
    engine = Engine(base, files, deployed, precision="fp32")
    with _planted(mutant), capture_logs():
        for number in range(count):
            deployed.adapter = A
            await engine.refresh()
            before = await engine.generate(PROMPT, Sampling(8))
            path = rng.choice(sorted(files.folder(B).iterdir()))
            right = path.read_bytes()
            path.write_bytes(_damaged(right, rng, cut=number % CUT_EVERY == 0))
            deployed.adapter = B
            await engine.refresh()
            after = await engine.generate(PROMPT, Sampling(8))
            tally.check((engine.serving, after) == (A, before), f"{path.name} was damaged, and {engine.serving} serves")
            path.write_bytes(right)
    engine.close()
    return tally
