"""Keys and values of several conversations side by side: each row has a length of its own.

transformers' own caches keep all rows equally long. Here a step feeds each row as many tokens as it has; what lies
beyond a row's length is masked, and written over later, so that taking tokens back costs nothing. Knows nothing of
what the tokens are for.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import DynamicCache, PretrainedConfig
from transformers.cache_utils import Cache, DynamicLayer

GROWTH = 256  # positions that are added at a time


class RowCache(Cache):
    def __init__(self, layers: int) -> None:
        super().__init__(layers=[])
        self._keys: list[Tensor | None] = [None] * layers  # (R, H, C, D) each, C positions of room
        self._values: list[Tensor | None] = [None] * layers
        self._rows = slice(0, 0)
        self._numbers = torch.zeros(0, 1, dtype=torch.long)  # (B, 1): the rows again
        self._positions = torch.zeros(0, 0, dtype=torch.long)  # (B, T)
        self._longest = 0
        self._reach = 0  # positions that the pass may look at
        self.moves = 0
        """How often rows were moved to other memory, as more room was needed, or given back."""

    @staticmethod
    def suits(config: PretrainedConfig) -> bool:
        """True for models whose layers all attend to everything before them."""
        layers = DynamicCache(config=config).layers
        return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)

    def begin(
        self, first: int, lengths: Sequence[int], width: int, device: torch.device | None = None
    ) -> tuple[Tensor, Tensor]:
        """Prepare a pass over the rows from `first` on, `width` new tokens each after the `lengths` that they have.

        Returns position ids (B, T) and the mask (B, 1, T, S), True where a token may look; on the device, once for all
        layers.
        """
        numbers = torch.arange(first, first + len(lengths), device=device)[:, None]
        positions = torch.tensor(lengths, device=device)[:, None] + torch.arange(width, device=device)
        self._longest = max(lengths)
        return positions, self.begin_at(first, numbers, positions, self._longest + width)

    def begin_at(self, first: int, numbers: Tensor, positions: Tensor, reach: int) -> Tensor:
        """The same for tokens that are kept in the rows `numbers` (B, 1), which may lie elsewhere than those that are
        looked at, at `positions` (B, T), all below `reach`. Returns the mask (B, 1, T, reach)."""
        self._rows = slice(first, first + len(numbers))
        self._numbers, self._positions, self._reach = numbers, positions, reach
        seen = torch.arange(reach, device=positions.device)  # (S,)
        return seen <= positions[:, None, :, None]

    def make_room(self, rows: int, reach: int) -> None:
        """For what is to come, where there is some already."""
        for kept in (self._keys, self._values):
            for layer, room in enumerate(kept):
                if room is not None:
                    kept[layer] = self._with_room(room, rows, reach, room)

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        """Keep the new (B, H, T, D) of this pass; all (B, H, S, D) that it may look at."""
        return (
            self._put(self._keys, layer_idx, key_states),
            self._put(self._values, layer_idx, value_states),
        )

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Not asked for where position ids and a mask are given."""
        return self._longest

    def _put(self, kept: list[Tensor | None], layer: int, new: Tensor) -> Tensor:
        room = kept[layer] = self._with_room(kept[layer], self._rows.stop, self._reach, new)
        room[self._numbers, :, self._positions] = new.transpose(1, 2)
        return room[self._rows, :, : self._reach]

    @property
    def is_empty(self) -> bool:
        """Nothing was kept yet, or all was given back."""
        return self._keys[-1] is None

    @property
    def bytes(self) -> int:
        return sum(room.nbytes for room in (*self._keys, *self._values) if room is not None)

    # --- rows come and go ------------------------------------------------------------------------------------------

    def move(self, source: int, target: int, length: int) -> None:
        """Copy a row's first positions to another row."""
        for room in (*self._keys, *self._values):
            if room is not None:
                room[target, :, :length] = room[source, :, :length]

    def taken(self, row: int, length: int) -> Tensor:
        """A copy of a row's first positions: (2·layers, H, length, D)."""
        rooms = [room[row, :, :length] for room in (*self._keys, *self._values) if room is not None]
        return torch.stack(rooms)

    def put_back(self, row: int, copy: Tensor, length: int) -> None:
        """Fill a row's first positions from what `taken` returned."""
        layers = len(self._keys)
        for i, part in enumerate(copy):
            kept, layer = (self._keys, i) if i < layers else (self._values, i - layers)
            room = kept[layer] = self._with_room(kept[layer], row + 1, length, part[None])
            room[row, :, :length] = part[:, :length]

    def clear(self) -> None:
        """Give the memory back."""
        self.moves += 1
        self._keys = [None] * len(self._keys)
        self._values = [None] * len(self._values)

    def _with_room(self, room: Tensor | None, rows: int, reach: int, like: Tensor) -> Tensor:
        """The same content, grown where rows or positions are missing. `like` is (B, H, T, D)."""
        has_rows, has_reach = (room.shape[0], room.shape[2]) if room is not None else (0, 0)
        if room is not None and rows <= has_rows and reach <= has_reach:
            return room
        self.moves += 1
        reach = rounded_up(max(reach, has_reach))
        grown = like.new_zeros(max(rows, has_rows), like.shape[1], reach, like.shape[3])
        if room is not None:
            grown[:has_rows, :, :has_reach] = room
        return grown


def rounded_up(positions: int) -> int:
    return -(-positions // GROWTH) * GROWTH
