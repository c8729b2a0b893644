"""Names, by the roster of those who are known in the workspace, and where somebody says "my name is".

A name of several words is found however it is written. A single word of a name is found when it is no everyday word;
if it is one ("Mark", "Rose", "Lange"), it must be capitalised within a sentence, or be addressed ("thanks mark").
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from pathlib import Path

from bot.personal import Kind, Span

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
INTRODUCED = re.compile(
    r"\b(?i:my name is|the name is|mein name ist|ich heiße|je m'appelle|mon nom est|me llamo|mi nombre es|mi chiamo"
    r"|il mio nome è|meu nome é|me chamo|nazywam się|mijn naam is)\s+"
    r"(?P<name>[^\W\d_a-z][^\W\d_]*(?:[ '’-](?:(?:de|da|van|von|della|di|del|la|le)[ ])*[^\W\d_a-z][^\W\d_]*){0,3})"
)
ADDRESSED = re.compile(
    r"(?:\b(?:mr|mrs|ms|miss|dr|prof|herrn?|frau|monsieur|madame|mme|señora?|sra?|signora?|sig|dona?|pani?|pana|hi|hey"
    r"|hello|hallo|hola|ciao|olá|bonjour|cześć|dear|liebe[r]?|thanks|thank you|danke|merci|gracias|grazie|this is"
    r"|i'?m|i am|soy|sono|regards|cheers)\.?,?|@)\s*$",
    re.IGNORECASE,
)
SENTENCE_START = re.compile(r"(?:^|[.!?:>\n]\s*|[\"“„*_-])\s*$")
PARTICLES = frozenset(
    "al bin da das de degli dei del della den der di do dos du el la las le los van ver von y".split()
)
EVERYDAY = frozenset(Path(__file__).with_name("everyday_words.txt").read_text(encoding="utf-8").split())
UNDECOMPOSED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ı": "i"})
MIN_LETTERS = 3
MAX_WORDS = 6

Word = tuple[int, int, str]
"""Start, end, and the word as it is compared."""


class Roster:
    """The names of those who are known. They are kept in memory alone."""

    def __init__(self) -> None:
        self._names: dict[str, set[tuple[str, ...]]] = {}
        """Names of several words, by their first one."""
        self._parts: set[str] = set()

    def add(self, name: str) -> None:
        """Take a name as a platform shows it; what is no name (a number, a single letter) is passed over."""
        parts = tuple(word for _, _, word in _words(name))[:MAX_WORDS]
        real = [part for part in parts if len(part) >= MIN_LETTERS and part not in PARTICLES]
        self._parts.update(real)
        self._parts.update(piece for part in real for piece in part.split("-") if len(piece) > MIN_LETTERS)
        if not real:
            return
        for start, end in combinations(range(len(parts) + 1), 2):
            if end - start > 1:
                self._names.setdefault(parts[start], set()).add(parts[start:end])
        if len(parts) > 1:
            self._names.setdefault(parts[-1], set()).add((parts[-1], *parts[:-1]))

    def find(self, text: str) -> Iterator[Span]:
        if not self._parts:
            return
        words = _words(text)
        place = 0
        while place < len(words):
            length = self._length_at(words, place)
            if length > 1 or (length == 1 and _is_meant(text, words[place])):
                yield Span(words[place][0], words[place + length - 1][1], Kind.NAME)
            place += max(length, 1)

    def _length_at(self, words: Sequence[Word], place: int) -> int:
        """How many words from there on are one person's name: a whole one, or parts of names in a row."""
        ahead = tuple(word for _, _, word in words[place : place + MAX_WORDS])
        whole = (len(name) for name in self._names.get(ahead[0], ()) if ahead[: len(name)] == name)
        return max(whole, default=int(ahead[0] in self._parts))


def introduced(text: str) -> Iterator[Span]:
    for found in INTRODUCED.finditer(text):
        yield Span(*found.span("name"), Kind.NAME)


def _is_meant(text: str, word: Word) -> bool:
    start, _, folded = word
    if folded not in EVERYDAY:
        return True
    before = text[max(0, start - 16) : start]
    if ADDRESSED.search(before):
        return True
    return text[start].isupper() and SENTENCE_START.search(before) is None


def _words(text: str) -> list[Word]:
    """The words of a text; a possessive 's is no part of one."""
    found = []
    for match in WORD.finditer(text):
        word = re.sub(r"['’]s$", "", match[0])
        found.append((match.start(), match.start() + len(word), fold(word)))
    return found


@lru_cache(16_384)
def fold(word: str) -> str:
    """Without capitals and accents, as people type names in a hurry."""
    plain = unicodedata.normalize("NFD", word.casefold().replace("’", "'"))
    return "".join(char for char in plain if not unicodedata.combining(char)).translate(UNDECOMPOSED)
