"""What the tests of the cycle start from."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.ids import AdapterId
from learning import cycle as cycle_module
from learning import process
from learning.models import BaseModel
from storage.adapter_files import AdapterFiles
from tests.learning.adapters import make_adapter, tiny_base
from tests.learning.cycle.workshop import QuickTrainer, Workshop, open_workshop, previous
from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tiny_base(make_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture
def workshop(tmp_path: Path, base: BaseModel) -> Iterator[Workshop]:
    opened = open_workshop(tmp_path, base)
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, base: BaseModel) -> Path:
    """The folder of an adapter that was published before."""
    files = AdapterFiles(tmp_path_factory.mktemp("ready"), base.sha256)
    return files.folder(make_adapter(files, base, "adapter-0", seed=5))


@pytest.fixture
def with_live(workshop: Workshop, ready: Path) -> Workshop:
    shutil.copytree(ready, workshop.files.folder(AdapterId("adapter-0")))
    workshop.deploy(previous())
    workshop.request()
    return workshop


@pytest.fixture
async def pids(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[int]]:
    """Of the training processes that were started. The parent hears of them every few milliseconds."""
    started: list[int] = []
    start = asyncio.create_subprocess_exec

    async def start_and_note(*command: str, **options: object) -> asyncio.subprocess.Process:
        child = await start(*command, **options)  # type: ignore[arg-type]
        started.append(child.pid)
        return child

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_and_note)
    monkeypatch.setattr(process, "BEAT_S", 0.05)
    yield started
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)  # none is left behind


@pytest.fixture
def trainer(with_live: Workshop, monkeypatch: pytest.MonkeyPatch) -> QuickTrainer:
    quick = QuickTrainer(with_live.files.folder(AdapterId("adapter-0")))
    monkeypatch.setattr(cycle_module, "train_and_judge", quick)
    return quick
