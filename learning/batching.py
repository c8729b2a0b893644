"""Encoded examples → batches: which rows go together, and their tensors. Knows nothing of models."""

import random
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from learning.chat_format import NOT_TRAINED, Encoded

MIN_SHARED = 16
"""Tokens that the prompts of a batch must share for a pass of its own to pay. On a CPU, 8 rows gain from 8 on."""


def length_grouped(data: Sequence[Encoded], batch_size: int, rng: random.Random) -> list[list[Encoded]]:
    """Batches in random order, of rows of similar length, so that little is padding.

    Rows that begin with the same MIN_SHARED tokens stay together where they fill a batch: it is computed once for all.
    """
    shuffled = rng.sample(data, len(data))
    sizes = Counter(_head(row) for row in data)

    def order(row: Encoded) -> tuple[tuple[int, ...], int]:
        begins = _head(row)
        return (begins if sizes[begins] >= batch_size else (), len(row.input_ids))

    ordered = sorted(shuffled, key=order)
    batches = [ordered[i : i + batch_size] for i in range(0, len(ordered), batch_size)]
    rng.shuffle(batches)
    return batches


def shared_length(batch: Sequence[Encoded]) -> int:
    """How many tokens all prompts begin with. The last token of a prompt predicts the answer, and is never shared."""
    if len(batch) < 2:
        return 0
    longest = min(row.prompt_length for row in batch) - 1
    first = batch[0].input_ids
    for i in range(longest):
        if any(row.input_ids[i] != first[i] for row in batch):
            return i
    return max(0, longest)


def collate(batch: Sequence[Encoded]) -> tuple[Tensor, Tensor]:
    """Pad to the longest row on the right: ids and labels, (B, T) each.

    Whoever reads from left to right sees nothing of what comes after, so that no mask is needed.
    """
    longest = max(len(row.input_ids) for row in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    labels = torch.full((len(batch), longest), NOT_TRAINED)
    for i, row in enumerate(batch):
        length = len(row.input_ids)
        ids[i, :length] = torch.tensor(row.input_ids)
        labels[i, :length] = torch.tensor(row.labels)
    return ids, labels


def _head(row: Encoded) -> tuple[int, ...]:
    return tuple(row.input_ids[:MIN_SHARED])
