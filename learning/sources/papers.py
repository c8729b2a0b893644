"""What a load leaves beside the store, for people to read: what was dropped, and pairs of conversations to review.

One JSON-lines file for each source, which `mentee ingest` can read again. Knows nothing of why something was dropped.
"""

import hashlib
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from learning.sources.staging import FAQ, Staged, Staging

DROPPED, REVIEW = "dropped", "review"


class Papers:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, source: str, staging: Staging) -> tuple[Path | None, Path | None]:
        """A source's two files, in place of earlier ones: what was dropped, what is to be reviewed."""
        dropped = _write(self._path(DROPPED, source), map(_dropped, staging.dropped(source)))
        return dropped, _write(self._path(REVIEW, source), map(_pair, staging.pairs(source)))

    def forget(self, source: str) -> None:
        for kind in (DROPPED, REVIEW):
            self._path(kind, source).unlink(missing_ok=True)

    def all_dropped(self) -> Iterator[Any]:
        """Every row that the newest loads dropped, source by source."""
        for path in sorted((self.folder / DROPPED).glob("*.jsonl")):
            with path.open(encoding="utf-8") as file:
                yield from map(json.loads, file)

    def _path(self, kind: str, source: str) -> Path:
        digest = hashlib.sha256(source.encode()).hexdigest()[:8]
        return self.folder / kind / f"{Path(source).stem}-{digest}.jsonl"


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> Path | None:
    """None when there is nothing to write."""
    first = next(rows, None)
    if first is None:
        path.unlink(missing_ok=True)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for row in chain([first], rows):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def _dropped(entry: Staged) -> dict[str, Any]:
    return {"step": entry.step, "reason": entry.reason, "source": entry.source, "line": entry.line} | _entry(entry)


def _pair(entry: Staged) -> dict[str, Any]:
    details: dict[str, Any] = json.loads(entry.details)
    return _entry(entry) | details | {"source": entry.source}


def _entry(entry: Staged) -> dict[str, Any]:
    row: dict[str, Any] = {"question": entry.question, "answer": entry.answer, "topic": entry.topic}
    return row | ({"phrasings": entry.phrasings} if entry.kind == FAQ and entry.phrasings else {})
