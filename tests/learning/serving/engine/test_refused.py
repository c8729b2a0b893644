"""Adapters that are refused: the one before goes on serving, and the reason is said once."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from structlog.testing import capture_logs

from bot.generation import Sampling
from learning.models import BaseModel
from learning.serving.engine import Engine
from storage.adapter_files import CONFIG, WEIGHTS, AdapterFiles
from tests.contracts.generator_contract import OTHER, PROMPT
from tests.learning.adapters import make_adapter
from tests.learning.serving.conftest import A, B, Deployed
from tests.learning.serving.engine.conftest import Offline

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


def republish(files: AdapterFiles, base: BaseModel, change: Callable[[Path], None], sha256: str = "") -> None:
    """B is published with a manifest that fits, but something is wrong with it."""
    make_adapter(files, base, B, seed=1)
    staged = files.stage(B)
    for name in (WEIGHTS, CONFIG):
        (staged / name).write_bytes((files.folder(B) / name).read_bytes())
    change(staged)
    for path in files.folder(B).iterdir():
        path.unlink()
    files.folder(B).rmdir()
    files.publish(B, staged, sha256 or base.sha256)


def not_finite(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    next(iter(weights.values()))[0, 0] = math.nan
    save_file(weights, folder / WEIGHTS)


def of_another_size(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    save_file({name: weight[:, :3].contiguous() for name, weight in weights.items()}, folder / WEIGHTS)


def no_tensors_at_all(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"not what it says it is")


def strange_config(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "peft_type": "MAGIC"}))


def for_other_layers(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "target_modules": ["query_key_value"]}))


def unreadable_config(folder: Path) -> None:
    (folder / CONFIG).write_text("{")


SPOILT = [not_finite, of_another_size, no_tensors_at_all, strange_config, for_other_layers, unreadable_config]


async def serves_a_after_refusing_b(engine: Engine, deployed: Deployed) -> str:
    """The reason that was logged."""
    deployed.adapter = A
    await engine.refresh()
    before = await engine.generate(PROMPT, Sampling(8))
    deployed.adapter = B
    with capture_logs() as logs:
        await engine.refresh()
        await engine.refresh()
    assert engine.serving == A
    assert await engine.generate(PROMPT, Sampling(8)) == before
    (refused,) = [entry for entry in logs if entry["event"] == "adapter refused"]  # said once
    assert refused["adapter"] == B
    return str(refused["reason"])


@pytest.mark.parametrize("change", SPOILT)
async def test_an_unusable_adapter_is_refused_and_the_one_before_goes_on_serving(
    spoilt: Engine, files: AdapterFiles, base: BaseModel, deployed: Deployed, change: Callable[[Path], None]
) -> None:
    republish(files, base, change)
    assert B in await serves_a_after_refusing_b(spoilt, deployed)


async def test_altered_weights_are_refused(
    spoilt: Engine, files: AdapterFiles, base: BaseModel, deployed: Deployed
) -> None:
    make_adapter(files, base, B, seed=1)
    weights = files.folder(B) / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert "is not the file that was trained" in await serves_a_after_refusing_b(spoilt, deployed)


async def test_a_missing_adapter_is_refused(spoilt: Engine, deployed: Deployed) -> None:
    assert "is missing" in await serves_a_after_refusing_b(spoilt, deployed)


async def test_an_adapter_for_another_base_is_refused(
    spoilt: Engine, files: AdapterFiles, base: BaseModel, deployed: Deployed
) -> None:
    republish(files, base, lambda folder: None, sha256="another")
    assert "another base model" in await serves_a_after_refusing_b(spoilt, deployed)


async def test_what_happens_to_the_files_of_an_adapter_that_serves_changes_nothing(
    spoilt: Engine, files: AdapterFiles, deployed: Deployed
) -> None:
    deployed.adapter = A
    await spoilt.refresh()
    before = await spoilt.generate(PROMPT, Sampling(8))
    with (files.folder(A) / WEIGHTS).open("r+b") as weights:
        weights.write(bytes((files.folder(A) / WEIGHTS).stat().st_size))
    assert await spoilt.generate(OTHER, Sampling(8)) is not None
    assert await spoilt.generate(PROMPT, Sampling(8)) == before


async def test_with_nothing_before_a_refused_adapter_the_base_model_serves(
    spoilt: Engine, deployed: Deployed, offline: Offline
) -> None:
    deployed.adapter = B
    generation = await spoilt.generate(PROMPT, Sampling(8))
    assert (generation.adapter, generation.text) == (None, offline(None, PROMPT, 8))


async def test_a_refused_adapter_that_was_restored_and_promoted_again_serves(
    spoilt: Engine, files: AdapterFiles, base: BaseModel, deployed: Deployed
) -> None:
    await serves_a_after_refusing_b(spoilt, deployed)
    make_adapter(files, base, B, seed=1)
    for deployed.adapter in (A, B):
        await spoilt.refresh()
    assert spoilt.serving == B
