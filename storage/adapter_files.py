"""Adapter folders: PEFT format, safetensors only, each with a manifest of hashes.

A folder appears whole or not at all: it is written aside, flushed to disk, and renamed into place. Knows nothing of
what the weights mean.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.errors import AdapterBroken
from bot.ids import AdapterId

MANIFEST = "manifest.json"
WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
ALLOWED = frozenset({".json", ".md", ".safetensors"})  # never pickle
NAMES = frozenset({WEIGHTS, CONFIG, "README.md", "starter.json"})
STAGING = ".staging-"
FORMAT = 1
ABANDONED_AFTER_S = 24 * 3_600


class AdapterFiles:
    """Implements `bot.ports.AdapterStore`."""

    def __init__(
        self, root: Path, base_sha256: str | None = None, recorded: Callable[[AdapterId], str | None] | None = None
    ) -> None:
        """`base_sha256`: hash of the base model in use; adapters for another one are refused. None: not checked.

        `recorded`: hash of an adapter's weights as its lineage has it; other ones are refused. None: not checked.
        """
        self.root = root
        self._recorded = recorded
        self._base_sha256 = base_sha256

    def folder(self, adapter: AdapterId) -> Path:
        return self.root / adapter

    def stage(self, adapter: AdapterId) -> Path:
        staged = self.root / f"{STAGING}{adapter}"
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        return staged

    def publish(self, adapter: AdapterId, staged: Path, base_sha256: str) -> str:
        """Raises AdapterBroken for what would be refused later, OSError for a full disk: nothing appears then."""
        paths = sorted(staged.iterdir())
        for path in paths:
            _check_kind(adapter, path)
        files = {path.name: _digest(path) for path in paths}
        for name in (WEIGHTS, CONFIG):
            if name not in files:
                raise _broken(adapter, f"{name} is missing")
        manifest = {"format": FORMAT, "adapter": adapter, "base_sha256": base_sha256, "files": files}
        (staged / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in staged.iterdir():
            flush(path)
        flush(staged)
        staged.replace(self.folder(adapter))
        flush(self.root)
        return str(files[WEIGHTS]["sha256"])

    def verify(self, adapter: AdapterId) -> None:
        folder = self.folder(adapter)
        if not folder.is_dir() or folder.is_symlink():
            raise _broken(adapter, f"its folder {folder} is missing")
        manifest = self._manifest(adapter)
        self._check_base(adapter, manifest)
        self._check_files(adapter, manifest["files"])
        recorded = self._recorded(adapter) if self._recorded is not None else None
        if recorded is not None and manifest["files"][WEIGHTS]["sha256"] != recorded:
            raise _broken(adapter, f"{WEIGHTS} is not the file that was judged")

    def sweep(self) -> int:
        """Remove what interrupted trainings left behind; how many folders. A young one may be another process's."""
        staging = self.root.glob(f"{STAGING}*") if self.root.is_dir() else ()
        left = [folder for folder in staging if time.time() - folder.stat().st_mtime > ABANDONED_AFTER_S]
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
        return len(left)

    def _manifest(self, adapter: AdapterId) -> dict[str, Any]:
        path = self.folder(adapter) / MANIFEST
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            files = manifest["files"]
            if manifest["format"] != FORMAT or not isinstance(files, dict) or not {WEIGHTS, CONFIG} <= files.keys():
                raise ValueError("it does not list the adapter's files")
            if manifest["adapter"] != adapter:
                raise ValueError("it is another adapter's")
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise _broken(adapter, f"{MANIFEST} can't be read ({type(problem).__name__})") from problem
        return manifest

    def _check_base(self, adapter: AdapterId, manifest: dict[str, Any]) -> None:
        if self._base_sha256 is not None and manifest.get("base_sha256") != self._base_sha256:
            raise AdapterBroken(
                f"Adapter {adapter} was trained for another base model (sha256 {manifest.get('base_sha256')!s:.12}…, "
                f"in use: {self._base_sha256:.12}…). Promote another adapter, or set MENTEE_BASE_MODEL to its own."
            )

    def _check_files(self, adapter: AdapterId, files: dict[str, Any]) -> None:
        folder = self.folder(adapter)
        for path in folder.iterdir():
            _check_kind(adapter, path)
            if path.name != MANIFEST and (path.name not in files or path.name not in NAMES):
                raise _broken(adapter, f"{path.name} is foreign to it")
        for name, expected in files.items():
            path = folder / name
            if path.parent != folder:
                raise _broken(adapter, f"{name} lies outside its folder")
            if not path.is_file():
                raise _broken(adapter, f"{name} is missing")
            if _digest(path) != expected:
                raise _broken(adapter, f"{name} is not the file that was trained")


def _check_kind(adapter: AdapterId, path: Path) -> None:
    if path.is_symlink() or not path.is_file():
        raise _broken(adapter, f"{path.name} is not a plain file")
    if path.suffix not in ALLOWED:
        raise _broken(adapter, f"{path.name} is of a kind that is never loaded")


def _digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}


def flush(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _broken(adapter: AdapterId, what: str) -> AdapterBroken:
    remedy = "Restore the folder from a backup, roll back, or promote another adapter."
    return AdapterBroken(f"Adapter {adapter} is broken: {what}. {remedy}")
