"""The plainest way to write: the likeliest token each time, up to one that ends a text. The same judged and served.

Many models bring more along (Qwen2.5 punishes repetition), which transformers' `generate` does unless it is told not
to. Knows nothing of prompts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peft import PeftModel
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase


def ends_of(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The tokens that end a text."""
    config = model.generation_config
    named = config.eos_token_id if config is not None else None
    ends = named if isinstance(named, list) else [named]
    return frozenset(int(end) for end in (*ends, tokenizer.eos_token_id) if end is not None)


@contextmanager
def greedy(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase) -> Iterator[None]:
    """Let `generate` write so. To pass it this is not enough: what that leaves out, it takes from the model's own."""
    ends = sorted(ends_of(model, tokenizer)) or None
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    plain: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    own = plain.generation_config
    plain.generation_config = GenerationConfig(do_sample=False, eos_token_id=ends, pad_token_id=pad)
    try:
        yield
    finally:
        plain.generation_config = own
