"""A tiny model, three adapters, and a deployments table, for engines."""

from pathlib import Path

import pytest

from bot.ids import AdapterId
from learning.models import BaseModel
from storage.adapter_files import AdapterFiles
from tests.learning.adapters import make_adapter, tiny_base
from tests.learning.serving.readable import make_readable_model

A, B, C = AdapterId("adapter-a"), AdapterId("adapter-b"), AdapterId("adapter-c")


class Deployed:
    """What the deployments table says."""

    def __init__(self) -> None:
        self.adapter: AdapterId | None = None

    async def __call__(self) -> AdapterId | None:
        return self.adapter


def good_adapters(folder: Path, base: BaseModel) -> AdapterFiles:
    """A, B and C."""
    made = AdapterFiles(folder, base.sha256)
    for seed, adapter in enumerate((A, B, C)):
        make_adapter(made, base, adapter, seed=seed)
    return made


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tiny_base(make_readable_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, base: BaseModel) -> AdapterFiles:
    return good_adapters(tmp_path_factory.mktemp("adapters"), base)


@pytest.fixture
def deployed() -> Deployed:
    return Deployed()
