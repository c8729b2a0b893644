"""On a GPU: throughput and first token beside transformers, at 1, 16 and 64 conversations.

Every text is as long as it may be, and no prompt was read before.
"""

import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import count

import torch
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from bot.generation import Sampling
from deploy.bench import gpu
from deploy.bench.report import OURS, Bench
from deploy.bench.rivals import TRANSFORMERS
from learning.recipe import Recipe
from learning.serving.adapted import NOTHING, Adapted, Lora
from learning.serving.decoding import Decoder, Threads
from learning.serving.request import Request

CONVERSATIONS = (1, 16, 64)
PROMPT, TOKENS = 368, 80
COMPILED_UP_TO = 16
"""Conversations; to compile takes most of a minute for each number of them."""
COMPILED = f"{TRANSFORMERS}, static cache, compiled"
WITH_ADAPTER = f"{OURS}, with an adapter"

Write = Callable[[list[list[int]], int], None]


def run(bench: Bench, tokenizer: Tokenizer) -> None:
    model = gpu.make_model(len(tokenizer))
    for number in CONVERSATIONS:
        measure(bench, model, tokenizer, number)


def measure(
    bench: Bench, model: PreTrainedModel, tokenizer: Tokenizer, number: int, length: int = PROMPT, tokens: int = TOKENS
) -> None:
    """Seconds to the first tokens of all, and to all texts."""
    adapted = Adapted(deepcopy(model))
    decoder, lora = Decoder(adapted), _adapter(adapted)

    def ours(prompts: list[list[int]], tokens: int, lora: Lora = NOTHING) -> None:
        _write(decoder, lora, tokenizer, prompts, tokens)

    makers: dict[str, Write] = {OURS: ours, TRANSFORMERS: lambda prompts, tokens: _generate(model, prompts, tokens)}
    more: dict[str, Write] = {WITH_ADAPTER: lambda prompts, tokens: ours(prompts, tokens, lora)}
    if torch.cuda.is_available() and number <= COMPILED_UP_TO:  # on a processor it isn't compiled
        more[COMPILED] = lambda prompts, tokens: _generate(model, prompts, tokens, cache_implementation="static")
    prompts = (_prompts(tokenizer, number, length, seed) for seed in count())
    first = {name: _timed(write, prompts, 1) for name, write in makers.items()}
    whole = {name: _timed(write, prompts, tokens) for name, write in (makers | more).items()}
    for workload, timed in (("first token", first), ("answers", whole)):
        rows = bench.compare(f"GPU, {number} conversations, {workload}", "s", timed)
        bench.ratio(f"gpu_{workload.replace(' ', '_')}_{number}_vs_transformers", rows[OURS], rows[TRANSFORMERS])
        if workload == "first token" and torch.cuda.is_available():
            done = 2 * gpu.layer_weights(model) * number * length / rows[OURS].median
            bench.figure(f"gpu_reading_arithmetic_share_{number}", done / gpu.flop_per_s(model.device))
    if COMPILED in rows:
        bench.ratio(f"gpu_answers_{number}_vs_compiled", rows[OURS], rows[COMPILED])
    if torch.cuda.is_available():
        weights = sum(parameter.nbytes for parameter in model.parameters())
        bench.figure(f"gpu_bandwidth_share_{number}", weights * tokens / rows[OURS].median / gpu.bytes_per_s())
    bench.figure(f"gpu_tokens_per_s_{number}", number * tokens / rows[OURS].median)


def _adapter(model: Adapted) -> Lora:
    """It says nothing, and costs what every one of its rank does."""

    def zeros(size: int) -> torch.Tensor:
        return torch.zeros(Recipe().rank, size, device=model.model.device, dtype=model.model.dtype)

    return model.lora({name: (zeros(inputs), zeros(outputs)) for name, (inputs, outputs) in model.sizes().items()})


def _write(decoder: Decoder, lora: Lora, tokenizer: Tokenizer, prompts: list[list[int]], tokens: int) -> None:
    never, nobody = frozenset[int](), lambda *_: None
    for prompt in prompts:
        decoder.add(Request.make(prompt, Sampling(tokens), tokenizer, never, nobody, nobody, lora))
    while not decoder.is_idle:
        decoder.turn(Threads(1, 1, 1))


@torch.inference_mode()
def _generate(model: PreTrainedModel, prompts: list[list[int]], tokens: int, **more: str) -> None:
    ids = torch.tensor(prompts, device=model.device)
    model.generate(  # type: ignore[operator]
        input_ids=ids, attention_mask=torch.ones_like(ids), min_new_tokens=tokens, max_new_tokens=tokens,
        do_sample=False, pad_token_id=0, **more,
    )  # fmt: skip


def _prompts(tokenizer: Tokenizer, number: int, length: int, seed: int) -> list[list[int]]:
    chance = torch.Generator().manual_seed(seed)
    prompts: list[list[int]] = torch.randint(len(tokenizer), (number, length), generator=chance).tolist()
    return prompts


def _timed(write: Write, prompts: Iterator[list[list[int]]], tokens: int) -> Callable[[], float]:
    def measure() -> float:
        texts = next(prompts)
        gpu.wait()
        began = time.perf_counter()
        write(texts, tokens)
        gpu.wait()
        return time.perf_counter() - began

    return measure
