"""Watched folders: what has changed is loaded, what is being written waits, and an unmounted disk is no deletion."""

import os
import shutil
from pathlib import Path

import pytest

from learning.sources.ingest import Options
from learning.sources.watching import QUIET_S, Watching
from storage.database import SqlStore

FAQ = "question,answer\nHow do I pause?,Open Plans.\n"


class Time:
    """Runs ahead of the files' times."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ahead = folder, 0.0

    def __call__(self) -> float:
        newest = max((path.stat().st_ctime for path in self.folder.rglob("*")), default=0.0)
        return newest + self.ahead


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "help"
    made.mkdir()
    return made


@pytest.fixture
def time(folder: Path) -> Time:
    return Time(folder)


@pytest.fixture
def watching(store: SqlStore, folder: Path, time: Time) -> Watching:
    return Watching([folder], store, Options(), time)


def put(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def asked(store: SqlStore) -> set[str]:
    lessons = store.run_sync(lambda unit: unit.lessons.all())
    return {lesson.question for lesson in lessons if lesson.withdrawn_at is None}


async def test_what_has_changed_is_loaded_once(watching: Watching, store: SqlStore, folder: Path, time: Time) -> None:
    (folder / "faq.csv").write_text(FAQ)
    time.ahead = QUIET_S
    report = await watching.look()
    assert report is not None
    assert asked(store) == {"How do I pause?"}
    assert await watching.look() is None
    (folder / "faq.csv").write_text(FAQ + "How long?,90 days.\n")
    await watching.look()
    assert asked(store) == {"How do I pause?", "How long?"}
    (folder / "b.csv").write_text("question,answer\nWhy?,Because.\n")
    await watching.look()
    (folder / "faq.csv").unlink()
    await watching.look()
    assert asked(store) == {"Why?"}


async def test_a_file_that_is_being_written_waits_until_it_is_quiet(
    watching: Watching, store: SqlStore, folder: Path, time: Time
) -> None:
    (folder / "faq.csv").write_text(FAQ)
    time.ahead = QUIET_S - 1
    await watching.look()
    assert asked(store) == set()
    time.ahead = QUIET_S
    await watching.look()
    assert asked(store) == {"How do I pause?"}
    time.ahead = 0
    (folder / "faq.csv").write_text(FAQ.splitlines()[0])  # rewritten, and not there yet
    os.utime(folder / "faq.csv", (0, 0))  # by a tool that keeps the original's time
    assert await watching.look() is None
    assert asked(store) == {"How do I pause?"}


async def test_a_folder_that_is_empty_all_at_once_is_not_forgotten(
    watching: Watching, store: SqlStore, folder: Path, time: Time
) -> None:
    (folder / "faq.csv").write_text(FAQ)
    time.ahead = QUIET_S
    await watching.look()
    (folder / "faq.csv").unlink()
    assert await watching.look() is None
    shutil.rmtree(folder)
    assert await watching.look() is None
    assert asked(store) == {"How do I pause?"}
    put(folder / "faq.csv", FAQ.replace("pause", "stop"))
    await watching.look()
    assert asked(store) == {"How do I stop?"}


async def test_what_cannot_be_read_stops_nothing(watching: Watching, store: SqlStore, folder: Path, time: Time) -> None:
    (folder / "broken.csv").write_text("nothing of use")
    time.ahead = QUIET_S
    assert await watching.look() is None
    (folder / "faq.csv").write_text(FAQ)
    await watching.look()
    assert asked(store) == {"How do I pause?"}
