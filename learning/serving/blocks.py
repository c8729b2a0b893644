"""Parts of Llama's kind of layer, computed in few operations: what reads the same input is one product.

A step of one token is some two thousand small operations, and handing them out takes as long as reading the weights.
So queries, keys and values are one matrix, and so are gate and up (as in Megatron-LM, Shoeybi et al. 2019). A part of a
model is replaced where it is seen to give the same; all else stays. Knows nothing of rows or adapters.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

MODEL_TYPES = frozenset({"llama", "mistral", "qwen2", "qwen3"})
"""Those that compute so whatever they are given: a comparison doesn't show what is clipped on other texts."""
COMPARED_ON = ((1, 2, 3, 4, 5, 6), (6, 5, 4, 6, 2, 1))
"""Token ids of two texts."""
TOLERANCE = 1e-4
"""What an output may differ by, relative to its size: in fp32, sums are taken in another order."""


@torch.inference_mode()
def join_layers(model: PreTrainedModel) -> None:
    """Replace attention, gated MLPs and norms in place, on a processor. On a GPU it was never tried."""
    config = model.config
    if config.model_type not in MODEL_TYPES or config._attn_implementation != "sdpa" or model.device.type != "cpu":
        return
    names = {module: name for name, module in model.named_modules()}
    same: dict[str, nn.Module] = {}

    def compare(module: nn.Module, args: Any, said: Any, given: Any) -> None:
        try:
            part = _kind(module)(module)
            if _difference(part(*args, **said), given) <= TOLERANCE:
                same[names[module]] = part
        except RuntimeError:  # of other shapes than the model's type lets expect
            pass

    hooks = [module.register_forward_hook(compare, with_kwargs=True) for module in names if _kind(module) is not None]
    model(input_ids=torch.tensor(COMPARED_ON), use_cache=False)
    for hook in hooks:
        hook.remove()
    for name, part in same.items():
        model.set_submodule(name, part)


def _kind(module: nn.Module) -> Any:
    """The part that may compute the same. None for most modules."""
    children = {name for name, _ in module.named_children()}
    if children - {"q_norm", "k_norm"} == {"q_proj", "k_proj", "v_proj", "o_proj"}:
        return Attention
    if children == {"gate_proj", "up_proj", "down_proj", "act_fn"}:
        return GatedMlp
    return Norm if hasattr(module, "variance_epsilon") else None


def _difference(one: Any, other: Any) -> float:
    a, b = (each[0] if isinstance(each, tuple) else each for each in (one, other))
    return float((a - b).norm() / b.norm())


class Joined(nn.Linear):
    """Gives what several linear layers give, one after the other. Raises RuntimeError when only some have a bias."""

    def __init__(self, **linears: nn.Linear) -> None:
        layers = [*linears.values()]
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        if len(biases) not in (0, len(layers)):
            raise RuntimeError("Some of the layers have a bias, and some have none.")
        self.parts = {name: layer.out_features for name, layer in linears.items()}
        super().__init__(layers[0].in_features, sum(self.parts.values()), bool(biases), device="meta")
        self.weight = nn.Parameter(torch.cat([layer.weight.detach() for layer in layers]), requires_grad=False)
        if biases:
            self.bias = nn.Parameter(torch.cat(biases), requires_grad=False)


class Attention(nn.Module):
    """Where heads may share keys and values (Ainslie et al. 2023), and are turned by their places (RoPE, Su et al.
    2021)."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.qkv_proj = Joined(q_proj=module.q_proj, k_proj=module.k_proj, v_proj=module.v_proj)
        self.o_proj: nn.Module = module.o_proj
        self.head_norms = nn.ModuleList(
            Norm(getattr(module, name)) for name in ("q_norm", "k_norm") if hasattr(module, name)
        )
        self._size: int = module.head_dim
        self._keys = module.k_proj.out_features // self._size
        self._queries = module.q_proj.out_features // self._size
        self._scaling: float = module.scaling
        # What transformers reads of a layer that attends.
        self.config = module.config
        self.layer_idx: int = module.layer_idx
        self.num_key_value_groups = self._queries // self._keys
        self.is_causal = True

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        **said: Any,
    ) -> tuple[Tensor, None]:
        """(B, T, hidden) → the same. `position_embeddings`: cosines and sines, (B, T, D) each."""
        query, key, value = self._heads(self.qkv_proj(hidden_states), *position_embeddings)
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        attend = ALL_ATTENTION_FUNCTIONS[self.config._attn_implementation]
        mixed, _ = attend(self, query, key, value, attention_mask, dropout=0.0, scaling=self._scaling, **said)
        return self.o_proj(mixed.flatten(2)), None

    def _heads(self, qkv: Tensor, cosines: Tensor, sines: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, ·) → queries (B, H, T, D), keys and values (B, H/G, T, D)."""
        heads = qkv.view(*qkv.shape[:2], -1, self._size)  # (B, T, all, D)
        turned, value = heads.split([self._queries + self._keys, self._keys], dim=2)
        if self.head_norms:
            parts = turned.split([self._queries, self._keys], dim=2)
            turned = torch.cat([norm(part) for norm, part in zip(self.head_norms, parts, strict=True)], dim=2)
        first, second = turned.chunk(2, dim=-1)
        crossed = torch.cat((-second, first), dim=-1)
        turned = torch.addcmul(turned * cosines[:, :, None], crossed, sines[:, :, None]).transpose(1, 2)
        return turned[:, : self._queries], turned[:, self._queries :], value.transpose(1, 2)


class GatedMlp(nn.Module):
    """SwiGLU and its kin (Shazeer 2020)."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.gate_up_proj = Joined(gate_proj=module.gate_proj, up_proj=module.up_proj)
        self.down_proj: nn.Module = module.down_proj
        self.act_fn: nn.Module = module.act_fn

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        y: Tensor = self.down_proj(self.act_fn(gate) * up)
        return y


class Norm(nn.Module):
    """RMSNorm (Zhang & Sennrich 2019)."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.weight: nn.Parameter = module.weight
        self._epsilon: float = module.variance_epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self._epsilon)
