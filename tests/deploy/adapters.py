"""Adapters on disk and in the database, as a training leaves them; only that their weights mean nothing."""

from datetime import UTC, datetime

from bot.ids import AdapterId, LessonId, RunId, new_id
from bot.lineage import Adapter
from deploy.parts import Kept
from storage.adapter_files import CONFIG, WEIGHTS


def keep_adapter(kept: Kept, *, number: int) -> Adapter:
    named = AdapterId(new_id())
    staged = kept.adapter_files.stage(named)
    (staged / WEIGHTS).write_bytes(b"weights")
    (staged / CONFIG).write_text("{}")
    adapter = Adapter(
        id=named, number=number, run=RunId(new_id()), base_model="tiny", base_sha256="b",
        weights_sha256=kept.adapter_files.publish(named, staged, "b"), dataset_sha256="d",
        lessons=(LessonId("l1"),), recipe={}, created_at=datetime(2026, 11, 1, tzinfo=UTC),
    )  # fmt: skip
    kept.store.run_sync(lambda unit: unit.adapters.add(adapter))
    return adapter


def spoil(kept: Kept, adapter: Adapter) -> None:
    (kept.adapter_files.folder(adapter.id) / WEIGHTS).write_bytes(b"other weights")
