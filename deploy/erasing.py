"""The second half of forgetting a person: what lies outside of the database. Safe to do again after a crash."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from bot.erasure import Certificate
from bot.errors import OperatorError
from bot.ids import RunId, time_of
from bot.lineage import RunState
from bot.people import OPERATOR
from bot.ports import Unit
from deploy.loading import papers_folder
from deploy.parts import Kept
from deploy.wiring import utc_now
from learning.sources.papers import Papers
from storage.backup import UNFINISHED
from storage.backup_keys import BackupKeys

STAGING = ".staging-"
BLOCK = 1 << 20


async def forget(kept: Kept, person: str, *, with_lessons: bool) -> Certificate:
    """Forget somebody, see it through, and search what is left for the id. Raises BadInput, DatabaseError."""
    forgetting = kept.commands.forgetting
    who, certificate = await kept.store.run(
        lambda unit: forgetting.forget(unit, person, OPERATOR.key, with_lessons=with_lessons)
    )
    finished = {each.id: each for each in await finish_erasures(kept)}
    needle = who.key.partition(":")[2].encode()
    files, hits = await asyncio.to_thread(_search, kept.settings.data_dir, needle)
    return await _keep(kept, replace(finished[certificate.id], searched=files, hits=hits))


async def finish_erasures(kept: Kept) -> list[Certificate]:
    """Remove folders and bytes of all erasures that are pending, and the keys of backups; their certificates.

    Raises OperatorError for a folder that can't be removed, DatabaseError while the database can't be scrubbed.
    """
    pending = await kept.store.run(lambda unit: unit.persons.pending())
    done = []
    for certificate in pending:
        folders = await kept.store.run(lambda unit, of=certificate: list(_doomed(kept, unit, of)))  # type: ignore[misc]
        await asyncio.to_thread(_remove, folders)
        await asyncio.to_thread(Papers(papers_folder(kept)).anonymise, certificate.words)
        certificate = await _keep(kept, replace(certificate, words=()))  # before the bytes of what it said are scrubbed
        await kept.store.scrub()
        backups = await asyncio.to_thread(BackupKeys(kept.settings.backup_keys_dir).destroy, utc_now())
        done.append(await _keep(kept, kept.commands.forgetting.done(certificate, len(folders), backups)))
    return done


def _doomed(kept: Kept, unit: Unit, certificate: Certificate) -> Iterator[Path]:
    """Weights that learned from what is gone, the data of trainings that are over, copies of an unfinished backup."""
    yield from kept.settings.data_dir.glob(f"{UNFINISHED}*")
    adapters, trainings = kept.settings.adapters_dir, kept.settings.data_dir / "training"
    for adapter in certificate.withdrawn:
        if (folder := adapters / adapter).exists():
            yield folder
    for folder in adapters.glob(f"{STAGING}*"):
        if certificate.rebuild is not None and time_of(folder.name.removeprefix(STAGING)) < certificate.asked_at:
            yield folder
    for folder in trainings.iterdir() if trainings.is_dir() else ():
        run = unit.runs.get(RunId(folder.name))
        if run is None or run.state is RunState.DONE:
            yield folder


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)  # somebody else may be removing it
        if folder.exists():
            raise OperatorError(f"{folder} can't be removed, though somebody was forgotten. Remove it by hand.")


async def _keep(kept: Kept, certificate: Certificate) -> Certificate:
    """The certificate in the database, and beside it for people and programs once it says nothing of who it was."""
    await kept.store.run(lambda unit: unit.persons.keep(certificate))
    if certificate.done_at is None:
        return certificate
    folder = kept.settings.data_dir / "certificates"
    folder.mkdir(exist_ok=True)
    told = {name: value for name, value in asdict(certificate).items() if name != "words"}
    text = json.dumps(told, default=str, indent=1)
    (folder / f"{certificate.id}.json").write_text(text + "\n", encoding="utf-8")
    (folder / f"{certificate.id}.txt").write_text(
        kept.commands.forgetting.describe(certificate) + "\n", encoding="utf-8"
    )
    return certificate


def _search(folder: Path, needle: bytes) -> tuple[int, int]:
    """How many files there are, and in how many the bytes stand."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return len(files), sum(_has(path, needle) for path in files)


def _has(path: Path, needle: bytes) -> bool:
    kept = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if needle in kept + block:
                return True
            kept = block[-len(needle) :]
    return False
