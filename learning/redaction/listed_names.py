"""Names that a census counted: the lists of the US census of 1990, as the package `names` carries them (extra `names`).

A first name that is no everyday word is taken for a name, with what follows it; a surname where it is common, or stands
behind a title. Better on names that are usual in the United States than on others.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from importlib.resources import files

from bot.personal import Kind, Span
from learning.redaction.names import ADDRESSED, EVERYDAY, PARTICLES, WORD, fold

MIN_LETTERS = 4
"""Shorter ones are too often words, of whatever language."""
RARE, COMMON = 0.001, 0.01
"""Least percentage of the people who have a surname."""
MAX_FOLLOWING = 3
TITLE = re.compile(r"\b(?:mr|mrs|ms|miss|dr|prof|sir|madam)\.?\s*$", re.IGNORECASE)
LOOK_BACK = 16


class Census:
    """Raises ModuleNotFoundError at the first use where the package isn't installed."""

    def find(self, text: str) -> Iterator[Span]:
        """First names with the names behind them, surnames behind titles, and common ones with a capital."""
        words, place = [*WORD.finditer(text)], 0
        while place < len(words):
            start, end = words[place].start(), _end(words[place])
            following = place + 1
            if self._begins_name(text, start, end):
                while following < min(len(words), place + 1 + MAX_FOLLOWING) and self._goes_on(
                    text, end, words[following]
                ):
                    end = _end(words[following])
                    following += 1
                yield Span(start, end, Kind.NAME)
            place = following

    def bears_out(self, text: str, start: int, end: int) -> bool:
        """Whether what a model took for a name is written as one: every word with a capital; a single one, or a text
        without any capitals, needs a name that is listed, too."""
        words = [found[0] for found in WORD.finditer(text, start, end)]
        if text.islower():
            return any(fold(word) in self._first for word in words)
        if not words or not all(word[0].isupper() or word in PARTICLES for word in words):
            return False
        is_addressed = ADDRESSED.search(text[max(0, start - LOOK_BACK) : start]) is not None
        return len(words) > 1 or is_addressed or fold(words[0]) in self._first

    def _begins_name(self, text: str, start: int, end: int) -> bool:
        word, before = text[start:end], text[max(0, start - LOOK_BACK) : start]
        folded, is_capital, is_lower = fold(word), word[0].isupper(), text.islower()
        if TITLE.search(before):
            return is_capital or folded in self._surnames or folded in self._any_first
        if ADDRESSED.search(before) and folded in self._any_first:
            return is_capital or folded not in EVERYDAY
        if folded in self._first:
            return is_capital or is_lower
        return is_capital and not is_lower and folded in self._common

    def _goes_on(self, text: str, end: int, word: re.Match[str]) -> bool:
        if text[end : word.start()] not in (" ", "-"):
            return False
        folded = fold(text[word.start() : _end(word)])
        if folded in EVERYDAY:
            return False
        return folded in self._first or folded in self._surnames if text.islower() else word[0][0].isupper()

    @cached_property
    def _any_first(self) -> frozenset[str]:
        return _listed("dist.female.first", 0) | _listed("dist.male.first", 0)

    @cached_property
    def _first(self) -> frozenset[str]:
        return self._any_first - EVERYDAY

    @cached_property
    def _surnames(self) -> frozenset[str]:
        return _listed("dist.all.last", RARE) - EVERYDAY

    @cached_property
    def _common(self) -> frozenset[str]:
        return _listed("dist.all.last", COMMON) - EVERYDAY


def _listed(name: str, least: float) -> frozenset[str]:
    rows = (line.split() for line in files("names").joinpath(name).read_text(encoding="ascii").splitlines())
    return frozenset(row[0].lower() for row in rows if row and len(row[0]) >= MIN_LETTERS and float(row[1]) >= least)


def _end(word: re.Match[str]) -> int:
    """Without a possessive."""
    return word.end() - (2 if re.search(r"['’]s$", word[0]) else 0)
