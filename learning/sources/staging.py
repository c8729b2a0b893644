"""Where entries wait while a load goes on: a file of its own, so that memory doesn't grow with their number.

It finds near-duplicates as entries come in. What was known before is put in first, so that it wins.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from learning.sources.duplicates import Words, keys, near, same_answer, same_question, words_of

TABLES = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536; PRAGMA temp_store=FILE;
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, kind TEXT, source TEXT, line INT, fact TEXT, question TEXT, answer TEXT, topic TEXT,
    phrasings TEXT, details TEXT, step TEXT, reason TEXT, trainable INT, quality REAL, grp INT
);
CREATE INDEX by_group ON entries (grp) WHERE grp IS NOT NULL;
CREATE UNIQUE INDEX by_fact ON entries (source, fact);
CREATE TABLE keys (key INT, entry INT, PRIMARY KEY (key, entry)) WITHOUT ROWID;
"""
COLUMNS = (
    "id, kind, source, line, fact, question, answer, topic, phrasings, details, step, reason, trainable, quality, grp"
)
MAX_CANDIDATES = 200
"""That are compared with one entry; a question with more look-alikes than that is a template of its source."""
MAX_KEYS = 500
KNOWN, GROWN, FAQ, PAIR = "known", "grown", "faq", "pair"


