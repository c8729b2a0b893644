"""Publish one adapter as a retraining does: stage, publish, and promote in one transaction with the end of its run."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bot.ids import AdapterId, RunId
from bot.lineage import Adapter, Decision, Report, Run
from bot.policy import Policy
from bot.ports import Unit
from bot.retraining import close
from bot.texts import ENGLISH
from bot.trying import Trying
from storage.adapter_files import CONFIG, WEIGHTS, AdapterFiles
from storage.database import SqlStore
from tests.chaos.mutants import seed

OLD, NEW = AdapterId("adapter-old"), AdapterId("adapter-new")
BASE = "b" * 64


def stage(files: AdapterFiles, adapter: AdapterId, letter: str) -> Path:
    staged = files.stage(adapter)
    (staged / WEIGHTS).write_bytes(letter.encode() * 200_000)
    (staged / CONFIG).write_text("{}")
    (staged / "README.md").write_text(f"# {adapter}\n")
    return staged


def publish(folder: Path, adapter: AdapterId, number: int) -> None:
    files, store = AdapterFiles(folder / "adapters", BASE), SqlStore(f"sqlite:///{folder / 'mentee.db'}")
    store.migrate()
    run = Run(id=RunId(f"run-{adapter}"), slot=adapter, requested_by="test", requested_at=datetime.now(UTC))

    def claim(unit: Unit) -> None:
        unit.runs.request(run)
        unit.runs.claim("me", datetime.now(UTC), 60.0)

    store.run_sync(claim)
    weights = files.publish(adapter, stage(files, adapter, str(number)), BASE)
    made = Adapter(
        id=adapter, number=number, run=run.id, base_model="tiny", base_sha256=BASE, weights_sha256=weights,
        dataset_sha256="d", lessons=(), recipe={}, created_at=datetime.now(UTC),
    )  # fmt: skip
    report = Report(
        decision=Decision.PROMOTED, reasons=(), adapter=made.name, lessons=0, evaluation=None, seconds=1.0
    )  # fmt: skip

    trying = Trying(Policy(), ENGLISH, files, lambda: datetime.now(UTC))

    def end(unit: Unit) -> None:
        assert close(unit, run, "me", report, made, trying)

    store.run_sync(end)
    store.close()


def publish_when_told(folder: str, gate: str, mutant: str) -> None:
    """In a process of its own: publish the new adapter once the file `gate` is there."""
    seed(mutant)
    while not Path(gate).exists():
        time.sleep(0.005)
    try:
        publish(Path(folder), NEW, 2)
    except Exception:  # what it left behind says all
        sys.exit(1)
