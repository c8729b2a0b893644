"""Many conversations at once, prompts included: with one adapter, and each with an adapter of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count

from bot.generation import Sampling
from bot.ids import AdapterId
from bot.prompting import Message
from deploy.bench import workloads
from deploy.bench.answers import same_texts
from deploy.bench.reader import Reader
from deploy.bench.report import OURS, Bench, Row
from deploy.bench.rivals import CONTINUOUS, PEFT, STATIC, PeftRows, Transformers, Write, WriteAll
from learning.serving.engine import Engine
from storage.adapter_files import AdapterFiles

FEW, MANY = 8, 32
TOKENS, TOKENS_OF_MANY = 80, 24
"""At most, of each text: whole answers; of many, as much as the time allows."""


async def one_adapter(bench: Bench, reader: Reader, ours: Write, transformers: Transformers) -> None:
    contenders = {OURS: together(ours), STATIC: transformers.write_static, CONTINUOUS: transformers.write_continuous}
    for number, repetitions in ((FEW, 2), (MANY, 1)):
        workload = f"{number} conversations, one adapter"
        rows = await compare(bench, reader, workload, number, contenders, repetitions)
        for rival in (STATIC, CONTINUOUS):
            if rival in rows:
                bench.ratio(f"conversations{number}_vs_{rival.split()[1]}", rows[OURS], rows[rival])


async def adapter_each(
    bench: Bench, reader: Reader, engine: Engine, files: AdapterFiles, adapters: Sequence[AdapterId]
) -> None:
    """As many conversations as adapters. Loading them is not counted: each has written something before."""
    for adapter in adapters:
        await engine.generate_with(adapter, workloads.free()[0], Sampling(1))
    contenders = {OURS: apart(engine, adapters), PEFT: PeftRows(reader, files, adapters).write_all}
    workload = f"{len(adapters)} conversations on {len(adapters)} adapters"
    rows = await compare(bench, reader, workload, len(adapters), contenders, repetitions=2)
    if PEFT in rows:
        bench.ratio(f"adapters{len(adapters)}_vs_peft", rows[OURS], rows[PEFT])


async def compare(
    bench: Bench, reader: Reader, workload: str, number: int, contenders: Mapping[str, WriteAll], repetitions: int
) -> dict[str, Row]:
    """Seconds until all texts are written, with prompts that are new each time; the last texts are compared."""
    texts: dict[str, list[str]] = {}
    able = {name: write for name, write in contenders.items() if await _warmed_up(bench, workload, number, name, write)}
    timed = {name: _timed(write, number, texts, name) for name, write in able.items()}
    rows = await bench.compare_async(workload, "s", timed, repetitions=repetitions, warm_ups=0)
    exact = texts[STATIC if STATIC in texts else PEFT]
    for name, written in texts.items():
        tokens = sum(len(reader.tokenizer(text)["input_ids"]) for text in written)
        bench.add(Row(workload, name, "tokens/s", (tokens / rows[name].values[-1],), "more", f"{tokens} written"))
        if written is not exact:
            bench.add(same_texts(workload, name, written, exact))
    return rows


async def _warmed_up(bench: Bench, workload: str, number: int, name: str, write: WriteAll) -> bool:
    """On as many short texts. False, and noted, for a contender that can't do it on this machine."""
    try:
        await write([workloads.free()[0]] * number, 2)
    except (RuntimeError, ValueError, TypeError, NotImplementedError, ImportError) as problem:
        bench.add(Row(workload, name, "not run", (0.0,), note=f"{type(problem).__name__}: {problem}"))
        return False
    return True


def _timed(write: WriteAll, number: int, texts: dict[str, list[str]], name: str) -> Callable[[], Awaitable[float]]:
    rounds = count(1)

    async def measure() -> float:
        prompts = workloads.unseen(workloads.conversations(number), f"round {next(rounds)} of {number}")
        began = time.perf_counter()
        texts[name] = await write(prompts, TOKENS if number <= FEW else TOKENS_OF_MANY)
        return time.perf_counter() - began

    return measure


def together(write: Write) -> WriteAll:
    async def write_all(prompts: Sequence[Sequence[Message]], tokens: int) -> list[str]:
        return list(await asyncio.gather(*(write(prompt, tokens) for prompt in prompts)))

    return write_all


def apart(engine: Engine, adapters: Sequence[AdapterId]) -> WriteAll:
    """Each conversation with an adapter of its own."""

    async def write_all(prompts: Sequence[Sequence[Message]], tokens: int) -> list[str]:
        pairs = zip(adapters, prompts, strict=True)
        writing = [engine.generate_with(adapter, prompt, Sampling(tokens)) for adapter, prompt in pairs]
        return [generation.text for generation in await asyncio.gather(*writing)]

    return write_all
