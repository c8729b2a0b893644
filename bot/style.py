"""The house's way of writing: what it asks for goes into the prompt, and what is written is checked against it.

Only what the bot writes itself is measured by it: what agents taught is said word for word.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Style:
    tone: str = ""
    """An instruction in a sentence or two."""
    banned: tuple[str, ...] = ()
    """Phrases that are never said, in whatever case."""
    preferred: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The right term → what is said instead of it, and shouldn't be."""

    def instructions(self) -> str:
        """For the prompt; empty where nothing is asked for."""
        terms = (f"Say “{term}”, not {_listed(avoided)}." for term, avoided in self.preferred.items())
        never = [f"Never say {_listed(self.banned)}."] if self.banned else []
        return " ".join(part for part in (self.tone.strip(), *terms, *never) if part)

    def worded(self, text: str, source: str) -> str:
        """The text with the preferred terms, but for words that its source uses: they may be the name of a button."""
        for term, avoided in self.preferred.items():
            for phrase in avoided:
                if not _phrase(phrase).search(source):
                    text = _phrase(phrase).sub(lambda found, term=term: _as_cased(term, found[0]), text)  # type: ignore[misc]
        return text

    def offences(self, text: str) -> list[str]:
        """The banned phrases that stand in it."""
        return [phrase for phrase in self.banned if _phrase(phrase).search(text)]


def _phrase(text: str) -> re.Pattern[str]:
    """The phrase as whole words, with any white space between them."""
    words = r"\s+".join(map(re.escape, text.split()))
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


def _as_cased(term: str, was: str) -> str:
    return term[:1].upper() + term[1:] if was[:1].isupper() else term


def _listed(phrases: Iterable[str]) -> str:
    return " or ".join(f"“{phrase}”" for phrase in phrases)
