"""Passes through the model for several texts at once: together where the model allows it, one by one elsewhere.

Both ways take the same calls; row i belongs to text i. Knows nothing of requests.
"""

from collections.abc import Sequence
from inspect import signature
from math import inf, isfinite
from typing import Protocol

import structlog
import torch
from torch import Tensor
from transformers import DynamicCache

from learning.serving.adapted import Adapted, Lora
from learning.serving.attention import group_heads
from learning.serving.row_cache import RowCache

log = structlog.get_logger()

TOLERANCE = 1e-2
"""Of logits: what a pass over several rows may differ by from passes over one each, relative to their size.

Compared in fp32, where the bundled model's differ by 0.0001; by 0.05 and more when a text stands a position further, by
0.15 with another row's adapter. In bf16 they differ by 0.02 in one comparison, by more than their size in another: what
is random in the adapters makes much of a little.
"""

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

    def drop(self, row: int, read: Sequence[int]) -> None:
        """Close a row; those behind it move up. `read` are the lengths of all rows."""
        ...


def rows_for(model: Adapted) -> Rows:
    """All rows in one pass, where that is proved to give the same."""
    difference = inf
    if RowCache.suits(model.model.config):
        together = Together(model)
        difference = _difference(model, together)
        together.clear()
    is_same = difference <= TOLERANCE
    log.info("texts are written", side_by_side=is_same, difference=difference)
    return together if is_same else Apart(model)


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

    def drop(self, row: int, read: Sequence[int]) -> None:
        for source in range(row + 1, len(read)):
            self._cache.move(source, source - 1, read[source])
        if len(read) == 1:
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

    def drop(self, row: int, read: Sequence[int]) -> None:
        del self._caches[row : row + 1]

    def _alone(self, row: int, feed: Sequence[int], loras: Sequence[Lora]) -> Tensor:
        while len(self._caches) <= row:
            self._caches.append(DynamicCache(config=self._model.config))
        ids = torch.tensor([feed], device=self._model.device)
        kept = {self._cache_name: self._caches[row]}
        with self._adapted.wearing(loras):
            logits: Tensor = self._model(input_ids=ids, use_cache=True, **kept).logits
        return logits[0]  # (T, V)


@torch.inference_mode()
def _difference(model: Adapted, together: Together) -> float:
    """Feed two short texts of different lengths and adapters both ways; together they go on from copies of what was
    kept. Models know many ways to look at what came before, and some don't keep their rows in order.

    How much the logits differ, relative to their size; infinite where it can't be done together.
    """
    apart, found = Apart(model), [0.0]
    try:
        with model.exact():
            loras = [model.random_lora(seed) for seed in range(2)]
            for read, feeds in (([0, 0], [[5, 6, 7], [8]]), ([3, 1], [[9], [10, 11]])):
                if any(read):
                    _begin_anew(together, read)
                joint, single = together.forward(0, read, feeds, loras), apart.forward(0, read, feeds, loras)
                for row, feed in enumerate(feeds):
                    a, b = joint[row, : len(feed)].float(), single[row, : len(feed)].float()
                    found.append(float((a - b).norm() / b.norm()))
    except (TypeError, ValueError, RuntimeError, IndexError) as problem:
        log.info("texts can't be compared side by side", reason=f"{type(problem).__name__}: {problem}")
        return inf
    return max(found) if all(map(isfinite, found)) else inf


def _begin_anew(together: Together, read: Sequence[int]) -> None:
    """Some models cache what is of no one shape (DeepSeek's keys and values), and can't be kept."""
    kept = [together.keep(row, length) for row, length in enumerate(read)]
    together.clear()
    for row, length in enumerate(read):
        together.restore(row, kept[row], length)
