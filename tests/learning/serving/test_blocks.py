"""Joined layers give what the model's own give; what they don't fit stays as it is."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache, PreTrainedModel

from learning.serving.adapted import Adapted
from learning.serving.blocks import Attention, GatedMlp, Joined, Norm, join_layers
from learning.serving.precision import HalfLinear, halve

IDS = torch.tensor([[5, 9, 7, 30, 41, 3, 8], [1, 2, 90, 4, 5, 6, 7]])
LAYERS = 2
KINDS: dict[str, dict[str, Any]] = {"llama": {}, "mistral": {"sliding_window": 3}, "qwen2": {}, "qwen3": {}}


def tiny(kind: str, **more: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind, vocab_size=99, hidden_size=32, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=64, initializer_range=0.3, pad_token_id=0, **more,
    )  # fmt: skip
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "norm" in name:  # they begin as nothing, or as ones
            nn.init.normal_(parameter, mean=1.0, std=0.3)
    return model


def parts(model: PreTrainedModel, kind: type[nn.Module]) -> int:
    return sum(isinstance(module, kind) for module in model.modules())


@torch.no_grad()
def logits(model: PreTrainedModel) -> torch.Tensor:
    """Of some tokens at once, and then some more with what was kept of them."""
    cache = DynamicCache(config=model.config)
    first = model(input_ids=IDS[:, :4], past_key_values=cache, use_cache=True).logits
    return torch.cat([first, *[model(input_ids=IDS[:, i : i + 1], past_key_values=cache).logits for i in (4, 5, 6)]], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_all_parts_of_a_known_kind_are_replaced_and_give_the_same(kind: str) -> None:
    model = tiny(kind, **KINDS[kind])
    expected, weights = logits(model), sum(p.numel() for p in model.parameters())
    join_layers(model)
    assert (parts(model, Attention), parts(model, GatedMlp)) == (LAYERS, LAYERS)
    assert parts(model, Norm) == 2 * LAYERS + 1 + (2 * LAYERS if kind == "qwen3" else 0)
    torch.testing.assert_close(logits(model), expected, atol=1e-4, rtol=1e-4)
    assert sum(p.numel() for p in model.parameters()) == weights


@pytest.mark.parametrize("kind", KINDS)
def test_layers_keep_the_names_that_adapters_know_them_by(kind: str) -> None:
    before = {
        name: (module.in_features, module.out_features)
        for name, module in tiny(kind).named_modules()
        if isinstance(module, nn.Linear)
    }
    assert Adapted(tiny(kind)).sizes() == before


def test_a_part_that_computes_something_else_stays() -> None:
    model = tiny("llama")
    mlp = model.model.layers[1].mlp
    mlp.register_forward_hook(lambda module, args, given: 1.01 * given)
    expected = logits(model)
    join_layers(model)
    assert model.model.layers[1].mlp is mlp
    assert (parts(model, Attention), parts(model, GatedMlp)) == (LAYERS, LAYERS - 1)
    torch.testing.assert_close(logits(model), expected, atol=1e-4, rtol=1e-4)


def test_layers_of_which_only_some_have_a_bias_stay_apart() -> None:
    model = tiny("qwen2")
    model.model.layers[0].self_attn.k_proj.bias = None
    expected = logits(model)
    join_layers(model)
    assert parts(model, Attention) == LAYERS - 1
    torch.testing.assert_close(logits(model), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["granite", "gemma", "olmo"])
def test_models_whose_layers_nobody_has_compared_stay(kind: str) -> None:
    model = tiny(kind)
    expected = logits(model)
    join_layers(model)
    assert parts(model, Joined) == 0
    torch.testing.assert_close(logits(model), expected)


def test_joined_layers_are_halved_like_others() -> None:
    model = tiny("llama")
    exact = logits(deepcopy(model))
    adapted = Adapted(model)
    assert halve(model, [])
    assert {type(layer.base) for layer in adapted.layers.values()} == {HalfLinear}
    torch.testing.assert_close(logits(model), exact, atol=0.05, rtol=0.05)


@torch.no_grad()
def test_an_adapter_of_some_of_the_joined_layers_changes_these_alone() -> None:
    model = tiny("llama")
    adapted = Adapted(model)
    name = "model.layers.0.self_attn.k_proj"
    inputs, outputs = adapted.sizes()[name]
    lora = adapted.lora({name: (torch.randn(2, inputs), torch.randn(2, outputs))})
    x, layer = torch.randn(1, 3, inputs), adapted.layers["model.layers.0.self_attn.qkv_proj"]
    plain = layer(x)
    with adapted.wearing([lora]):
        changed = layer(x) - plain
    query, key, value = changed.split([*layer.parts.values()], dim=-1)
    assert not query.any()
    assert not value.any()
    assert key.all()
