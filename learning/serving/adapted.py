"""One base model for all adapter versions: its linear layers add to each text what that text's own adapter says.

A LoRA (Hu et al. 2021) that is not merged costs two thin products a layer, about a tenth of a step. For that, a
version is a few megabytes beside a base that nothing ever changes, and texts of different versions are written in one
pass (as in Punica, Chen et al. 2023, and S-LoRA, Sheng et al. 2023). Knows nothing of files.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from learning.serving.blocks import Joined, join_layers

STACKED_WIDTH = 8
"""Tokens of a row up to which the rows' adapters are multiplied as one batch; longer rows take whole matrices."""
STACKED_BYTES = 256 * 2**20
"""Of the adapters that are copied side by side for it, one for each row. What needs more goes on row after row."""

Parts = Mapping[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class Lora:
    """What one version adds, by the name of the layer, which may be a joined one. Never changed."""

    parts: Parts
    """(r, in) and (r, out), the second one scaled: both are read in the order in which they lie in memory."""

    @property
    def bytes(self) -> int:
        return sum(down.nbytes + up.nbytes for down, up in self.parts.values())


NOTHING = Lora({})
"""The base model itself."""


class Adapted:
    """Takes a model over: its linear layers are joined where that gives the same, and wrapped in place."""

    def __init__(self, model: PreTrainedModel) -> None:
        join_layers(model)
        self.model = model
        self.layers: dict[str, AdaptedLinear] = {}
        self._worn = _Worn()
        self._stack = _Stack()
        for name, layer in [*model.named_modules()]:
            if isinstance(layer, nn.Linear | Conv1D):
                self.layers[name] = AdaptedLinear(layer, name, self._worn)
                model.set_submodule(name, self.layers[name])

    @contextmanager
    def wearing(self, loras: Sequence[Lora], width: int = STACKED_WIDTH + 1) -> Iterator[None]:
        """Row by row, what is added in passes of `width` tokens each through the model; without any, nothing is."""
        if any(lora.parts for lora in loras):
            self._worn.rows = len(loras)
            self._worn.runs = [(len([*same]), lora) for lora, same in groupby(loras)]
            if len(self._worn.runs) > 1 and width <= STACKED_WIDTH:
                self._worn.stacked = self._stacked(loras)
        try:
            yield
        finally:
            self._worn.runs = []  # a version that is given up is freed at once
            self._worn.stacked = {}

    def forget(self) -> None:
        """Free what is kept for the rows of the last pass."""
        self._stack = _Stack()

    def _stacked(self, loras: Sequence[Lora]) -> Parts:
        """Made when the rows change, not at each step. Empty where it would take too much memory."""
        if self._stack.loras != tuple(loras):
            self.forget()
            largest = max(loras, key=lambda lora: lora.bytes)
            if len(loras) * largest.bytes <= STACKED_BYTES:
                self._stack = _Stack(tuple(loras), _side_by_side(loras))
        return self._stack.parts

    @contextmanager
    def exact(self) -> Iterator[None]:
        """Compute in fp32 meanwhile. A linear layer's weights are cast only while it computes: all of them at once may
        be more than the device holds."""
        own = {parameter: parameter.data for parameter in self.model.parameters()}
        layers = {layer.base for layer in self.layers.values()}
        others = {
            p for module in self.model.modules() if module not in layers for p in module.parameters(recurse=False)
        }

        def cast(layer: nn.Module, *_: object) -> None:
            for parameter in layer.parameters(recurse=False):
                parameter.data = parameter.data.float()

        def restore(layer: nn.Module, *_: object) -> None:
            for parameter in layer.parameters(recurse=False):
                if parameter not in others:  # as a head is that embeds, too
                    parameter.data = own[parameter]

        hooks = [layer.register_forward_pre_hook(cast) for layer in layers]
        hooks += [layer.register_forward_hook(restore) for layer in layers]
        try:
            for parameter in others:
                parameter.data = parameter.data.float()
            yield
        finally:
            for hook in hooks:
                hook.remove()
            for parameter, data in own.items():
                parameter.data = data

    def random_lora(self, seed: int) -> Lora:
        """It changes what every layer says about as much as the layer itself."""
        chance = torch.Generator().manual_seed(seed)

        def draw(size: int, scale: float) -> Tensor:
            drawn = scale * torch.randn(1, size, generator=chance)
            return drawn.to(self.model.device, self.model.dtype)

        return self.lora({name: (draw(n, n**-0.5), draw(m, 0.5)) for name, (n, m) in self.sizes().items()})

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Numbers that go into each layer, and that come out, by the names that layers have before they are joined."""
        return {
            name: (layer.inputs, outputs) for layer in self.layers.values() for name, outputs in layer.parts.items()
        }

    def lora(self, parts: Parts) -> Lora:
        """Of what is added to each layer, by the same names."""
        own = {name: [parts.get(part) for part in layer.parts] for name, layer in self.layers.items()}
        return Lora(
            {name: _joined(some, [*self.layers[name].parts.values()]) for name, some in own.items() if any(some)}
        )


@dataclass
class _Worn:
    """What a pass adds. Neighbours of the same version are one run: a pass of one version takes whole matrices."""

    rows: int = 0
    runs: Sequence[tuple[int, Lora]] = ()
    """How many rows, and their adapter. Empty when nothing is added."""
    stacked: Parts = field(default_factory=dict)
    """(B, in, r) and (B, r, out), row by row: one batch of small products. Empty where there is no need of it."""


@dataclass(frozen=True)
class _Stack:
    loras: tuple[Lora, ...] = ()
    parts: Parts = field(default_factory=dict)


def _side_by_side(loras: Sequence[Lora]) -> Parts:
    """Each layer's matrices for all rows; what a row lacks is zero."""
    names = {name for lora in loras for name in lora.parts}
    return {name: _padded([lora.parts.get(name) for lora in loras]) for name in names}


def _padded(parts: Sequence[tuple[Tensor, Tensor] | None]) -> tuple[Tensor, Tensor]:
    like_down, like_up = max((part for part in parts if part is not None), key=lambda part: len(part[0]))
    downs, ups = (like.new_zeros(len(parts), *like.shape) for like in (like_down, like_up))
    for row, part in enumerate(parts):
        if part is not None:
            downs[row, : len(part[0])], ups[row, : len(part[1])] = part
    return downs.transpose(1, 2), ups


def _joined(parts: Sequence[tuple[Tensor, Tensor] | None], outputs: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Of layers side by side: each one's own columns hear of its own rank alone."""
    there = [part for part in parts if part is not None]
    if len(parts) == 1:
        return there[0]
    like = there[0][1]
    ups = [like.new_zeros(0, size) if part is None else part[1] for part, size in zip(parts, outputs, strict=True)]
    return torch.cat([down for down, _ in there]), torch.block_diag(*ups)


class AdaptedLinear(nn.Module):
    def __init__(self, base: nn.Linear | Conv1D, name: str, worn: _Worn) -> None:
        super().__init__()
        self.base: nn.Module = base
        shape = base.weight.shape
        self.inputs, self.outputs = shape if isinstance(base, Conv1D) else shape[::-1]
        self._name = name
        self._worn = worn
        own = name.rpartition(".")[0]
        joined = base.parts if isinstance(base, Joined) else {}
        self.parts = {f"{own}.{part}": outputs for part, outputs in joined.items()} or {name: self.outputs}
        """Outputs of the layers that it is made of, by their names in the model as it was."""

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
        if self._worn.stacked:
            self._add_batch(x, y)
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

    def _add_batch(self, x: Tensor, y: Tensor) -> None:
        if (part := self._worn.stacked.get(self._name)) is not None:
            down, up = part
            rows = self._worn.rows
            y.view(rows, -1, self.outputs).baddbmm_(torch.bmm(x.reshape(rows, -1, self.inputs), down), up)
