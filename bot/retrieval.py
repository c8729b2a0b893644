"""What memory finds for a question. Scores are given; what follows from them is the ladder's decision."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.feedback import Fact
from bot.ids import SHARED, FactId, SectionId, Tenant


@dataclass(frozen=True)
class Section:
    """A piece of a help page along its headings: what is cited, and what a grounded answer is written from."""

    id: SectionId
    source: str
    """The file or address that it came from."""
    title: str
    heading: str
    text: str
    link: str | None = None

    @property
    def label(self) -> str:
        return self.title if self.heading in ("", self.title) else f"{self.title} › {self.heading}"

    @property
    def sha256(self) -> str:
        """Of its words."""
        return hashlib.sha256(f"{self.label}\n{self.text}".encode()).hexdigest()


@dataclass(frozen=True)
class Origin:
    """A file that knowledge came from, as it was when it was read last."""

    source: str
    sha256: str
    """Of the file."""
    licence: str = ""
    consent: str = ""
    """Both as the file, or whoever loaded it, named them."""
    reading: str = ""
    """How it was read: another way of reading may find other things in the same file."""
    tenant: Tenant = SHARED
    """Whose it is: a workspace's, or everybody's."""


@dataclass(frozen=True)
class Loaded:
    """What came of loading one file."""

    name: str
    sections: int
    """New and changed help sections."""
    entries: int
    """New and changed FAQ entries."""
    dropped: int
    contradictions: int
    """Questions that were answered otherwise before."""
    to_review: int
    """Pairs of conversations."""


@dataclass(frozen=True)
class Step:
    """What one step of cleaning did in a load."""

    name: str
    changed: int
    """Texts."""
    dropped: int
    """Entries."""
    examples: tuple[str, ...]


@dataclass(frozen=True)
class LoadReport:
    """What came in with the newest load that read anything, and what remains of it."""

    at: datetime
    sections: int
    entries: int
    kept_entries: int
    pairs: int
    """Of conversations."""
    kept_pairs: int
    steps: tuple[Step, ...]
    contradictions: tuple[tuple[str, str, str], ...]
    """Question, answer that is served, answer that is held."""
    quality: Mapping[str, int]
    """How many of what remains look good, fair, poor."""


@dataclass(frozen=True)
class DroppedRow:
    id: str
    source: str
    line: int
    step: str
    reason: str
    question: str
    answer: str
    is_restored: bool


@dataclass(frozen=True)
class FactMatch:
    fact: Fact
    probability: float
    """Calibrated probability that this fact answers the question."""


@dataclass(frozen=True)
class SectionMatch:
    section: Section
    similarity: float
    """Cosine similarity of question and section, in [-1, 1]."""


@dataclass(frozen=True)
class Retrieval:
    """Best first."""

    facts: tuple[FactMatch, ...] = ()
    sections: tuple[SectionMatch, ...] = ()


@dataclass(frozen=True)
class Changes:
    """What of memory is new, other or gone, the oldest change first."""

    facts: Sequence[FactId] = ()
    sources: Sequence[str] = ()
