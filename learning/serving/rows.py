"""Passes through the model for several texts at once: together where the model allows it, one by one elsewhere.

Both ways take the same calls; row i belongs to text i. Knows nothing of requests, nor which way a model allows.
"""

from collections.abc import Collection, Sequence
from inspect import signature
from typing import Protocol

import torch
from torch import Tensor
from transformers import DynamicCache

from learning.serving.adapted import Adapted, Lora
from learning.serving.attention import group_heads
from learning.serving.row_cache import RowCache

Feeds = Sequence[Sequence[int]]


class Rows(Protocol):
    def forward(
        self, first: int, read: Sequence[int], feeds: Feeds, loras: Sequence[Lora] = (), *, last: bool = False
    ) -> Tensor:
        """Feed tokens to the rows from `first` on, which hold `read` tokens each, and each have one of the `loras`.

        Logits (B, T, V), T the longest feed; what follows a shorter feed means nothing. With `last` (B, 1, V): only
        after the last of the T, which is for those who need none, or whose feeds are equally long.
        """
        ...

    def drop(self, leaving: Collection[int], read: Sequence[int]) -> None:
        """Close rows; those behind them move up. `read` are the lengths of all rows."""
        ...


class Together:
    """Tokens can be taken back, and the beginnings of texts kept: drafts and prefixes work."""

    def __init__(self, model: Adapted) -> None:
        self._adapted = model
        self._model = model.model
        self._cache = RowCache(self._model.config.get_text_config().num_hidden_layers)
        group_heads(self._model)

    def forward(
        self, first: int, read: Sequence[int], feeds: Feeds, loras: Sequence[Lora] = (), *, last: bool = False
    ) -> Tensor:
        width = max(map(len, feeds))
        ids = torch.tensor([[*feed, *[0] * (width - len(feed))] for feed in feeds])  # (B, T)
        device = self._model.device
        positions, mask = self._cache.begin(first, read, width, device)
        # What fills up a shorter feed must not stand where no text does: the model may have no position there.
        positions = positions.clamp(max=max(r + len(feed) for r, feed in zip(read, feeds, strict=True)) - 1)
        with self._adapted.wearing(loras, width):
            output = self._model(
                input_ids=ids.to(device),
                attention_mask=mask,
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1 if last else 0,
            )
        logits: Tensor = output.logits
        return logits

    def drop(self, leaving: Collection[int], read: Sequence[int]) -> None:
        staying = [row for row in range(len(read)) if row not in leaving]
        for target, source in enumerate(staying):
            if source != target:
                self._cache.move(source, target, read[source])
        if not staying:
            self.clear()

    def keep(self, row: int, length: int) -> Tensor:
        """A copy of what the row's first tokens left."""
        return self._cache.taken(row, length)

    def restore(self, row: int, kept: Tensor, length: int) -> None:
        """Begin a row with what `keep` returned."""
        self._cache.put_back(row, kept, length)

    def clear(self) -> None:
        self._cache.clear()
        self._adapted.forget()


class Apart:
    def __init__(self, model: Adapted) -> None:
        self._adapted = model
        self._model = model.model
        takes = signature(self._model.forward).parameters
        self._cache_name = "cache_params" if "cache_params" in takes else "past_key_values"  # Mamba's own name for it
        self._caches: list[DynamicCache] = []

    def forward(
        self, first: int, read: Sequence[int], feeds: Feeds, loras: Sequence[Lora] = (), *, last: bool = False
    ) -> Tensor:
        outputs = [self._alone(first + i, feed, loras[i : i + 1]) for i, feed in enumerate(feeds)]
        logits = torch.nn.utils.rnn.pad_sequence(outputs, batch_first=True)  # (B, T, V)
        return logits[:, -1:] if last else logits

    def drop(self, leaving: Collection[int], read: Sequence[int]) -> None:
        self._caches = [cache for row, cache in enumerate(self._caches) if row not in leaving]

    def _alone(self, row: int, feed: Sequence[int], loras: Sequence[Lora]) -> Tensor:
        while len(self._caches) <= row:
            self._caches.append(DynamicCache(config=self._model.config))
        ids = torch.tensor([feed], device=self._model.device)
        kept = {self._cache_name: self._caches[row]}
        with self._adapted.wearing(loras):
            logits: Tensor = self._model(input_ids=ids, use_cache=True, **kept).logits
        return logits[0]  # (T, V)
