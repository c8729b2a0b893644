"""Versions that are swapped while answers are being written: does any fail, mix two versions, or wait?"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bot.errors import NotWritten
from bot.generation import Generation, Sampling
from bot.ids import AdapterId
from bot.prompting import Message
from deploy.bench.reader import Deployed
from deploy.bench.report import OURS, Bench, Row, percentile
from deploy.bench.workloads import conversations
from learning.serving.engine import Engine

CLIENTS = 2
PHASE_S = 35.0
"""About a hundred answers: of fewer, the slowest alone would be the p99."""
ROUNDS = 8
"""So often there and back between the versions that are kept."""
TOKENS = 24
PROMPTS = 4
KEPT = 2
"""Versions that are loaded before the clients begin."""


@dataclass
class Load:
    """Clients that ask one question after the other, and what came of it."""

    engine: Engine
    times: list[float] = field(default_factory=list)
    written: list[tuple[int, Generation]] = field(default_factory=list)
    """With the number of the prompt."""
    failed: int = 0
    _is_over: bool = False

    async def run(self, seconds: float, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """For so long at least, and until `meanwhile` is over. All clients end what they began."""

        async def wait() -> None:
            await asyncio.gather(asyncio.sleep(seconds), meanwhile())
            self._is_over = True

        await asyncio.gather(wait(), *map(self._client, range(CLIENTS)))

    async def _client(self, number: int) -> None:
        while not self._is_over:
            number = (number + 1) % PROMPTS
            began = time.perf_counter()
            try:
                generation = await self.engine.generate(_prompt(number), Sampling(TOKENS))
            except NotWritten:
                self.failed += 1
            else:
                self.times.append(time.perf_counter() - began)
                self.written.append((number, generation))


async def run(
    bench: Bench, engine: Engine, deployed: Deployed, adapters: Sequence[AdapterId], seconds: float = PHASE_S
) -> None:
    """No swaps, swaps to versions that are kept, and to ones that have to be loaded. Add swap_failed, swap_torn, and
    the p99 with swaps as a multiple of that without."""
    kept, new = adapters[:KEPT], adapters[KEPT:]
    for adapter in kept:
        await asyncio.gather(*(engine.generate_with(adapter, _prompt(n), Sampling(TOKENS)) for n in range(PROMPTS)))
    plans: dict[str, Sequence[AdapterId]] = {
        "no swaps": [],
        "swaps to kept versions": [*kept] * ROUNDS,
        "swaps to new versions": new,
    }
    loads = {name: await _measure(bench, engine, deployed, name, plan, seconds) for name, plan in plans.items()}
    steady, to_kept, to_new = loads.values()
    bench.figure("swap_failed", sum(load.failed for load in loads.values()))
    bench.figure("swap_torn", await _torn(engine, [each for load in loads.values() for each in load.written]))
    bench.figure("swap_p99_to_kept", percentile(to_kept.times, 99) / percentile(steady.times, 99))
    bench.figure("swap_p99_to_new", percentile(to_new.times, 99) / percentile(steady.times, 99))


async def _measure(
    bench: Bench, engine: Engine, deployed: Deployed, name: str, plan: Sequence[AdapterId], seconds: float
) -> Load:
    async def swap() -> None:
        for adapter in plan:
            deployed.adapter = adapter
            await engine.refresh()
            await asyncio.sleep(seconds / len(plan))

    load = Load(engine)
    await load.run(seconds, swap)
    versions = len({generation.adapter for _, generation in load.written})
    note = f"p99 {percentile(load.times, 99):.2f} s of {len(load.times)}, {load.failed} failed, {versions} versions"
    bench.add(Row(f"{CLIENTS} clients, {name}", OURS, "s", tuple(load.times), note=note))
    return load


async def _torn(engine: Engine, written: Sequence[tuple[int, Generation]]) -> int:
    """How many texts are not what the version that they name writes when it writes nothing else."""
    alone = {
        (number, adapter): (await engine.generate_with(adapter, _prompt(number), Sampling(TOKENS))).text
        for number, adapter in {(number, generation.adapter) for number, generation in written}
    }
    return sum(generation.text != alone[number, generation.adapter] for number, generation in written)


def _prompt(number: int) -> list[Message]:
    return conversations(PROMPTS)[number]
