"""LoRA's linear layers in fewer passes. The parameters stay peft's.

    y = x·Wᵀ + s·x·Aᵀ·Bᵀ = x·(W + s·B·A)ᵀ        W is frozen

In full precision: a batch has more tokens than a layer is wide. So adding B·A to the weights is less work than adding
x·Aᵀ·Bᵀ to what they give, and nothing as large as y is kept, scaled or added.

With W in bf16, the sum would round away most of what an adapter changes: it is added to y. A and B, which stay in fp32,
are rounded for the product, where peft computes it in fp32 and makes fp32 of all that goes in and comes out.

Knows nothing of models and losses.
"""

from typing import Any

import torch
import torch.nn.functional as F
from peft import PeftModel
from peft.tuners import lora
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class MergedLinear(torch.autograd.Function):
    """x (…, I) → y (…, O) by W (O, I) with A (R, I) and B (O, R). The sum is made for each direction, never kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(x, w, a, b)
        ctx.scale = scale
        return _product(x, torch.addmm(w, b, a, alpha=scale), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_y: Tensor) -> tuple[Tensor | None, ...]:
        x, w, a, b = ctx.saved_tensors
        of_x = _product(of_y, torch.addmm(w, b, a, alpha=ctx.scale).T) if ctx.needs_input_grad[0] else None
        x, of_y = x.flatten(0, -2), of_y.flatten(0, -2)  # (T, I), (T, O)
        of_a = ctx.scale * (of_y @ b).T @ x
        of_b = ctx.scale * of_y.T @ (x @ a.T)
        return of_x, None, None, of_a, of_b, None


class AddedLinear(torch.autograd.Function):
    """The same with W, x and y in another precision than A and B, whose gradients are in theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float) -> Tensor:
        a, b, flat = a.to(w.dtype), b.to(w.dtype), x.flatten(0, -2)  # (T, I)
        inner = flat @ a.T  # (T, R)
        y = F.linear(flat, w, bias).addmm_(inner, b.T, alpha=scale)
        ctx.save_for_backward(flat, w, a, b, inner)
        ctx.scale = scale
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_y: Tensor) -> tuple[Tensor | None, ...]:
        x, w, a, b, inner = ctx.saved_tensors
        shape, of_y = of_y.shape, of_y.flatten(0, -2)  # (T, O)
        of_inner = ctx.scale * (of_y @ b)
        of_x = (of_y @ w).addmm_(of_inner, a).view(*shape[:-1], -1) if ctx.needs_input_grad[0] else None
        of_b = ctx.scale * (of_y.T @ inner)
        return of_x, None, None, (of_inner.T @ x).float(), of_b.float(), None


class Linear(lora.Linear):
    """peft's layer. It takes the short way where that pays."""

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        (adapter,) = self.active_adapters
        layer: Any = self
        base, a, b = layer.get_base_layer(), layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
        way = _shortest(x, base.weight, a, b)
        if self.disable_adapters or self.merged or args or kwargs or way is None:
            return super().forward(x, *args, **kwargs)
        y: Tensor = way.apply(x, base.weight, base.bias, a, b, self.scaling[adapter])  # type: ignore[no-untyped-call]
        return y


def shorten(model: PeftModel) -> None:
    """Let the layers of a new adapter take the short way: those that are W, A and B, and no more."""
    for layer in model.modules():
        if type(layer) is lora.Linear and _is_plain(layer):
            layer.__class__ = Linear


def _is_plain(layer: Any) -> bool:
    (adapter,) = layer.active_adapters
    base, a, b = layer.get_base_layer(), layer.lora_A[adapter], layer.lora_B[adapter]
    more = layer.lora_variant or a.bias is not None or b.bias is not None
    return type(base) is nn.Linear and not more and type(layer.lora_dropout[adapter]) is nn.Identity


def _shortest(x: Tensor, w: Tensor, a: Tensor, b: Tensor) -> type[MergedLinear] | type[AddedLinear] | None:
    """B·A takes R·I·O multiplications; x·Aᵀ and what B makes of it take R·(I + O) for each token. None: peft's way."""
    inner, outer = a.shape[1], b.shape[0]
    if x.dtype != w.dtype or a.dtype != b.dtype or torch.is_autocast_enabled(x.device.type):
        return None
    if w.dtype == torch.bfloat16 and a.dtype == torch.float32:
        return AddedLinear
    exact = w.dtype in (torch.float32, torch.float64) and w.dtype == a.dtype
    return MergedLinear if exact and x.numel() // inner * (inner + outer) >= inner * outer else None


def _product(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    """x·Wᵀ + bias. On processors in fp32 by oneDNN, as compiled models do: torch's default (MKL) is slower on AMD's."""
    if x.device.type == "cpu" and x.dtype == torch.float32 and torch.backends.mkldnn.is_available():
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, w, bias, "none", [], "")
        return y
    return F.linear(x, w, bias)
