"""Reads a file's items: plain text in this process, everything else in the reading process. Trusts no file."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.errors import SourceUnreadable
from bot.retrieval import Section
from learning.sources.files import find
from learning.sources.formats import format_of, too_big
from learning.sources.items import Broken, FaqRow, Item, Pair, Terms, writable
from learning.sources.reader import cpu_seconds

PATIENCE_S = 120.0
"""Without anything found. What was found may take as long as it takes to be kept."""
LOOK_EVERY_S = 1.0
MAX_LINE_BYTES = 20_000_000
KINDS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind) for kind in (Section, FaqRow, Pair, Broken, Terms)
}
NEEDED = frozenset(("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "HOME", "TMPDIR", "TZ"))
"""Of the environment. LD_LIBRARY_PATH: some systems' Python isn't found without it."""
ROOT = Path(__file__).parents[2]


class Reader:
    """A context manager: the process is started for the first file that needs it, and again after one that broke it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def read(self, path: Path) -> Iterator[Item]:
        """Raises SourceUnreadable, also after the first items, and OSError."""
        form = format_of(path)
        size = path.stat().st_size
        if size > form.max_bytes:
            raise too_big(size, form)
        if size == 0:
            raise SourceUnreadable("empty")
        try:
            yield from map(writable, form.read(path) if form.is_plain else self._read_apart(path))
        except UnicodeDecodeError as problem:
            raise SourceUnreadable(f"not UTF-8 (byte {problem.start}); save it as UTF-8") from problem

    def _read_apart(self, path: Path) -> Iterator[Item]:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        ended = False
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(str(path)).encode() + b"\n")
                process.stdin.flush()
            with _Patience(process) as patience:
                while line := patience.line():
                    said = _said(line)
                    ended = said["kind"] in ("End", "Unreadable")
                    if said["kind"] == "Unreadable":
                        raise SourceUnreadable(said["reason"])
                    if ended:
                        return
                    yield _item(said)
            raise SourceUnreadable(_death(process.wait(), cpu_seconds(path)))
        finally:
            if not ended:
                self._stop()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "learning.sources.reader"], start_new_session=True, cwd=ROOT,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=_environment(),
            )  # fmt: skip
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _environment() -> dict[str, str]:
    """What Python needs to start, and no more: a file that takes its parser over finds no token and no key in it."""
    needed = {name: text for name, text in os.environ.items() if name in NEEDED or name.startswith("LC_")}
    return {**needed, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each thread takes memory


class _Patience:
    """Ends the process when it says nothing for too long. A context manager."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._waits_since: float | None = None
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Patience":
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    def line(self) -> bytes:
        """The next line; empty when the process has ended."""
        assert self._process.stdout is not None
        self._waits_since = time.monotonic()
        try:
            return self._process.stdout.readline(MAX_LINE_BYTES)
        finally:
            self._waits_since = None

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            since = self._waits_since
            if since is not None and time.monotonic() - since > PATIENCE_S:
                self._process.kill()


def _said(line: bytes) -> dict[str, Any]:
    """A line of the reading process, which may say anything if a file has taken it over. Raises SourceUnreadable."""
    if not line.endswith(b"\n"):
        raise SourceUnreadable("what is found in it never ends")
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("kind") not in (*KINDS, "End", "Unreadable"):
        raise SourceUnreadable("its parser says what makes no sense")
    return said


def _item(said: dict[str, Any]) -> Item:
    try:
        item: Item = KINDS[said.pop("kind")].validate_python(said)
    except ValidationError as problem:
        raise SourceUnreadable("its parser says what makes no sense") from problem
    return item


def _death(code: int, seconds: int) -> str:
    if code == -signal.SIGXCPU:
        return f"reading it took more than {seconds} s of processor time"
    if code == -signal.SIGKILL:
        return f"nothing was found in it for {PATIENCE_S:.0f} s, or it took more memory than there is"
    return f"it broke its parser (code {code})"


def sections_in(paths: Sequence[Path]) -> list[Section]:
    """All sections of pages that are known to be sound. Raises SourceUnreadable."""
    with Reader() as reader:
        return [item for path in find(paths).files for item in reader.read(path) if isinstance(item, Section)]
