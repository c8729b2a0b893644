"""One base model for all adapter versions: its linear layers add to each text what that text's own adapter says.

A LoRA (Hu et al. 2021) that is not merged costs two thin products a layer, about a seventh of a step. For that, a
version is a few megabytes beside a base that nothing ever changes, and texts of different versions are written in one
pass (as in Punica, Chen et al. 2023, and S-LoRA, Sheng et al. 2023). Knows nothing of files.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D


@dataclass(frozen=True, eq=False)
class Lora:
    """What one version adds, by the layer's name. Never changed."""

    parts: Mapping[str, tuple[Tensor, Tensor]]
    """(r, in) and (r, out), the second one scaled: both are read in the order in which they lie in memory."""


NOTHING = Lora({})
"""The base model itself."""


class Adapted:
    """Takes a model over: its linear layers are wrapped in place."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.layers: dict[str, AdaptedLinear] = {}
        self._worn = _Worn()
        for name, layer in [*model.named_modules()]:
            if isinstance(layer, nn.Linear | Conv1D):
                self.layers[name] = AdaptedLinear(layer, name, self._worn)
                model.set_submodule(name, self.layers[name])

    @contextmanager
    def wearing(self, loras: Sequence[Lora]) -> Iterator[None]:
        """Row by row, what is added in passes through the model; without any, nothing is."""
        if any(lora.parts for lora in loras):
            self._worn.rows = len(loras)
            self._worn.runs = [(len([*same]), lora) for lora, same in groupby(loras)]
        try:
            yield
        finally:
            self._worn.runs = []  # a version that is given up is freed at once

    def random_lora(self, seed: int) -> Lora:
        """It changes what every layer says about as much as the layer itself."""
        chance = torch.Generator().manual_seed(seed)

        def draw(size: int, scale: float) -> Tensor:
            drawn = scale * torch.randn(1, size, generator=chance)
            return drawn.to(self.model.device, self.model.dtype)

        return Lora({name: (draw(n, n**-0.5), draw(m, 0.5)) for name, (n, m) in self.sizes().items()})

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Numbers that go into each layer, and that come out."""
        return {name: (layer.inputs, layer.outputs) for name, layer in self.layers.items()}


@dataclass
class _Worn:
    """What a pass adds. Neighbours of the same version are one run: a pass of one version takes whole matrices."""

    rows: int = 0
    runs: Sequence[tuple[int, Lora]] = ()
    """How many rows, and their adapter. Empty when nothing is added."""


class AdaptedLinear(nn.Module):
    def __init__(self, base: nn.Linear | Conv1D, name: str, worn: _Worn) -> None:
        super().__init__()
        self.base: nn.Module = base
        shape = base.weight.shape
        self.inputs, self.outputs = shape if isinstance(base, Conv1D) else shape[::-1]
        self._name = name
        self._worn = worn

    # Some models look at these. Those that compute with them, past the layer, do so when adapters are trained, too.

    @property
    def weight(self) -> Tensor:
        weight: Tensor = self.base.weight  # type: ignore[assignment]
        return weight

    @property
    def bias(self) -> Tensor | None:
        bias: Tensor | None = self.base.bias  # type: ignore[assignment]
        return bias

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, in) or (B·T, in) → the same with `out`."""
        y: Tensor = self.base(x)
        if not self._worn.runs:
            return y
        flat, out = x.reshape(-1, self.inputs), y.view(-1, self.outputs)
        if len(self._worn.runs) == 1:  # nearly always: the shortest way
            self._add(self._worn.runs[0][1], flat, out)
            return y
        tokens = len(flat) // self._worn.rows
        sizes = [rows * tokens for rows, _ in self._worn.runs]
        for (_, lora), x_run, y_run in zip(self._worn.runs, flat.split(sizes), out.split(sizes), strict=True):
            self._add(lora, x_run, y_run)
        return y

    def _add(self, lora: Lora, x: Tensor, y: Tensor) -> None:
        if (part := lora.parts.get(self._name)) is not None:
            down, up = part
            y.addmm_(F.linear(x, down), up)
