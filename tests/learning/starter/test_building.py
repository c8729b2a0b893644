"""A starter adapter is trained, judged, and begun with, on a tiny random model."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from bot.errors import SettingError
from bot.lineage import Progress
from learning.dataset import Dataset
from learning.models import BaseModel
from learning.recipe import Recipe
from learning.starter import building
from learning.starter.finding import WEIGHTS, built_in, find_starter
from learning.training import adapt
from tests.learning.adapters import tiny_base
from tests.tiny_model import make_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it
DEMO = Path(__file__).parents[3] / "deploy" / "demo"


async def _go_on(_: Progress) -> bool:
    return True


@pytest.fixture
def base(tmp_path: Path) -> BaseModel:
    return tiny_base(make_tiny_model(tmp_path / "tiny"))


def _little(data: Dataset) -> Dataset:
    return replace(data, train=data.train[:24], judge=data.judge[:6] + data.judge[-2:])


async def test_a_built_one_is_found_and_training_begins_with_it(
    tmp_path: Path, base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = _little(building.dataset(DEMO))
    monkeypatch.setattr(building, "dataset", lambda demo: little)
    folder = built_in(tmp_path / "cache", base)
    evaluation = await building.build(base, DEMO, folder, tmp_path / "work", _go_on, threads=1)
    assert [measure.name for measure in evaluation.measures] == ["answers", "reading", "general"]
    assert find_starter(base, tmp_path / "cache") == folder
    assert building.sha256_of(little) in (folder / "README.md").read_text(encoding="utf-8")

    begun = adapt(AutoModelForCausalLM.from_pretrained(base.folder), building.RECIPE, folder)
    assert _trained(begun)
    stored = load_file(folder / WEIGHTS)
    assert all(weight.dtype == torch.float16 for weight in stored.values())
    for name, weight in begun.named_parameters():
        if "lora_" in name:
            assert torch.equal(weight, stored[name.replace(".default", "")].float()), name


def _trained(model: PeftModel) -> bool:
    return any(bool(weight.any()) for name, weight in model.named_parameters() if "lora_B" in name)


def test_one_of_another_rank_is_refused(tmp_path: Path, base: BaseModel) -> None:
    adapt(AutoModelForCausalLM.from_pretrained(base.folder), Recipe(rank=4, alpha=8)).save_pretrained(
        str(tmp_path / "four")
    )
    with pytest.raises(SettingError, match="mentee starter"):
        adapt(AutoModelForCausalLM.from_pretrained(base.folder), Recipe(rank=8, alpha=16), tmp_path / "four")
