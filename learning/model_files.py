"""Model files on disk: fetched, checked by their SHA-256, put in place at once. Knows nothing of what they hold.

A model's folder in the cache has a `mentee.json` that names every file's hash, size and time. Size and time are
compared at every start, which takes no time; the hashes when those differ, or when somebody asks.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import ModelFileError

MANIFEST = "mentee.json"
UNFINISHED = ".unfinished-"
DAY_S = 86_400.0


@dataclass(frozen=True)
class Wheel:
    """A Python package that carries a model's files."""

    package: str
    version: str
    sha256: str
    prefix: str
    """The folder inside the wheel that holds the files."""
    checked: tuple[str, str]
    """The weights' file below the prefix, and its SHA-256."""
    licence: str

    @property
    def origin(self) -> str:
        return f"{self.package} {self.version}"


@dataclass(frozen=True)
class Split:
    """A model's files in a zip archive too large for one Python package: each carries a piece of it."""

    wheels: tuple[Wheel, ...]
    """In order. What is checked of each is its piece of the archive."""
    prefix: str
    """The folder inside the archive that holds the files."""
    checked: tuple[str, str]
    """As a wheel's."""
    licence: str

    @property
    def origin(self) -> str:
        return ", ".join(wheel.origin for wheel in self.wheels)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(path: Path, expected: str) -> None:
    """Raises ModelFileError for any other file."""
    found = sha256_of(path)
    if found != expected:
        raise ModelFileError(
            f"{path} is not the file it should be: expected SHA-256 {expected}, found {found}. "
            f"Delete {path.parent} and try again; if it comes back, the place it is fetched from can't be trusted."
        )


# --- the cache ------------------------------------------------------------------------------------------------------


def install(target: Path, build: Callable[[Path], None], about: dict[str, str]) -> None:
    """Let `build` fill a folder, then rename it to `target`. Of two processes that race, the first one's stays."""
    unfinished = _new_folder(target.parent)
    try:
        build(unfinished)
        files = sorted(path for path in unfinished.rglob("*") if path.is_file())
        write_manifest(unfinished / MANIFEST, unfinished, files, about)
        unfinished.chmod(0o755)
        for path in files:
            path.chmod(0o644)
        try:
            unfinished.rename(target)
        except OSError:
            if not (target / MANIFEST).is_file():
                raise
    except OSError as problem:
        raise ModelFileError(
            f"{target} could not be put in place: {problem}. Check that {target.parent} can be written and has room."
        ) from problem
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _new_folder(cache: Path) -> Path:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _sweep(cache)
        return Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cache))
    except OSError as problem:
        raise ModelFileError(f"{cache} can't be written: {problem}. Choose a folder in MENTEE_CACHE_DIR.") from problem


def _sweep(cache: Path) -> None:
    """Remove what a killed process left behind a day ago or earlier."""
    for folder in cache.glob(f"{UNFINISHED}*"):
        if time.time() - folder.stat().st_mtime > DAY_S:
            shutil.rmtree(folder, ignore_errors=True)


def write_manifest(manifest: Path, folder: Path, files: Sequence[Path], about: dict[str, str]) -> dict[str, Any]:
    entries = {path.relative_to(folder).as_posix(): {"sha256": sha256_of(path), **_stamp(path)} for path in files}
    content = {**about, "weights_sha256": _weights_sha256(entries), "files": entries}
    manifest.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return content


def read_manifest(manifest: Path) -> dict[str, Any]:
    """Raises ModelFileError when it is missing or broken."""
    try:
        content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        content["files"], content["weights_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ModelFileError(f"{manifest} can't be read. Delete {manifest.parent} and start again.") from problem
    return content


def is_as_recorded(content: dict[str, Any], folder: Path) -> bool:
    """Whether every file has the size and time that the manifest names."""
    try:
        return all(
            entry[key] == value
            for name, entry in content["files"].items()
            for key, value in _stamp(folder / name).items()
        )
    except OSError:
        return False


def check_files(content: dict[str, Any], folder: Path) -> None:
    """Compare every file with the manifest by its hash. Raises ModelFileError."""
    for name, entry in content["files"].items():
        if not (folder / name).is_file():
            raise ModelFileError(f"{folder / name} is missing. Delete {folder}, so that it is fetched again.")
        check_sha256(folder / name, entry["sha256"])


def _stamp(path: Path) -> dict[str, int]:
    stat = path.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _weights_sha256(entries: dict[str, dict[str, Any]]) -> str:
    """The weights' hash; of several files, a hash over their names and hashes."""
    weights = {name: entry["sha256"] for name, entry in entries.items() if name.endswith((".safetensors", ".gguf"))}
    if len(weights) == 1:
        return str(next(iter(weights.values())))
    return hashlib.sha256("".join(f"{n} {h}\n" for n, h in sorted(weights.items())).encode()).hexdigest()


# --- wheels ---------------------------------------------------------------------------------------------------------


def unpack_wheel(wheel: Wheel, into: Path) -> None:
    """Download the wheel, check it, and put its model's files into a folder. Raises ModelFileError."""
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=into.parent) as download:
        _pip_download(wheel, Path(download))
        (path,) = Path(download).glob("*.whl")
        check_sha256(path, wheel.sha256)
        _unzip(path, wheel.prefix, into)
    name, expected = wheel.checked
    check_sha256(into / name, expected)


def unpack_split(split: Split, into: Path, on_wheel: Callable[[int], None]) -> None:
    """As with one wheel. `on_wheel` is told how many are there."""
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=into.parent) as pieces:
        joined = Path(pieces) / "joined.zip"
        for number, wheel in enumerate(split.wheels, 1):
            unpack_wheel(wheel, Path(pieces))
            piece = Path(pieces) / wheel.checked[0]
            with joined.open("ab") as file, piece.open("rb") as source:
                shutil.copyfileobj(source, file)
            piece.unlink()
            on_wheel(number)
        _unzip(joined, split.prefix, into)
    name, expected = split.checked
    check_sha256(into / name, expected)


def _unzip(path: Path, prefix: str, into: Path) -> None:
    """The model's files of an archive."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            is_model_file = info.filename.startswith(prefix) and not info.filename.endswith((".py", ".ini", "/"))
            if is_model_file:
                target = into / info.filename.removeprefix(prefix)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)


def _pip_download(wheel: Wheel, into: Path) -> None:
    """The wheel alone: its own dependencies are never needed. A terminal shows pip's progress bar."""
    wanted = f"{wheel.package}=={wheel.version}"
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", str(into), wanted]
    on_terminal = sys.stderr.isatty()
    quiet = ["--disable-pip-version-check", *([] if on_terminal else ["--quiet"])]
    shown = sys.stderr if on_terminal else subprocess.PIPE
    done = subprocess.run([*pip, *quiet], stdout=shown, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["pip said nothing"]
        raise ModelFileError(
            f"{wanted}, which carries the model, could not be downloaded: {said[-1]} "
            "Check the network and pip's index settings, or copy the cache folder from a machine that has it."
        )
