"""What a load leaves beside the store, for people to read: what was dropped, and pairs of conversations to review.

One JSON-lines file for each source, which `mentee ingest` can read again. Knows nothing of why something was dropped.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from bot.errors import SourceUnreadable
from learning.sources.report import DataReport
from learning.sources.staging import FAQ, Staged, Staging

DROPPED, REVIEW = "dropped", "review"
REPORT, RESTORED = "report.json", "restored.jsonl"
NAMELESS = "(somebody)"
LEAST_WORD = 3
"""Characters. A shorter name is part of too much."""


class Papers:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, source: str, staging: Staging) -> tuple[Path | None, Path | None]:
        """A source's two files, in place of earlier ones: what was dropped, what is to be reviewed."""
        dropped = _write(self._path(DROPPED, source), map(_dropped, staging.dropped(source)))
        return dropped, _write(self._path(REVIEW, source), map(_pair, staging.pairs(source)))

    def note(self, report: DataReport, at: datetime) -> None:
        """Keep what a load did, in place of an earlier one's."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"at": at, **asdict(report)}, ensure_ascii=False, default=str)
        (self.folder / REPORT).write_text(text, encoding="utf-8")

    def noted(self) -> dict[str, Any] | None:
        """What the newest load did."""
        try:
            found: dict[str, Any] = json.loads((self.folder / REPORT).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return found

    def restore(self, id: str) -> Path:
        """Put a dropped row into a file of its own kind, to be loaded as it is. Raises SourceUnreadable."""
        row = next((row for row in self.all_dropped() if id_of(row) == id), None)
        if row is None:
            raise SourceUnreadable("that row is not among those that were dropped any more")
        path = self.folder / RESTORED
        if id not in self.restored():
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"id": id, **_plain(row)}, ensure_ascii=False) + "\n")
        return path

    def restored(self) -> set[str]:
        """The ids of rows that somebody restored."""
        path = self.folder / RESTORED
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return {json.loads(line)["id"] for line in lines}

    def forget(self, source: str) -> None:
        for kind in (DROPPED, REVIEW):
            self._path(kind, source).unlink(missing_ok=True)

    def anonymise(self, words: Sequence[str]) -> int:
        """Nobody is named by these words any more, in any file here; how many files that changed."""
        named = [rf"(?<!\w){re.escape(word)}(?!\w)" for word in words if len(word) >= LEAST_WORD]
        if not named:
            return 0
        pattern = re.compile("|".join(named), re.IGNORECASE)
        files = [*self.folder.rglob("*.jsonl"), *self.folder.glob(REPORT)]
        return sum(_anonymised(path, pattern) for path in files)

    def all_dropped(self) -> Iterator[Any]:
        """Every row that the newest loads dropped, source by source."""
        for path in sorted((self.folder / DROPPED).glob("*.jsonl")):
            with path.open(encoding="utf-8") as file:
                yield from map(json.loads, file)

    def _path(self, kind: str, source: str) -> Path:
        digest = hashlib.sha256(source.encode()).hexdigest()[:8]
        return self.folder / kind / f"{Path(source).stem}-{digest}.jsonl"


def id_of(row: dict[str, Any]) -> str:
    """The same for the same entry of the same source."""
    return hashlib.sha256(json.dumps([row["source"], row["question"], row["answer"]]).encode()).hexdigest()[:16]


def _anonymised(path: Path, pattern: re.Pattern[str]) -> bool:
    """Put NAMELESS for every match in the texts of a file of JSON lines, all of it or none; whether there was one."""
    unfinished = path.with_suffix(".unfinished")
    found = False
    with path.open(encoding="utf-8") as lines, unfinished.open("w", encoding="utf-8") as file:
        for line in lines:
            row = json.loads(line)
            plain = _replaced(row, pattern)
            found = found or plain != row
            file.write(json.dumps(plain, ensure_ascii=False) + "\n")
    if found:
        unfinished.replace(path)
    else:
        unfinished.unlink()
    return found


def _replaced(value: Any, pattern: re.Pattern[str]) -> Any:
    match value:
        case str():
            return pattern.sub(NAMELESS, value)
        case list():
            return [_replaced(each, pattern) for each in value]
        case dict():
            return {name: _replaced(each, pattern) for name, each in value.items()}
    return value


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("question", "answer", "topic", "phrasings") if name in row}


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
