"""Backups that are taken while another process writes, restored and compared with what was acknowledged."""

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

from bot.ids import AdapterId, EventId
from storage import backup
from storage.adapter_files import AdapterFiles
from storage.backup_keys import BackupKeys
from storage.database import SqlStore
from tests.bot.events import message
from tests.chaos.mutants import seed as plant
from tests.chaos.publish_once import BASE, publish
from tests.chaos.tally import Tally
from tests.processes import FORKSERVER

PUBLISH_EVERY = 50


def write_events(folder: str, acknowledged: str) -> None:
    """In a process of its own: keep events, and note each one after it was kept; publish an adapter now and then."""
    store = SqlStore(f"sqlite:///{folder}/mentee.db")
    with Path(acknowledged).open("a", buffering=1) as log:
        for number in range(1_000_000):
            event = message(f"Question {number}?")
            store.run_sync(lambda unit, event=event: unit.inbox.add(event))  # type: ignore[misc]
            log.write(f"{event.id}\n")
            if number % PUBLISH_EVERY == 0:
                publish(Path(folder), AdapterId(f"adapter-{number}"), number + 1)


def backups(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    tally = Tally("a backup taken under load and restored holds all that was acknowledged before it began")
    rng = random.Random(seed)
    live, log = folder / "live", folder / "acknowledged"
    with _loaded(live, log) as store, _planted(mutant):
        files = AdapterFiles(live / "adapters", BASE)
        for number in range(count):
            time.sleep(rng.uniform(0.0, 0.05))
            before = log.read_text().split()
            try:
                problem = _there_and_back(store, files, folder / str(number), before)
            except Exception as broken:  # whatever it is, that backup is worth nothing
                problem = type(broken).__name__
            tally.check(not problem, f"{number}: {problem}")
        adapters = len(store.run_sync(lambda unit: unit.adapters.all()))
    tally.notes.append(f"{len(log.read_text().split()):,} events and {adapters} adapters meanwhile")
    return tally


def _there_and_back(store: SqlStore, live: AdapterFiles, to: Path, acknowledged: list[str]) -> str:
    """What is missing in the end; nothing, if all is well."""
    keys = BackupKeys(to.with_suffix(".keys"))
    written = backup.write(store, live, keys, to.with_suffix(".sealed"))
    files = AdapterFiles(to / "adapters", BASE)
    backup.restore(to.with_suffix(".sealed"), to / "mentee.db", None, files, keys)
    store = SqlStore(f"sqlite:///{to / 'mentee.db'}")
    try:
        kept = {event.id for event in store.run_sync(lambda unit: unit.inbox.pending())}
        named = store.run_sync(lambda unit: unit.adapters.all())
        for adapter in named:
            files.verify(adapter.id)
    finally:
        store.close()
    lost = set(map(EventId, acknowledged)) - kept
    return f"{len(lost)} acknowledged events, {len(written.left_out)} adapters" if lost or written.left_out else ""


@contextlib.contextmanager
def _loaded(live: Path, log: Path) -> Iterator[SqlStore]:
    """A database that another process writes into as fast as it can."""
    live.mkdir(parents=True)
    log.touch()
    store = SqlStore(f"sqlite:///{live / 'mentee.db'}")
    store.migrate()
    writer = FORKSERVER.Process(target=write_events, args=(str(live), str(log)), daemon=True)
    writer.start()
    try:
        while not log.read_text():
            time.sleep(0.01)
        yield store
    finally:
        writer.kill()
        writer.join()
        store.close()


@contextlib.contextmanager
def _planted(mutant: str) -> Iterator[None]:
    """In this very process, so it is taken out again."""
    right = backup.copy_database
    plant(mutant)
    try:
        yield
    finally:
        backup.copy_database = right
