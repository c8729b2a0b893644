"""What a crash left behind: found by `mentee doctor`, cleared by `mentee doctor --repair`. Loses nothing of use.

While a retraining is under way, only what is older than a day counts: the rest may be that retraining's.
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.ids import RunId
from bot.lineage import RunState
from bot.ports import Unit
from deploy.parts import Kept
from storage.adapter_files import ABANDONED_AFTER_S, STAGING

SET_ASIDE = "set-aside"
UNFINISHED = (".backup-*", ".restore-*")


@dataclass(frozen=True)
class Leftover:
    path: Path
    what: str
    is_of_use: bool = False
    """Moved aside instead of removed: somebody may want it."""


def leftovers(kept: Kept) -> list[Leftover]:
    """All that nothing will ever ask for again."""
    is_training, closed, known = kept.store.run_sync(lambda unit: _state(unit, kept))
    least_age_s = ABANDONED_AFTER_S if is_training else 0
    found = [*_staged(kept), *_nameless(kept, known), *_unfinished(kept)]
    old = [each for each in found if time.time() - each.path.stat().st_mtime >= least_age_s]
    return [*old, *(Leftover(folder, "of a retraining that is over") for folder in closed)]


def clear(kept: Kept, found: list[Leftover]) -> None:
    """Remove it, or move it to the folder `set-aside` of the data folder. Raises OSError."""
    for each in found:
        if each.is_of_use:
            aside = kept.settings.data_dir / SET_ASIDE
            aside.mkdir(exist_ok=True)
            each.path.replace(aside / each.path.name)
        else:
            shutil.rmtree(each.path)


def _state(unit: Unit, kept: Kept) -> tuple[bool, list[Path], set[str]]:
    """Whether a retraining is under way, the folders of those that are not, and the adapters that have a row."""
    work = kept.settings.data_dir / "training"
    folders = sorted(work.iterdir()) if work.is_dir() else []
    runs = {folder: unit.runs.get(RunId(folder.name)) for folder in folders}
    closed = [folder for folder, run in runs.items() if run is None or run.state is RunState.DONE]
    is_training = any(run.state is RunState.RUNNING for run in unit.runs.latest())
    return is_training, closed, {adapter.id for adapter in unit.adapters.all()}


def _staged(kept: Kept) -> Iterator[Leftover]:
    for folder in sorted(kept.settings.adapters_dir.glob(f"{STAGING}*")):
        yield Leftover(folder, "an adapter that was never finished")


def _nameless(kept: Kept, known: set[str]) -> Iterator[Leftover]:
    for folder in sorted(kept.settings.adapters_dir.glob("[!.]*")):
        if folder.name not in known:
            yield Leftover(folder, "an adapter that the database doesn't know", is_of_use=True)


def _unfinished(kept: Kept) -> Iterator[Leftover]:
    for pattern in UNFINISHED:
        for folder in sorted(kept.settings.data_dir.glob(pattern)):
            yield Leftover(folder, "an unfinished backup or restoration")
