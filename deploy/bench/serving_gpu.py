"""On a GPU: throughput and first token beside transformers, at 1, 16 and 64 conversations.

The model is of 1.2B parameters and random weights, which serve for speed; every text is as long as it may be.
"""

import time
from collections.abc import Callable
from copy import deepcopy

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from bot.generation import Sampling
from deploy.bench.report import OURS, Bench
from deploy.bench.rivals import TRANSFORMERS
from learning.serving.adapted import Adapted
from learning.serving.decoding import Decoder, Threads
from learning.serving.request import Request

CONVERSATIONS = (1, 16, 64)
PROMPT, TOKENS = 368, 80
COPIED_BYTES = 2**30


def run(bench: Bench, tokenizer: Tokenizer) -> None:
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=2048, intermediate_size=8192, num_hidden_layers=16,
        num_attention_heads=32, num_key_value_heads=8, max_position_embeddings=4096,
    )  # fmt: skip
    with torch.device("cuda"):
        model = LlamaForCausalLM._from_config(config, dtype=torch.bfloat16).eval()
    for number in CONVERSATIONS:
        measure(bench, model, tokenizer, number)


def measure(
    bench: Bench, model: PreTrainedModel, tokenizer: Tokenizer, number: int, length: int = PROMPT, tokens: int = TOKENS
) -> None:
    """Seconds to the first tokens of all, and to all texts."""
    adapted = Adapted(deepcopy(model))
    makers: dict[str, Callable[[int], None]] = {
        OURS: lambda tokens: _ours(adapted, tokenizer, _prompts(tokenizer, number, length), tokens),
        TRANSFORMERS: lambda tokens: _theirs(model, _prompts(tokenizer, number, length), tokens),
    }
    for workload, most in (("first token", 1), ("answers", tokens)):
        timed = {name: _timed(write, most) for name, write in makers.items()}
        rows = bench.compare(f"GPU, {number} conversations, {workload}", "s", timed)
        bench.ratio(f"gpu_{workload.replace(' ', '_')}_{number}_vs_transformers", rows[OURS], rows[TRANSFORMERS])
    took = rows[OURS].median
    bench.figure(f"gpu_tokens_per_s_{number}", number * tokens / took)
    if torch.cuda.is_available():
        weights = sum(parameter.nbytes for parameter in model.parameters())
        bench.figure(f"gpu_bandwidth_share_{number}", weights * tokens / took / _bytes_per_s())


def _ours(model: Adapted, tokenizer: Tokenizer, prompts: list[list[int]], tokens: int) -> None:
    """A decoder of its own each time: no prompt was read before."""
    decoder = Decoder(model)
    for prompt in prompts:
        never, nobody = frozenset[int](), lambda *_: None
        decoder.add(Request.make(prompt, Sampling(tokens), tokenizer, never, nobody, nobody))
    while not decoder.is_idle:
        decoder.turn(Threads(1, 1, 1))


@torch.inference_mode()
def _theirs(model: PreTrainedModel, prompts: list[list[int]], tokens: int) -> None:
    ids = torch.tensor(prompts, device=model.device)
    model.generate(  # type: ignore[operator]
        input_ids=ids, attention_mask=torch.ones_like(ids), min_new_tokens=tokens, max_new_tokens=tokens,
        do_sample=False, pad_token_id=0,
    )  # fmt: skip


def _prompts(tokenizer: Tokenizer, number: int, length: int) -> list[list[int]]:
    chance = torch.Generator().manual_seed(number)
    prompts: list[list[int]] = torch.randint(len(tokenizer), (number, length), generator=chance).tolist()
    return prompts


def _timed(write: Callable[[int], None], tokens: int) -> Callable[[], float]:
    def measure() -> float:
        began = time.perf_counter()
        write(tokens)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter() - began

    return measure


def _bytes_per_s() -> float:
    """What copying within the GPU's memory reads and writes."""
    source = torch.empty(COPIED_BYTES, dtype=torch.uint8, device="cuda")
    target = source.clone()
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(10):
        target.copy_(source)
    torch.cuda.synchronize()
    return 2 * 10 * COPIED_BYTES / (time.perf_counter() - began)
