"""Sixty hostile adapter and model folders: each is refused before it serves, with what is wrong and what to do.

Whoever made them can write the adapters' folder and its manifest; the lineage in the database is out of their reach.
"""

import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.errors import AdapterBroken, ModelFileError
from bot.ids import AdapterId
from learning.models import BaseModel, resolve_base_model
from learning.serving.slots import Slots
from storage.adapter_files import CONFIG, MANIFEST, WEIGHTS, AdapterFiles
from tests.attack.spoilt_folders import ADAPTERS, MODELS, RAN
from tests.learning.adapters import tiny_base
from tests.tiny_model import make_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it

ID = AdapterId("0199-aaaa")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tiny_base(make_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def good(base: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("good")
    model = AutoModelForCausalLM.from_pretrained(base.folder)
    tuned = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
    for name, parameter in tuned.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    tuned.save_pretrained(str(folder))
    return {name: (folder / name).read_bytes() for name in (WEIGHTS, CONFIG)}


@pytest.fixture(scope="module")
def slots(base: BaseModel) -> Slots:
    return Slots(base, AutoTokenizer.from_pretrained(base.folder), "fp32")


def published(root: Path, base: BaseModel, good: dict[str, bytes]) -> AdapterFiles:
    recorded = sha256(good[WEIGHTS]).hexdigest()
    files = AdapterFiles(root, base.sha256, lambda _: recorded)
    staged = files.stage(ID)
    for name, content in good.items():
        (staged / name).write_bytes(content)
    files.publish(ID, staged, base.sha256)
    return files


def forge(folder: Path) -> None:
    """Make the manifest say of the spoilt files what they are."""
    manifest = json.loads((folder / MANIFEST).read_text())
    there = [path for path in folder.iterdir() if path.name != MANIFEST]
    manifest["files"] = {
        path.name: {"sha256": sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size} for path in there
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))


def serve(files: AdapterFiles, slots: Slots, folder: Path) -> None:
    """As the engine does."""
    files.verify(ID)
    slots.load(ID, folder)


def test_sixty_folders() -> None:
    assert len(ADAPTERS) + len(MODELS) >= 60


def test_the_unspoilt_one_serves(tmp_path: Path, base: BaseModel, good: dict[str, bytes], slots: Slots) -> None:
    files = published(tmp_path, base, good)
    forge(files.folder(ID))
    serve(files, slots, files.folder(ID))


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_hostile_adapter_is_refused(
    tmp_path: Path, base: BaseModel, good: dict[str, bytes], slots: Slots, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the manifest or the lineage; and, where both were forged, by what it is, but for weights that merely are
    other ones: only the lineage knows which were judged."""
    monkeypatch.chdir(tmp_path)
    files = published(tmp_path / "adapters", base, good)
    folder = files.folder(ID)
    ADAPTERS[name](folder)
    with pytest.raises(AdapterBroken, match=ID):
        serve(files, slots, folder)
    forge(folder)
    with pytest.raises(AdapterBroken, match=r"oll back|romote another adapter"):
        serve(files, slots, folder)
    if name not in ("ten times as large", "the wrong sign", "noise", "one weight altered"):
        with pytest.raises(AdapterBroken):
            serve(AdapterFiles(tmp_path / "adapters", base.sha256), slots, folder)
    assert not (tmp_path / RAN).exists()


@pytest.mark.parametrize("name", MODELS)
def test_a_hostile_model_is_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make_tiny_model(tmp_path / "model")
    resolve_base_model(str(folder), tmp_path / "cache")
    MODELS[name](folder)
    with pytest.raises(ModelFileError):
        resolve_base_model(str(folder), tmp_path / "cache")
    assert not (tmp_path / RAN).exists()


def test_an_adapter_for_another_model_is_refused(tmp_path: Path, base: BaseModel, good: dict[str, bytes]) -> None:
    published(tmp_path, base, good)
    with pytest.raises(AdapterBroken, match="another base model"):
        AdapterFiles(tmp_path, "c" * 64).verify(ID)
