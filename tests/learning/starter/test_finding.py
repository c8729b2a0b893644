"""Which starter adapter a fresh installation begins with, and when none is put in."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.ids import AdapterId
from bot.lineage import Deployment, Move, serving_stack
from learning.models import BaseModel
from learning.starter.finding import ABOUT, SHIPPED, built_in, find_starter, install
from storage.adapter_files import CONFIG, WEIGHTS, AdapterFiles
from storage.database import SqlStore

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def base(tmp_path: Path) -> BaseModel:
    return BaseModel("tiny", tmp_path / "tiny", "tiny-sha256")


@pytest.fixture
def starter(tmp_path: Path, base: BaseModel) -> Path:
    folder = built_in(tmp_path / "cache", base)
    folder.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(b"weights")
    (folder / CONFIG).write_text("{}")
    about = {"base_sha256": base.sha256, "dataset_sha256": "0123456789abcdef", "recipe": {"rank": 8}}
    (folder / ABOUT).write_text(json.dumps(about))
    return folder


@pytest.fixture
def files(tmp_path: Path, base: BaseModel) -> AdapterFiles:
    return AdapterFiles(tmp_path / "adapters", base.sha256)


def live(store: SqlStore) -> AdapterId | None:
    return store.run_sync(lambda unit: serving_stack(unit.adapters.history())[-1])


def test_a_fresh_installation_begins_with_it(
    store: SqlStore, files: AdapterFiles, base: BaseModel, starter: Path
) -> None:
    store.run_sync(lambda unit: install(unit, files, base, starter, NOW))
    adapter = live(store)
    assert adapter is not None
    files.verify(adapter)
    (row,) = store.run_sync(lambda unit: unit.adapters.all())
    assert (row.name, row.id, row.lessons) == ("v0", adapter, ())
    assert store.run_sync(lambda unit: unit.adapters.next_number()) == 1


def test_it_is_put_in_once_and_not_again_after_a_rollback(
    store: SqlStore, files: AdapterFiles, base: BaseModel, starter: Path
) -> None:
    for _ in range(2):
        store.run_sync(lambda unit: install(unit, files, base, starter, NOW))
    store.run_sync(lambda unit: unit.adapters.deploy(Deployment(Move.ROLLBACK, None, "admin", NOW)))
    store.run_sync(lambda unit: install(unit, files, base, starter, NOW))
    assert live(store) is None


def test_what_a_crash_left_of_its_folder_is_put_right(
    store: SqlStore, files: AdapterFiles, base: BaseModel, starter: Path
) -> None:
    left = files.folder(AdapterId("starter-0123456789ab"))
    left.mkdir(parents=True)
    (left / WEIGHTS).write_bytes(b"half")
    store.run_sync(lambda unit: install(unit, files, base, starter, NOW))
    adapter = live(store)
    assert adapter is not None
    files.verify(adapter)


def test_it_must_have_been_trained_for_this_base_model(tmp_path: Path, base: BaseModel, starter: Path) -> None:
    cache = tmp_path / "cache"
    assert find_starter(base, cache) == starter
    assert find_starter(BaseModel("other", tmp_path, "other-sha256"), cache) is None
    assert find_starter(base, tmp_path / "empty") is None


def test_the_shipped_one_says_what_it_was_made_of() -> None:
    about = json.loads((SHIPPED / ABOUT).read_text(encoding="utf-8"))
    assert set(about) == {"base_sha256", "dataset_sha256", "recipe"}
