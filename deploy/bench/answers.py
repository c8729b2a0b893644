"""One answer at a time: cold, after instructions that were read before, free, and its first token."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bot.prompting import Message
from deploy.bench import workloads
from deploy.bench.reader import Reader
from deploy.bench.report import OURS, Bench, Row
from deploy.bench.rivals import LLAMACPP, LOOKUP, TRANSFORMERS, Write

TOKENS = 80
ANSWERS = 4
"""The first one is the warm-up."""
UNREAD = f"{OURS}, not read before"

Asked = tuple[Write, Sequence[list[Message]]]
"""A contender and its prompts, one for each repetition."""


async def cold(bench: Bench, reader: Reader, writers: Mapping[str, Write]) -> None:
    """Grounded answers that copy from their source; no engine has read anything of the prompts before."""
    prompts = workloads.unseen([workloads.grounded(each) for each in workloads.sections()[:ANSWERS]], "Monday")
    rows = await compare(bench, reader, "one grounded answer, cold", {n: (w, prompts) for n, w in writers.items()})
    bench.ratio("answer_vs_transformers", rows[OURS], rows[TRANSFORMERS])
    bench.ratio("answer_vs_transformers_lookup", rows[OURS], rows[LOOKUP])


async def cached(bench: Bench, reader: Reader, writers: Mapping[str, Write]) -> None:
    """Different questions after the same 350 tokens, which the warm-up has read. transformers keeps nothing."""
    prompts = workloads.one_after_another()[:ANSWERS]
    contenders = {name: (write, prompts) for name, write in writers.items() if name != LOOKUP}
    rows = await compare(bench, reader, "one grounded answer, instructions cached", contenders)
    if LLAMACPP["f16"] in rows:
        bench.ratio("answer_cached_vs_llamacpp", rows[OURS], rows[LLAMACPP["f16"]])
    if LLAMACPP["q8_0"] in rows:
        bench.ratio("answer_cached_vs_llamacpp_q8_0", rows[OURS], rows[LLAMACPP["q8_0"]])


async def free(bench: Bench, reader: Reader, writers: Mapping[str, Write]) -> None:
    """Nothing to copy from."""
    prompts = workloads.free()
    rows = await compare(bench, reader, "one free answer", {name: (write, prompts) for name, write in writers.items()})
    bench.ratio("free_answer_vs_transformers", rows[OURS], rows[TRANSFORMERS])


async def first_token(bench: Bench, reader: Reader, writers: Mapping[str, Write]) -> None:
    """The same questions, after a beginning that was read and after one that was not."""
    read = workloads.one_after_another()
    unread = workloads.unseen(read, "Tuesday")
    contenders: dict[str, Asked] = {OURS: (writers[OURS], read), UNREAD: (writers[OURS], unread)}
    contenders |= {name: (write, read) for name, write in writers.items() if name not in (OURS, LOOKUP)}
    rows = await compare(bench, reader, "first token, instructions cached", contenders, tokens=1)
    bench.ratio("first_token_cached_vs_uncached", rows[OURS], rows[UNREAD])


async def compare(
    bench: Bench, reader: Reader, workload: str, contenders: Mapping[str, Asked], tokens: int = TOKENS
) -> dict[str, Row]:
    """Seconds for each answer; then how many tokens were written, and whether they are those of transformers."""
    texts: dict[str, list[str]] = {name: [] for name in contenders}
    timed = {name: _timed(asked, tokens, texts[name]) for name, asked in contenders.items()}
    repetitions = min(len(prompts) for _, prompts in contenders.values()) - 1
    rows = await bench.compare_async(workload, "s", timed, repetitions=repetitions)
    for name, written in texts.items():
        lengths = tuple(float(len(reader.tokenizer(text)["input_ids"])) for text in written[1:])
        bench.add(Row(workload, name, "tokens written", lengths, "more"))
        if name != TRANSFORMERS and contenders[name][1] == contenders[TRANSFORMERS][1]:
            bench.add(same_texts(workload, name, written[1:], texts[TRANSFORMERS][1:]))
    return rows


def same_texts(workload: str, contender: str, texts: Sequence[str], exact: Sequence[str]) -> Row:
    """1 where a text is the one that transformers writes in fp32, greedily; 0 elsewhere."""
    same = tuple(float(one == other) for one, other in zip(texts, exact, strict=True))
    return Row(workload, contender, "same text", same, "more", f"{sum(same):.0f} of {len(same)}")


def _timed(asked: Asked, tokens: int, texts: list[str]) -> Callable[[], Awaitable[float]]:
    write, prompts = asked
    left = iter(prompts)

    async def measure() -> float:
        prompt = next(left)
        began = time.perf_counter()
        texts.append(await write(prompt, tokens))
        return time.perf_counter() - began

    return measure
