"""Base model and adapter as one: what is rounded, and what must not be."""

import threading
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from bot.ids import AdapterId
from learning.loading import one_at_a_time
from learning.models import BaseModel
from learning.serving.merging import load_merged
from storage.adapter_files import AdapterFiles
from tests.learning.serving.conftest import A

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


@pytest.mark.parametrize("adapter", [None, A])
def test_weights_are_rounded_and_positions_are_not(
    base: BaseModel, files: AdapterFiles, adapter: AdapterId | None
) -> None:
    folder: Path | None = files.folder(adapter) if adapter is not None else None
    model, exact = load_merged(base, folder, torch.bfloat16), load_merged(base, folder)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    buffers = dict(exact.named_buffers())
    assert "model.rotary_emb.inv_freq" in buffers
    for name, buffer in model.named_buffers():
        assert buffer.dtype == torch.float32
        assert torch.equal(buffer, buffers[name])


def test_what_is_merged_is_rounded_once(base: BaseModel, files: AdapterFiles) -> None:
    rounded = load_merged(base, files.folder(A), torch.bfloat16)
    exact = dict(load_merged(base, files.folder(A)).named_parameters())
    for name, weight in rounded.named_parameters():
        assert torch.equal(weight, exact[name].bfloat16())


def test_models_are_loaded_one_at_a_time(base: BaseModel) -> None:
    """Beside another one that is just being loaded, transformers would leave one without its head."""
    loaded: list[PreTrainedModel] = []
    loading = threading.Thread(target=lambda: loaded.append(load_merged(base, None)))
    with one_at_a_time:
        loading.start()
        loading.join(0.5)
        assert loaded == []
    loading.join()
    assert len(loaded) == 1
