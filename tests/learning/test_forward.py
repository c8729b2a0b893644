"""Whatever a batch shares, its losses and gradients are those of the plain way, on every kind of model."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import PeftModel
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    FalconH1Config,
    Gemma3TextConfig,
    GPT2Config,
    GptOssConfig,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen3Config,
    Qwen3NextConfig,
)

from bot.prompting import Message
from learning import forward
from learning.chat_format import Encoded, encode_example
from learning.forward import answer_logits, can_share
from learning.losses import answer_loss, dpo_loss, kl_to_base, kto_loss
from tests.learning.adapters import adapted
from tests.learning.encoded import VOCABULARY, ragged
from tests.learning.model_cache import CACHE

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),  # peft asks for it
    pytest.mark.filterwarnings("ignore:fan_in_fan_out"),  # GPT-2's layers are transposed; peft notices
]

Loss = Callable[[PeftModel, Sequence[Encoded]], Tensor]
LOSSES: list[Loss] = [answer_loss, kl_to_base, dpo_loss, kto_loss]
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
}  # fmt: skip
SHARING = {
    "llama": LlamaConfig(**SHAPE),
    "qwen3": Qwen3Config(**SHAPE, head_dim=8),
    "granite": GraniteConfig(**SHAPE),
    "phi3": Phi3Config(**SHAPE, pad_token_id=0),
    "gpt2": GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0
    ),
    "sliding window": MistralConfig(**SHAPE, sliding_window=20),
    "some layers sliding": Gemma3TextConfig(
        **SHAPE, head_dim=8, sliding_window=20, layer_types=["sliding_attention", "full_attention"]
    ),
    "attention sinks": GptOssConfig(**SHAPE, head_dim=8, sliding_window=20, num_local_experts=2, num_experts_per_tok=1),
}
NOT_SHARING = {
    "linear attention": Qwen3NextConfig(
        **SHAPE, head_dim=8, num_experts=2, num_experts_per_tok=1, moe_intermediate_size=16,
        shared_expert_intermediate_size=16, layer_types=["linear_attention", "full_attention"],
    ),
    "state space": FalconH1Config(**SHAPE, mamba_d_ssm=32, mamba_n_heads=4, mamba_d_head=8, mamba_d_state=8),
}  # fmt: skip
ALL = SHARING | NOT_SHARING


def exact_llama() -> PeftModel:
    """In float64 throughout: transformers' own norms round to float32."""
    base = build(SHARING["llama"])
    for name, module in list(base.named_modules()):
        if name.endswith("norm"):
            exact = torch.nn.RMSNorm(32, eps=module.variance_epsilon)
            base.get_submodule(name.rpartition(".")[0]).register_module(name.rpartition(".")[2], exact)
    return adapted(base).double().train()


def build(config: PreTrainedConfig) -> PreTrainedModel:
    torch.manual_seed(0)
    made: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return made


def gradients(model: PeftModel, loss_of: Loss, batch: Sequence[Encoded]) -> tuple[float, Tensor]:
    model.zero_grad()
    loss = loss_of(model, batch)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def plainly(model: PeftModel, loss_of: Loss, batch: Sequence[Encoded]) -> tuple[float, Tensor]:
    """The same without sharing anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward, "can_share", lambda model: False)
        return gradients(model, loss_of, batch)


@pytest.fixture(scope="module")
def exact() -> PeftModel:
    return exact_llama()


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.integers(2, 5), st.integers(0, 40), st.sampled_from(LOSSES))
def test_loss_and_gradients_equal_the_plain_ones(
    exact: PeftModel, rng: random.Random, rows: int, shared: int, loss_of: Loss
) -> None:
    batch = ragged(rng, rows=rows, shared=shared, pairs=True)
    loss, found = gradients(exact, loss_of, batch)
    plain_loss, plain = plainly(exact, loss_of, batch)
    assert loss == pytest.approx(plain_loss, rel=1e-9, abs=1e-12)
    assert (found - plain).norm() <= 1e-9 * plain.norm()
    assert plain.norm() > 0


def test_prompts_that_are_the_same_to_the_last_token_share_all_but_that(exact: PeftModel) -> None:
    one = ragged(random.Random(0), rows=1, shared=50)[0]
    batch = [one, one, one]
    assert answer_loss(exact, batch).item() == pytest.approx(answer_loss(exact, [one]).item(), rel=1e-9)


def test_what_is_shared_is_run_once(exact: PeftModel) -> None:
    seen: list[tuple[int, int]] = []
    embedding = exact.get_input_embeddings()
    hook = embedding.register_forward_hook(lambda module, args, out: seen.append(tuple(args[0].shape)))
    batch = ragged(random.Random(0), rows=4, shared=50)
    answer_logits(exact, batch)
    hook.remove()
    longest = max(len(each.input_ids) for each in batch)
    assert seen == [(1, 50), (4, longest - 50)]


@pytest.mark.parametrize("config", SHARING.values(), ids=SHARING.keys())
def test_models_that_keep_keys_and_values_share(config: PreTrainedConfig) -> None:
    model = adapted(build(config)).train()
    batch = ragged(random.Random(1), rows=4, shared=50)
    assert can_share(model)
    loss, found = gradients(model, answer_loss, batch)
    plain_loss, plain = plainly(model, answer_loss, batch)
    assert loss == pytest.approx(plain_loss, rel=1e-5)
    assert (found - plain).norm() <= 1e-4 * plain.norm()


@pytest.mark.parametrize("config", NOT_SHARING.values(), ids=NOT_SHARING.keys())
def test_models_that_keep_something_else_train_the_plain_way(config: PreTrainedConfig) -> None:
    assert not can_share(build(config))


@pytest.mark.parametrize("shared", [0, 50])
@pytest.mark.parametrize("config", ALL.values(), ids=ALL.keys())
def test_what_rows_are_padded_with_changes_nothing(config: PreTrainedConfig, shared: int) -> None:
    model = build(config).eval()
    batch = ragged(random.Random(1), rows=3, shared=shared)
    losses = [(answer_loss(model, [each]).item(), each.answer_length) for each in batch]
    expected = sum(loss * count for loss, count in losses) / sum(count for _, count in losses)
    assert answer_loss(model, batch).item() == pytest.approx(expected, rel=1e-4)


def test_with_activation_checkpointing_nothing_is_shared_and_nothing_changes(exact: PeftModel) -> None:
    """Its layers refuse a cache: they would run on as if there were no prefix."""
    batch = ragged(random.Random(2), rows=4, shared=50)
    loss, found = gradients(exact, answer_loss, batch)
    recomputing = exact_llama()
    base: Any = recomputing.get_base_model()
    base.activation_checkpointing_enable()
    assert not can_share(recomputing)
    again, recomputed = gradients(recomputing, answer_loss, batch)
    assert again == pytest.approx(loss, rel=1e-9)
    assert (recomputed - found).norm() <= 1e-9 * found.norm()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_real_model_shares_within_rounding() -> None:
    folder = CACHE / "smollm2-135m"
    model = adapted(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), scale=0.01).train()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    system = Message("system", "You are a support assistant. Keep wording, numbers and menu names. " * 5)
    batch = [
        encode_example(tokenizer, [system, Message("user", f"How do I get to room {i}?")], "Take the stairs." * i, 640)
        for i in range(1, 3)
    ]
    loss, found = gradients(model, answer_loss, batch)
    plain_loss, plain = plainly(model, answer_loss, batch)
    assert loss == pytest.approx(plain_loss, rel=1e-5)
    assert (found - plain).norm() <= 1e-4 * plain.norm()
