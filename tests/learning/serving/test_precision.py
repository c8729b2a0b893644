"""Halved weights are kept only where the model does as well with them, and is faster."""

import dataclasses
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from learning.chat_format import Encoded
from learning.serving import precision
from learning.serving.precision import HalfLinear, Quality, halve, measure
from learning.serving.slots import calibration
from tests.tiny_model import make_tiny_model


@pytest.fixture
def model(tmp_path: Path) -> PreTrainedModel:
    loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path)).eval()
    return loaded


@pytest.fixture
def texts(model: PreTrainedModel, tmp_path: Path) -> list[Encoded]:
    return calibration(AutoTokenizer.from_pretrained(tmp_path))


def faster_each_time(monkeypatch: pytest.MonkeyPatch, factor: float = 0.5) -> None:
    """A step takes a part of the time that the one measured before took."""
    times = iter(factor**i for i in range(9))
    monkeypatch.setattr(precision, "_step_s", lambda _: next(times))


def halved(model: PreTrainedModel) -> set[bool]:
    return {isinstance(model.lm_head, HalfLinear), isinstance(model.model.layers[0].mlp.up_proj, HalfLinear)}


@torch.inference_mode()
def test_a_layer_computes_the_same_to_three_digits() -> None:
    torch.manual_seed(0)
    exact = torch.nn.Linear(64, 32, bias=True)
    x = torch.randn(2, 5, 64)
    torch.testing.assert_close(HalfLinear(exact)(x), exact(x), atol=2e-3, rtol=2e-3)


def test_a_model_that_does_as_well_is_halved(
    model: PreTrainedModel, texts: list[Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    faster_each_time(monkeypatch)
    assert halve(model, texts)
    assert halved(model) == {True}


def test_a_model_that_is_slower_so_stays_exact(
    model: PreTrainedModel, texts: list[Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = measure(model, texts)
    faster_each_time(monkeypatch, factor=1.5)
    assert not halve(model, texts)
    assert halved(model) == {False}
    assert measure(model, texts).nll == before.nll


def test_a_model_with_weights_beyond_fp16_stays_exact(
    model: PreTrainedModel, texts: list[Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    faster_each_time(monkeypatch)
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight.mul_(1e7)
    assert not halve(model, texts)
    assert halved(model) == {False}


def test_without_texts_only_the_range_is_checked(model: PreTrainedModel) -> None:
    assert halve(model, [])
    assert halved(model) == {True}


def test_a_processor_without_the_kernel_keeps_it_exact(
    model: PreTrainedModel, texts: list[Encoded], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise RuntimeError("Didn't find engine")

    monkeypatch.setattr(precision, "HalfLinear", missing)
    assert not halve(model, texts)


EXACT = Quality(nll=1.0, choices=torch.zeros(200), whole=0.5, step_s=1.0)


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({"step_s": 0.5}, True),
        ({"step_s": 0.5, "choices": torch.tensor([1.0] * 2 + [0.0] * 198)}, True),
        ({"step_s": 0.5, "choices": torch.tensor([1.0] * 3 + [0.0] * 197)}, False),
        ({"step_s": 0.5, "nll": 1.02}, False),
        ({"step_s": 0.5, "whole": 0.4}, False),
        ({"step_s": 1.0}, False),
    ],
)
def test_what_holding_up_means(change: dict[str, object], holds: bool) -> None:
    assert dataclasses.replace(EXACT, **change).holds_up_to(EXACT) is holds  # type: ignore[arg-type]
