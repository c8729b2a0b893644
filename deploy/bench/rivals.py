"""What would be used instead: transformers, peft and llama.cpp, each in its own best way on this machine.

Each takes messages and gives texts, greedily, at most so many tokens. Knows nothing of what is measured.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, ContinuousBatchingConfig, GenerationConfig, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from bot.generation import Sampling
from bot.ids import AdapterId
from bot.prompting import Message
from deploy.bench.apart import LlamaCppProcess
from deploy.bench.reader import Reader
from learning.budget import MOST_THREADS, fastest_threads
from learning.chat_format import encode_prompt
from learning.serving.gguf_export import Precision
from storage.adapter_files import AdapterFiles

Prompt = Sequence[Message]
Write = Callable[[Prompt, int], Awaitable[str]]
WriteAll = Callable[[Sequence[Prompt], int], Awaitable[list[str]]]

TRANSFORMERS, LOOKUP = "transformers", "transformers, prompt lookup"
STATIC, CONTINUOUS = "transformers, static batch", "transformers, continuous batching"
PEFT = "peft, adapter_names"
LLAMACPP: dict[Precision, str] = {"f16": "llama.cpp F16", "q8_0": "llama.cpp Q8_0"}
LOOKUP_TOKENS = 8
PAGES_PER_TEXT = 4
"""Of 256 tokens. Left to itself, continuous batching takes 60 % of the memory."""
TOKENS_AT_ONCE = 512
READ, WRITTEN = 160, 16
"""Tokens of a text with which the number of threads is measured: reading gains by more of them, writing may not."""


class Transformers:
    """The merged model in fp32, with the number of threads that suits each number of texts best."""

    def __init__(self, model: PreTrainedModel, tokenizer: Tokenizer) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._threads = Threads(partial(generate, model, tokenizer))

    async def write(self, prompt: Prompt, tokens: int) -> str:
        return (await self.write_static([prompt], tokens))[0]

    async def write_with_lookup(self, prompt: Prompt, tokens: int) -> str:
        ids, mask = left_padded(self._tokenizer, [prompt])
        written = self._generate(ids, mask, tokens, prompt_lookup_num_tokens=LOOKUP_TOKENS)
        return texts_of(self._tokenizer, written, ids)[0]

    async def write_static(self, prompts: Sequence[Prompt], tokens: int) -> list[str]:
        ids, mask = left_padded(self._tokenizer, prompts)
        return texts_of(self._tokenizer, self._generate(ids, mask, tokens), ids)

    async def write_continuous(self, prompts: Sequence[Prompt], tokens: int) -> list[str]:
        """Raises RuntimeError when it gave no text for a prompt."""
        batching = ContinuousBatchingConfig(
            num_blocks=PAGES_PER_TEXT * len(prompts), max_batch_tokens=TOKENS_AT_ONCE, use_async_batching=False
        )
        end = self._tokenizer.eos_token_id
        greedy = GenerationConfig(max_new_tokens=tokens, do_sample=False, eos_token_id=end, pad_token_id=end)
        inputs = [encode_prompt(self._tokenizer, prompt) for prompt in prompts]
        self._threads.set_for(len(prompts))
        outputs = self._model.generate_batch(  # type: ignore[operator]  # a mixin's; its stub is a Tensor
            inputs=inputs, generation_config=greedy, continuous_batching_config=batching, warmup=False
        )
        if len(outputs) < len(prompts) or any(output.error for output in outputs.values()):
            raise RuntimeError("generate_batch did not write every text")
        by_prompt = {tuple(output.prompt_ids): output.generated_tokens for output in outputs.values()}
        return [_text(self._tokenizer, by_prompt[tuple(ids)]) for ids in inputs]

    def _generate(self, ids: torch.Tensor, mask: torch.Tensor, tokens: int, **more: Any) -> torch.Tensor:
        self._threads.set_for(len(ids))
        return generate(self._model, self._tokenizer, ids, mask, tokens, **more)


class Threads:
    """How many write a number of texts the fastest; measured once for each number."""

    def __init__(self, write: Callable[[torch.Tensor, torch.Tensor, int], object]) -> None:
        """`write` takes token ids (B, T), their mask, and how many tokens to write."""
        self._write = write
        self._best: dict[int, int] = {}

    def set_for(self, texts: int) -> None:
        if texts not in self._best:
            ids = torch.zeros(texts, READ, dtype=torch.long)
            self._best[texts] = fastest_threads(MOST_THREADS, lambda: self._write(ids, ids + 1, WRITTEN))
        torch.set_num_threads(self._best[texts])


class PeftRows:
    """One base model in fp32 and several adapters beside it, unmerged: each row of a batch names its own."""

    def __init__(self, reader: Reader, files: AdapterFiles, adapters: Sequence[AdapterId]) -> None:
        base = AutoModelForCausalLM.from_pretrained(reader.base.folder, dtype=torch.float32)
        first, *others = adapters
        self._model = PeftModel.from_pretrained(base, str(files.folder(first)), adapter_name=first)
        for other in others:
            self._model.load_adapter(str(files.folder(other)), adapter_name=other)
        self._model.eval()
        self._adapters = list(adapters)
        self._tokenizer = reader.tokenizer
        self._threads = Threads(partial(generate, self._model, self._tokenizer, adapter_names=self._adapters))

    async def write_all(self, prompts: Sequence[Prompt], tokens: int) -> list[str]:
        """One prompt for each adapter."""
        ids, mask = left_padded(self._tokenizer, prompts)
        self._threads.set_for(len(ids))
        written = generate(self._model, self._tokenizer, ids, mask, tokens, adapter_names=self._adapters)
        return texts_of(self._tokenizer, written, ids)


@asynccontextmanager
async def llama_cpp(reader: Reader, cache: Path) -> AsyncIterator[dict[str, Write]]:
    """Its own server, prompts kept. A precision that can't be had is left out."""
    opened: dict[str, LlamaCppProcess] = {}
    try:
        for precision, name in LLAMACPP.items():
            opened[name] = process = LlamaCppProcess()
            if not await process.open(reader, cache, precision):
                opened.pop(name).close()
        yield {name: process.write for name, process in opened.items()}
    finally:
        for process in opened.values():
            process.close()


def writes(engine: Any) -> Write:
    """A `bot.ports.Generator` as a contender."""

    async def write(prompt: Prompt, tokens: int) -> str:
        return str((await engine.generate(prompt, Sampling(tokens))).text)

    return write


@torch.inference_mode()
def generate(
    model: Any, tokenizer: Tokenizer, ids: torch.Tensor, mask: torch.Tensor, tokens: int, **more: Any
) -> torch.Tensor:
    written: torch.Tensor = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False,
        pad_token_id=tokenizer.eos_token_id, **more,
    )  # fmt: skip
    return written


def left_padded(tokenizer: Tokenizer, prompts: Sequence[Prompt]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask, both (B, T)."""
    encoded = [encode_prompt(tokenizer, prompt) for prompt in prompts]
    width = max(map(len, encoded))
    ids = [[tokenizer.eos_token_id] * (width - len(each)) + each for each in encoded]
    mask = [[0] * (width - len(each)) + [1] * len(each) for each in encoded]
    return torch.tensor(ids), torch.tensor(mask)


def texts_of(tokenizer: Tokenizer, written: torch.Tensor, prompts: torch.Tensor) -> list[str]:
    return [_text(tokenizer, row.tolist()) for row in written[:, prompts.shape[1] :]]


def _text(tokenizer: Tokenizer, tokens: Sequence[int]) -> str:
    return str(tokenizer.decode(list(tokens), skip_special_tokens=True)).strip()
