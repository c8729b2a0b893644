"""What is read of an adapter's folder adds what peft would add; what is no plain LoRA is left to peft."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, PreTrainedModel

from learning.serving import adapted
from learning.serving.adapted import STACKED_BYTES, Adapted
from learning.serving.plain_lora import read_lora
from learning.serving.slots import Slots
from tests.learning.adapters import tiny_base
from tests.tiny_model import make_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it

IDS = torch.tensor([[5, 9, 7, 30, 41]])
PLAIN: dict[str, dict[str, Any]] = {
    "all layers": {"r": 4, "target_modules": "all-linear"},
    "some layers": {"r": 2, "target_modules": ["q_proj", "v_proj"], "lora_alpha": 3},
    "one layer": {"r": 3, "target_modules": r".*\.1\.mlp\.down_proj"},
    "ranks of their own": {
        "r": 2, "target_modules": ["q_proj", "up_proj"], "rank_pattern": {"q_proj": 5}, "alpha_pattern": {"up_proj": 7},
    },
    "rank-stabilised": {"r": 8, "target_modules": ["o_proj"], "use_rslora": True},
}  # fmt: skip
OTHER: dict[str, dict[str, Any]] = {
    "DoRA": {"r": 2, "target_modules": ["q_proj"], "use_dora": True},
    "a whole layer": {"r": 2, "target_modules": ["q_proj"], "modules_to_save": ["norm"]},
    "embeddings": {"r": 2, "target_modules": ["embed_tokens"]},
    "the head, which is saved whole": {"r": 3, "target_modules": ["lm_head", "up_proj"]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@torch.no_grad()
def save(base: PreTrainedModel, config: dict[str, Any], into: Path) -> torch.Tensor:
    """An adapter of random weights; the logits of peft's own model with it."""
    torch.manual_seed(len(str(config)))
    tuned = get_peft_model(base, LoraConfig(**config, task_type="CAUSAL_LM"))
    for name, parameter in tuned.named_parameters():
        if "lora_" in name and "magnitude" not in name:
            torch.nn.init.normal_(parameter, std=0.3)
    tuned.save_pretrained(str(into))
    return logits(tuned.eval())


@torch.no_grad()
def logits(model: PreTrainedModel | PeftModel) -> torch.Tensor:
    found: torch.Tensor = model(input_ids=IDS, use_cache=False).logits
    return found


def load(folder: Path) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder).eval()
    return model


@pytest.mark.parametrize("name", PLAIN)
def test_it_adds_what_peft_adds(folder: Path, tmp_path: Path, name: str) -> None:
    expected = save(load(folder), PLAIN[name], tmp_path)
    model = Adapted(load(folder))
    base = logits(model.model)
    lora = read_lora(model, tmp_path)
    assert lora is not None
    with model.wearing([lora]):
        torch.testing.assert_close(logits(model.model), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(logits(model.model), base)
    assert not base.allclose(expected, atol=1e-2)


@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to False")
def test_layers_that_lie_the_other_way_round_are_layers_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(GPT2Config(vocab_size=99, n_embd=32, n_layer=2, n_head=4)).save_pretrained(
        tmp_path / "gpt2"
    )
    config = {"r": 2, "target_modules": ["c_attn", "c_proj"]}
    expected = save(load(tmp_path / "gpt2"), config, tmp_path / "adapter")
    model = Adapted(load(tmp_path / "gpt2"))
    lora = read_lora(model, tmp_path / "adapter")
    assert lora is not None
    with model.wearing([lora]):
        torch.testing.assert_close(logits(model.model), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("most_bytes", [0, STACKED_BYTES])
def test_adapters_of_different_ranks_and_layers_side_by_side(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    monkeypatch.setattr(adapted, "STACKED_BYTES", most_bytes)
    model = Adapted(load(folder))
    expected = [save(load(folder), config, tmp_path / name) for name, config in PLAIN.items()]
    loras = [lora for name in PLAIN if (lora := read_lora(model, tmp_path / name))]
    for order in (1, -1):
        with model.wearing(loras[::order], width=IDS.shape[1]), torch.no_grad():
            assert bool(model._worn.stacked) == bool(most_bytes)
            together = model.model(input_ids=IDS.expand(len(loras), -1), use_cache=False).logits
        torch.testing.assert_close(together, torch.cat(expected[::order]), atol=1e-4, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers` to `True`")
@pytest.mark.parametrize("name", OTHER)
def test_what_is_no_plain_lora_is_merged_into_a_model_of_its_own(folder: Path, tmp_path: Path, name: str) -> None:
    expected = save(load(folder), OTHER[name], tmp_path)
    assert read_lora(Adapted(load(folder)), tmp_path) is None
    slots = Slots(tiny_base(folder), AutoTokenizer.from_pretrained(folder), "fp32")
    shared, own = slots.load(None, None), slots.load(None, tmp_path)
    assert own.decoder is not shared.decoder
    torch.testing.assert_close(logits(own.model), expected, atol=1e-4, rtol=1e-4)
    assert not logits(shared.model).allclose(expected, atol=1e-3)


def test_the_precision_is_measured_once_and_with_the_first_adapter(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = save(load(folder), PLAIN["all layers"], tmp_path)
    measured: list[torch.Tensor] = []

    def halve(model: PreTrainedModel, texts: Sequence[object]) -> bool:
        assert texts
        measured.append(logits(model))
        return False

    monkeypatch.setattr("learning.serving.slots.halve", halve)
    slots = Slots(tiny_base(folder), AutoTokenizer.from_pretrained(folder))
    for adapter in (tmp_path, None, tmp_path):
        slots.load(None, adapter)
    assert slots.precision == "fp32"
    (found,) = measured
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
