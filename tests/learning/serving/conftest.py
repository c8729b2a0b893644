"""A tiny model, two adapters, and a deployments table, for engines."""

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


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tiny_base(make_readable_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, base: BaseModel) -> AdapterFiles:
    """Three good adapters."""
    made = AdapterFiles(tmp_path_factory.mktemp("adapters"), base.sha256)
    for seed, adapter in enumerate((A, B, C)):
        make_adapter(made, base, adapter, seed=seed)
    return made


@pytest.fixture
def deployed() -> Deployed:
    return Deployed()
