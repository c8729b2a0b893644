"""Is an answer right? One decision for the gate, the receipts, silent comparisons and the benchmark. Knows texts alone.

Strict: every key fact of what was taught, none that only a superseded version has. Where nobody named the key facts,
they are what must not be got wrong: numbers, names, addresses, whether something is denied, and the words that tell the
answer from those of other facts that it could be taken for. Answers of one house share so many words that the wording
alone (ROUGE-L) takes another fact's answer for nearly right.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from bot.support import addresses, content_words, words

RIGHT_FROM = 0.7
"""ROUGE-L from which an answer without named key facts says what was taught."""
MISTAKEN_FROM = 0.5
"""Share of an answer's content that another one has, for it to be taken for it."""
_NAME = re.compile(r"(?<=[^\s.!?:;\"“(\-–—] )[\"“(]?([A-Z][\w-]*)|\b([a-z]*\w[A-Z]\w*)\b")
_DENIED = re.compile(r"\b(?:not?|never|none|nobody|nothing|nor|neither|without|cannot)\b|n['’]t\b", re.IGNORECASE)
KEPT = 8_192


def is_right(text: str, answer: str, others: Iterable[str] = (), superseded: Sequence[str] = ()) -> bool:
    """True when a text says what was taught, nearly in its words.

    `others`: other facts' answers. `superseded`: earlier answers of this fact.
    """
    if rouge_l(text, answer) < RIGHT_FROM or _exactly(text) != _exactly(answer):
        return False
    said = _content(text)
    if not _distinctive(answer, others) <= said or any(_distinctive(old, [answer]) & said for old in superseded):
        return False
    return has_key_facts(text, names(answer), [key for old in superseded for key in names(old) - names(answer)])


def has_key_facts(text: str, wanted: Collection[str], gone: Collection[str] = ()) -> bool:
    """True when a text says all that is wanted, and nothing of what holds no more."""
    return all(says(text, key) for key in wanted) and not any(says(text, key) for key in gone)


def says(text: str, key: str) -> bool:
    """True when the words of a key fact stand side by side in a text."""
    said, wanted = _words(text), _words(key)
    if not wanted:
        return key.lower() in text.lower()
    return any(said[at : at + len(wanted)] == wanted for at in range(len(said) - len(wanted) + 1))


def names(text: str) -> set[str]:
    """Words with a capital letter that no sentence begins with, lower-cased; none that is a piece of a longer word."""
    found = {word.lower() for pair in _NAME.findall(text) for word in pair if content_words(word)}
    return {name for name in found if says(text, name)}


def rouge_l(text: str, reference: str) -> float:
    """ROUGE-L F1 (Lin 2004) over lower-cased words: 1 is the reference word for word."""
    said, wanted = text.lower().split(), reference.lower().split()
    if not said or not wanted:
        return 0.0
    common = _longest_common_subsequence(said, wanted)
    return 2 * common / (len(said) + len(wanted))


def _distinctive(answer: str, others: Iterable[str]) -> set[str]:
    """The words that tell an answer from each other one which has much of it."""
    own = _content(answer)
    lacking = (own - _content(other) for other in others)
    return {word for lacks in lacking if len(lacks) <= (1 - MISTAKEN_FROM) * len(own) for word in lacks}


def _exactly(text: str) -> tuple[set[str], set[str], int]:
    """What must be the same, and no more of it."""
    return _numbers(text), addresses(text), len(_DENIED.findall(text))


def _numbers(text: str) -> set[str]:
    return {word for word in _content(text) if any(map(str.isdigit, word))}


@lru_cache(KEPT)
def _content(text: str) -> frozenset[str]:
    return frozenset(content_words(text))


@lru_cache(KEPT)
def _words(text: str) -> tuple[str, ...]:
    return tuple(words(text))


def _longest_common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    row = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b):
            above = row[j + 1]
            row[j + 1] = diagonal + 1 if word == other else max(above, row[j])
            diagonal = above
    return row[-1]
