"""How the base model is kept while it is trained on: what is chosen where. No GPU is needed, and none is used."""

from pathlib import Path

import pytest
import torch

from bot.errors import SettingError
from learning import precision
from learning.precision import Wanted, choose_precision, has_fast_bf16, load_base
from learning.recipe import Precision, Recipe
from learning.training import adapt
from tests.tiny_model import make_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


@pytest.mark.parametrize(
    ("wanted", "gpu", "fast_bf16", "chosen"),
    [
        ("auto", False, False, "fp32"),
        ("auto", False, True, "bf16"),
        ("auto", True, True, "bf16"),
        ("auto", True, False, "fp32"),
        ("fp32", True, True, "fp32"),
        ("bf16", False, False, "bf16"),
    ],
)
def test_what_is_wanted_and_what_the_machine_does_well(
    wanted: Wanted, gpu: bool, fast_bf16: bool, chosen: Precision
) -> None:
    assert choose_precision(wanted, gpu=gpu, fast_bf16=fast_bf16) == chosen


def test_4bit_needs_a_gpu_and_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="needs an NVIDIA GPU, and there is none"):
        choose_precision("4bit", gpu=False, fast_bf16=False)
    monkeypatch.setattr(precision, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"pip install -e '\.\[4bit\]'"):
        choose_precision("4bit", gpu=True, fast_bf16=True)
    monkeypatch.setattr(precision, "find_spec", lambda name: name == "bitsandbytes")
    assert choose_precision("4bit", gpu=True, fast_bf16=True) == "4bit"


@pytest.mark.parametrize("amx", [True, False])
def test_of_processors_those_with_amx_are_fast_at_bf16(monkeypatch: pytest.MonkeyPatch, amx: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx, "avx512_bf16": True})
    assert has_fast_bf16() is amx


@pytest.mark.parametrize(("chosen", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_adapter_is_fp32_whatever_the_base_is(tmp_path: Path, chosen: Precision, dtype: torch.dtype) -> None:
    model = adapt(load_base(make_tiny_model(tmp_path / "tiny"), chosen), Recipe(rank=4))
    trained = {parameter.dtype for parameter in model.parameters() if parameter.requires_grad}
    frozen = {parameter.dtype for parameter in model.parameters() if not parameter.requires_grad}
    assert (trained, frozen) == ({torch.float32}, {dtype})
