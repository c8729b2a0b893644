"""Encoded examples → batches: which rows go together, and their tensors. Knows nothing of models."""

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from learning.chat_format import NOT_TRAINED, Encoded

SHARING_PAYS = not torch.cuda.is_available()
"""Whether what prompts share is worth a pass of its own. A GPU has both passes done sooner than it is told of them: an
H100 took twice as long with them, for 8 rows of 475 tokens through 1.2B parameters."""
MIN_SHARED = 16
"""Tokens that the prompts of a batch must share for a pass of its own to pay. On a CPU, 8 rows gain from 8 on."""
SAME_TEXTS = 128
"""Tokens that prompts begin with alike when they show the same texts, and differ in the question."""
MIN_SAME = 2
"""Rows with the same texts that are worth being computed by themselves."""


def length_grouped(data: Sequence[Encoded], batch_size: int, rng: random.Random) -> list[list[Encoded]]:
    """Batches in random order, of rows of similar length, so that little is padding.

    Rows that begin alike stay together, since that is computed once for all: those that show the same texts side by
    side in one batch (`same_texts` parts them again), others where the same MIN_SHARED tokens fill a batch.
    """
    shuffled = rng.sample(data, len(data))
    alone: list[Encoded] = []
    groups: list[list[Encoded]] = []
    for same in _by_head(shuffled, SAME_TEXTS).values():
        for rows in _chunks(same, batch_size):
            if len(rows) >= MIN_SAME and rows[0].prompt_length > SAME_TEXTS:
                groups.append(rows)
            else:
                alone += rows
    batches = _packed(groups, batch_size)
    sizes = {head: len(rows) for head, rows in _by_head(alone, MIN_SHARED).items()}

    def order(row: Encoded) -> tuple[tuple[int, ...], int]:
        head = _head(row, MIN_SHARED)
        return (head if sizes[head] >= batch_size else (), len(row.input_ids))

    batches += _chunks(sorted(alone, key=order), batch_size)
    rng.shuffle(batches)
    return batches


def same_texts(batch: Sequence[Encoded]) -> list[list[Encoded]]:
    """The batch in parts that are worth computing by themselves: rows that show the same texts, and all others."""
    if not SHARING_PAYS:
        return [[*batch]] if batch else []
    heads = _by_head(batch, SAME_TEXTS)
    parts = [rows for rows in heads.values() if len(rows) >= MIN_SAME and rows[0].prompt_length > SAME_TEXTS]
    grouped = {id(row) for rows in parts for row in rows}
    others = [row for row in batch if id(row) not in grouped]
    return [*parts, others] if others else parts


def shared_length(batch: Sequence[Encoded]) -> int:
    """How many tokens all prompts begin with. The last token of a prompt predicts the answer, and is never shared."""
    if len(batch) < 2 or not SHARING_PAYS:
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


def _by_head(data: Sequence[Encoded], length: int) -> dict[tuple[int, ...], list[Encoded]]:
    by_head: dict[tuple[int, ...], list[Encoded]] = {}
    for row in data:
        by_head.setdefault(_head(row, length), []).append(row)
    return by_head


def _head(row: Encoded, length: int) -> tuple[int, ...]:
    return tuple(row.input_ids[:length])


def _packed(groups: Sequence[list[Encoded]], size: int) -> list[list[Encoded]]:
    """Whole groups in batches of at most `size` rows, the largest first, each where it fits first."""
    batches: list[list[Encoded]] = []
    for group in sorted(groups, key=len, reverse=True):
        room = next((batch for batch in batches if len(batch) + len(group) <= size), None)
        if room is None:
            batches.append(list(group))
        else:
            room += group
    return batches


def _chunks(rows: Sequence[Encoded], size: int) -> list[list[Encoded]]:
    return [list(rows[i : i + size]) for i in range(0, len(rows), size)]
