"""A batch → the logits that predict its answers, computing only what they need.

The head runs at answer positions alone. What all prompts of the batch begin with is run once, and every row goes on
from its keys and values; gradients flow back through them, and are those of the plain way. Knows nothing of losses.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from learning.batching import MIN_SHARED, collate, shared_length
from learning.chat_format import NOT_TRAINED, Encoded


class AnswerLogits(NamedTuple):
    logits: Tensor  # (A, V), at least fp32
    targets: Tensor  # (A,)
    rows: Tensor  # (A,): which row of the batch the token belongs to


def answer_logits(model: PreTrainedModel | PeftModel, batch: Sequence[Encoded]) -> AnswerLogits:
    """Logits and targets of all A answer tokens of a batch."""
    ids, labels = (each.to(model.device) for each in collate(batch))  # (B, T) each
    targets = labels.roll(-1, dims=1)
    targets[:, -1] = NOT_TRAINED
    predicts = targets != NOT_TRAINED  # positions that predict an answer token
    shared = shared_length(batch)
    if shared >= MIN_SHARED and can_share(model):
        cache = _run_once(model, ids[:1, :shared], len(batch))
        logits = model(input_ids=ids[:, shared:], past_key_values=cache, logits_to_keep=predicts[:, shared:]).logits
    else:
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=predicts).logits
    return AnswerLogits(_at_least_fp32(logits), targets[predicts], predicts.nonzero()[:, 0])


def can_share(model: PreTrainedModel | PeftModel) -> bool:
    """True when all that a model keeps of a text are keys and values, and none of them is recomputed."""
    base: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    layers = DynamicCache(config=base.config).layers
    plain = all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)
    return plain and not base.is_activation_checkpointing


def _run_once(model: PreTrainedModel | PeftModel, prefix: Tensor, rows: int) -> DynamicCache:
    """Keys and values of the prefix (1, P), seen by every row. Sliding windows are left to the attention mask."""
    cache = DynamicCache()
    model(input_ids=prefix, past_key_values=cache, use_cache=True, logits_to_keep=1)
    cache.batch_repeat_interleave(rows)
    return cache


def _at_least_fp32(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
