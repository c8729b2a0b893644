"""The short way through a LoRA layer gives what peft's gives, and is taken by plain layers alone."""

import random
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from transformers import PreTrainedConfig

from learning.chat_format import Encoded
from learning.lora import Linear, MergedLinear, shorten
from learning.losses import answer_loss
from tests.learning.adapters import adapted
from tests.learning.encoded import ragged
from tests.learning.test_forward import SHARING, build, exact_llama, gradients

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),  # peft asks for it
    pytest.mark.filterwarnings("ignore:fan_in_fan_out"),  # GPT-2's layers are transposed; peft notices
]
LAYERS = 2 * 7


def shortened(model: PeftModel) -> PeftModel:
    other = deepcopy(model)
    shorten(other)
    return other


def short_layers(model: PeftModel) -> int:
    return sum(type(layer) is Linear for layer in model.modules())


@pytest.fixture
def batch() -> Sequence[Encoded]:
    return ragged(random.Random(0), rows=4, shared=30)


@pytest.fixture(scope="module")
def exact() -> tuple[PeftModel, PeftModel]:
    model = exact_llama()
    return model, shortened(model)


@settings(max_examples=20)
@given(st.randoms(use_true_random=False), st.integers(1, 5), st.integers(0, 40))
def test_loss_and_gradients_are_pefts(
    exact: tuple[PeftModel, PeftModel], rng: random.Random, rows: int, shared: int
) -> None:
    """With a shared prefix too, and whether there are few tokens or many."""
    theirs, ours = exact
    batch = ragged(rng, rows=rows, shared=shared)
    loss, found = gradients(ours, answer_loss, batch)
    expected_loss, expected = gradients(theirs, answer_loss, batch)
    assert short_layers(ours) == LAYERS
    assert loss == pytest.approx(expected_loss, rel=1e-9)
    assert (found - expected).norm() <= 1e-9 * expected.norm()
    assert expected.norm() > 0


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("config", SHARING.values(), ids=SHARING.keys())
def test_so_they_are_in_single_precision_on_every_kind_of_model(
    config: PreTrainedConfig, recompute: bool, batch: Sequence[Encoded]
) -> None:
    theirs = adapted(build(config)).train()
    ours = shortened(theirs)
    if recompute:
        base: Any = ours.get_base_model()
        base.activation_checkpointing_enable()
    loss, found = gradients(ours, answer_loss, batch)
    expected_loss, expected = gradients(theirs, answer_loss, batch)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert (found - expected).norm() <= 1e-4 * expected.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inputs_and_gradients_may_lie_in_memory_as_they_like(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    w, bias, a, b = (torch.randn(*shape, dtype=dtype) for shape in ((24, 40), (24,), (3, 40), (24, 3)))
    x = torch.randn(40, 5, 7, dtype=dtype).permute(2, 1, 0).requires_grad_()
    of_y = torch.randn(5, 7, 24, dtype=dtype).transpose(0, 1)
    trained = [each.requires_grad_() for each in (a, b)]

    def found(y: Tensor) -> list[Tensor]:
        return [y, *torch.autograd.grad(y, [x, *trained], of_y)]

    plain = torch.nn.functional.linear(x, w, bias) + 0.5 * x @ a.T @ b.T
    for ours, theirs in zip(found(MergedLinear.apply(x, w, bias, a, b, 0.5)), found(plain), strict=True):  # type: ignore[no-untyped-call]
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_with_the_adapter_off_or_merged_it_is_a_plain_model(batch: Sequence[Encoded]) -> None:
    theirs = adapted(build(SHARING["llama"])).eval()
    ours = shortened(theirs)
    expected = answer_loss(theirs, batch).item()
    with theirs.disable_adapter(), ours.disable_adapter():
        base = answer_loss(theirs, batch).item()
        assert answer_loss(ours, batch).item() == base
    assert base != pytest.approx(expected, rel=1e-3)
    assert answer_loss(ours.merge_and_unload(), batch).item() == pytest.approx(expected, rel=1e-5)


def test_what_is_saved_is_pefts(tmp_path: Path, batch: Sequence[Encoded]) -> None:
    ours = shortened(adapted(build(SHARING["llama"])).eval())
    ours.save_pretrained(str(tmp_path))
    loaded = PeftModel.from_pretrained(build(SHARING["llama"]), str(tmp_path)).eval()
    assert answer_loss(loaded, batch).item() == pytest.approx(answer_loss(ours, batch).item(), rel=1e-5)


@pytest.mark.parametrize("more", [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True}], ids=str)
@pytest.mark.filterwarnings("ignore:`lora_bias=True` was passed")  # merging would not be possible
def test_layers_that_do_more_are_left_to_peft(more: dict[str, Any]) -> None:
    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", **more)
    model = get_peft_model(build(SHARING["llama"]), config)
    shorten(model)
    assert short_layers(model) == 0


def test_layers_of_another_kind_are_left_to_peft() -> None:
    transposed = adapted(build(SHARING["gpt2"]))
    shorten(transposed)
    assert short_layers(transposed) == 0


@pytest.mark.parametrize("recompute", [False, True])
def test_beside_weights_in_bf16_the_adapter_is_rounded_and_its_gradients_are_in_fp32(
    recompute: bool, batch: Sequence[Encoded]
) -> None:
    """As near to fp32's as peft's own way is, but for a small part of what rounding does to both."""
    exact = adapted(build(SHARING["llama"])).train()
    theirs = adapted(build(SHARING["llama"]).bfloat16()).train()
    theirs.load_state_dict(exact.state_dict())
    ours = shortened(theirs)
    if recompute:
        base: Any = ours.get_base_model()
        base.activation_checkpointing_enable()
    (_, wanted), (_, plain), (_, found) = (gradients(model, answer_loss, batch) for model in (exact, theirs, ours))
    assert short_layers(ours) == LAYERS
    assert not torch.equal(found, plain)
    assert {p.grad.dtype for p in ours.parameters() if p.grad is not None} == {torch.float32}
    assert 0 < (plain - wanted).norm() < 0.05 * wanted.norm()
    assert (found - wanted).norm() < 1.2 * (plain - wanted).norm()