@dataclass
class Staged:
    kind: str
    """KNOWN: in the store already; GROWN: that, with new phrasings; FAQ; PAIR: of a conversation."""
    source: str
    line: int
    fact: str
    question: str
    answer: str
    topic: str = ""
    phrasings: tuple[str, ...] = ()
    details: str = ""
    """JSON of what else is to be told of it."""
    step: str = ""
    """Which one dropped it; empty: it remains."""
    reason: str = ""
    trainable: bool = True
    quality: float = 0.0
    """From 0 to 1, see `quality.py`."""
    id: int = 0
    group: int | None = None
    """The id of the first of those that say the same, where there are several."""

    @property
    def where(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


class Staging:
    """A context manager. Not for several threads at a time."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(TABLES)
        path.unlink()  # it lives as long as it is open: a load that is killed leaves nothing behind
        self._database.execute("BEGIN")  # never committed: nobody else reads it, and it goes when the load is over

    def __enter__(self) -> "Staging":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def put(self, entry: Staged) -> None:
        """Keep it, as what says something of its own; it is compared with others, and found by them, afterwards."""
        values = (
            entry.kind, entry.source, entry.line, entry.fact, entry.question, entry.answer, entry.topic,
            json.dumps(entry.phrasings), entry.details, entry.step, entry.reason, entry.trainable, entry.quality,
        )  # fmt: skip
        cursor = self._database.execute(f"INSERT INTO entries VALUES (NULL{', ?' * len(values)}, NULL)", values)
        entry.id = cursor.lastrowid or 0

    def index(self, entry: Staged) -> None:
        """Let it be found by those that are compared later."""
        for text in (entry.question, *entry.phrasings):
            found = ((key, entry.id) for key in set(keys(words_of(text))))
            self._database.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", found)

    def compare(self, entry: Staged) -> Staged | None:
        """Let it join those that say the same. One that contradicts an earlier one is dropped, that one returned."""
        twin, is_same = self._twin(entry)
        if twin is not None and not is_same:
            self.drop(entry, "contradictions", f"another answer than {twin.where}")
            return twin
        if twin is not None:
            entry.group = twin.group or twin.id
            self._database.execute("UPDATE entries SET grp = ? WHERE id = ?", (entry.group, entry.id))
            self._database.execute("UPDATE entries SET grp = id WHERE id = ? AND grp IS NULL", (entry.group,))
        self.index(entry)
        return None

    def has(self, source: str, fact: str) -> bool:
        query = "SELECT 1 FROM entries WHERE source = ? AND fact = ?"
        return self._database.execute(query, (source, fact)).fetchone() is not None

    def keeps(self, source: str, fact: str) -> bool:
        """True for an entry that nothing dropped."""
        query = "SELECT 1 FROM entries WHERE source = ? AND fact = ? AND step = ''"
        return self._database.execute(query, (source, fact)).fetchone() is not None

    def drop(self, entry: Staged, step: str, reason: str) -> None:
        self._database.execute("UPDATE entries SET step = ?, reason = ? WHERE id = ?", (step, reason, entry.id))

    def forget(self, source: str) -> None:
        """Take back all that came from a file."""
        self._database.execute("DELETE FROM keys WHERE entry IN (SELECT id FROM entries WHERE source = ?)", (source,))
        self._database.execute("DELETE FROM entries WHERE source = ?", (source,))

    def grow(self, entry: Staged, phrasings: Sequence[str]) -> None:
        """Add other ways of asking it. Of a known one, only these are of interest from now on."""
        kind, texts = (GROWN, phrasings) if entry.kind == KNOWN else (entry.kind, (*entry.phrasings, *phrasings))
        values = (kind, json.dumps(texts), entry.id)
        self._database.execute("UPDATE entries SET kind = ?, phrasings = ? WHERE id = ?", values)

    def remaining(self, kind: str) -> Iterator[Staged]:
        """Those that nothing dropped, in the order in which they came. They may be dropped meanwhile."""
        return self._select("kind = ? AND step = ''", kind)

    def count(self, kind: str) -> int:
        query = "SELECT count(*) FROM entries WHERE kind = ? AND step = ''"
        return int(self._database.execute(query, (kind,)).fetchone()[0])

    def dropped(self, source: str) -> Iterator[Staged]:
        return self._select("source = ? AND step != ''", source)

    def pairs(self, source: str) -> Iterator[Staged]:
        """Of a conversation, those that nothing dropped, the best first."""
        return self._select("source = ? AND kind = ? AND step = ''", source, PAIR, order="quality DESC, id")

    def groups(self) -> Iterator[list[Staged]]:
        """Those that say the same, where there are several, the first that came first."""
        last = 0
        query = "SELECT min(grp) FROM entries WHERE grp > ?"
        while (last := self._database.execute(query, (last,)).fetchone()[0] or 0) > 0:
            yield list(self._select("grp = ? AND step = ''", last))

    def _twin(self, entry: Staged) -> tuple[Staged | None, bool]:
        """An earlier entry with near the same question; whether it has near the same answer, too."""
        words, answer = words_of(entry.question), words_of(entry.answer)
        contradicted = None
        for other in self._candidates(words):
            asked = [words_of(text) for text in (other.question, *other.phrasings)]
            if any(near(words, each) for each in asked) and same_answer(answer, words_of(other.answer)):
                return other, True
            if contradicted is None and any(same_question(words, each) for each in asked):
                contradicted = other
        return contradicted, False

    def _candidates(self, words: Words) -> list[Staged]:
        wanted = list(set(keys(words)))[:MAX_KEYS]
        found = f"SELECT DISTINCT entry FROM keys WHERE key IN ({', '.join('?' * len(wanted))}) ORDER BY entry LIMIT ?"
        ids = [found_id for (found_id,) in self._database.execute(found, (*wanted, MAX_CANDIDATES))]
        return list(self._select(f"id IN ({', '.join('?' * len(ids))})", *ids)) if ids else []

    def _select(self, condition: str, *values: Any, order: str = "id") -> Iterator[Staged]:
        rows = self._database.execute(f"SELECT {COLUMNS} FROM entries WHERE {condition} ORDER BY {order}", values)
        for entry_id, kind, source, line, fact, question, answer, topic, phrasings, *rest in rows:
            others, (details, step, reason, trainable, quality, group) = tuple(json.loads(phrasings)), rest
            yield Staged(
                kind, source, line, fact, question, answer, topic, others, details, step, reason, bool(trainable),
                quality, entry_id, group,
            )  # fmt: skip
