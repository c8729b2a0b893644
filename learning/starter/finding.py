"""Which starter adapter fits a base model, and how a fresh installation gets it. Trains nothing."""

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.ids import AdapterId, RunId
from bot.lineage import Adapter, Deployment, Move
from bot.ports import AdapterStore, Unit
from learning.models import BaseModel

SHIPPED = Path(__file__).with_name("smollm2-135m")
ABOUT = "starter.json"
WEIGHTS = "adapter_model.safetensors"
REASON = "It comes with the installation: it reads help texts well, and knows no fact yet."


def built_in(cache: Path, base: BaseModel) -> Path:
    """Where the starter adapter of a base model lies that none is shipped for."""
    return cache / "starters" / base.sha256[:16]


def find_starter(base: BaseModel, cache: Path) -> Path | None:
    """The starter's PEFT folder: one that was built here, or the one that is shipped; None without one that fits."""
    for folder in (built_in(cache, base), SHIPPED):
        if (folder / ABOUT).is_file() and _about(folder)["base_sha256"] == base.sha256:
            return folder
    return None


def install(unit: Unit, files: AdapterStore, base: BaseModel, starter: Path, now: datetime) -> None:
    """Let the starter answer where nothing was ever trained or deployed; it is v0 then. Otherwise nothing happens."""
    if unit.adapters.all() or unit.adapters.history():
        return
    about = _about(starter)
    adapter = AdapterId(f"starter-{about['dataset_sha256'][:12]}")
    weights_sha256 = _publish(files, adapter, base, starter)
    unit.adapters.add(
        Adapter(
            id=adapter, number=0, run=RunId("starter"), base_model=base.name, base_sha256=base.sha256,
            weights_sha256=weights_sha256, dataset_sha256=about["dataset_sha256"], lessons=(), recipe=about["recipe"],
            created_at=now,
        )
    )  # fmt: skip
    unit.adapters.deploy(Deployment(Move.PROMOTE, adapter, "the installation", now, REASON))


def _publish(files: AdapterStore, adapter: AdapterId, base: BaseModel, starter: Path) -> str:
    """A crash may have left the folder without its row: then it is put there again."""
    shutil.rmtree(files.folder(adapter), ignore_errors=True)
    staged = files.stage(adapter)
    for path in starter.iterdir():
        shutil.copyfile(path, staged / path.name)
    return files.publish(adapter, staged, base.sha256)


def _about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return about
