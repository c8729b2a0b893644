"""Attention where several heads share keys and values (Ainslie et al. 2023), without a copy of these for each head.

transformers makes one whenever a pass takes more than a token of a row: in each layer, for all that was read before.
Here the heads that share keys are queries of one head. What is computed is the same.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "grouped"
PLAIN = frozenset({"dropout", "scaling", "position_ids", "use_cache", "is_causal", "sliding_window"})
"""What a layer may say of its attention, beside a mask that says where to look."""


def group_heads(model: PreTrainedModel) -> None:
    """Let a model attend so, if it attends with torch's own function."""
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, attend)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


def attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **said: Any
) -> tuple[Tensor, Tensor | None]:
    """`query` (B, H, T, D); `key` and `value` (B, H/G, S, D); the mask (B, 1, T, S) → (B, T, H, D), no weights."""
    (rows, heads, tokens, size), shared = query.shape, key.shape[1]
    unusual = {name for name, what in said.items() if what is not None} - PLAIN
    if shared == heads or tokens == 1 or attention_mask is None or attention_mask.shape[1] != 1 or unusual:
        attended: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **said)
        return attended
    queries = query.reshape(rows, shared, -1, size)  # (B, H/G, G·T, D)
    mask = attention_mask.repeat(1, 1, heads // shared, 1)  # (B, 1, G·T, S)
    mixed = F.scaled_dot_product_attention(queries, key, value, attn_mask=mask, scale=said.get("scaling"))
    return mixed.reshape(rows, heads, tokens, -1).transpose(1, 2).contiguous(), None
