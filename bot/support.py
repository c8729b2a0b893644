"""How far a generated answer is supported by its sources. Lexical, so that it costs nothing and can be explained."""

import re
import unicodedata
from collections.abc import Sequence, Set

_WORD = re.compile(r"[^\W_]+(?:[.,:][0-9]+)*", re.UNICODE)
# Links and mail addresses. What ends a sentence is no part of them.
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]{0,30}:/+|www\.|(?:mailto|javascript|data|tel):)[^\s<>]+|[^\s<>@]{1,64}@[^\s<>@]{1,255}\.\w+",
    re.IGNORECASE,
)
_ENDS = ".,:;!?)]}\"'*_~`"
_STOPWORDS = frozenset(
    "a about after all also an and any are as at be been before but by can could did do does for from had has have "
    "he help how i if in into is it its just like may me more must my need no not of on once one only or our out "
    "please s she should so some such t than that the their them then there these they this those to too under up "
    "us use using want was we were what when where which while who will with would yes you your".split()
)


def words(text: str) -> list[str]:
    """All words, lower-cased, with plural and verb endings cut off."""
    return [_stem(word) for word in _WORD.findall(text.lower())]


def content_words(text: str) -> list[str]:
    """The same of those that carry meaning."""
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOPWORDS]


def same_words(one: str, other: str) -> bool:
    """True for the same content words, in whatever order; without any, for the same text."""
    meaning = set(content_words(one))
    return meaning == set(content_words(other)) if meaning else one.strip() == other.strip()


def jaccard(one: Set[str], other: Set[str]) -> float:
    """Share of the words of either that both have, in [0, 1]; 0 where one has none."""
    return len(one & other) / len(one | other) if one and other else 0.0


def coverage(question: str, text: str) -> float:
    """Share of the question's content words that a text speaks of, in [0, 1]."""
    asked = set(content_words(question))
    return len(asked & set(content_words(text))) / len(asked) if asked else 0.0


def support(answer: str, sources: Sequence[str]) -> float:
    """Share of the answer's content words that its sources contain, in [0, 1].

    One foreign number makes it 0: a wrong price or limit is worse than no answer. So does one address that doesn't
    stand in the sources as it is, or a character that nobody sees: that is how a text that was talked into it leads
    people astray, or carries something out.
    """
    said, text = content_words(answer), " ".join(sources)
    if not said or not _hidden(answer) <= _hidden(text):
        return 0.0
    if not addresses(answer) <= addresses(text):
        return 0.0
    known = set(content_words(text))
    if any(word[0].isdigit() and word not in known for word in said):
        return 0.0
    return sum(word in known for word in said) / len(said)


def addresses(text: str) -> set[str]:
    """Links and mail addresses, without what ends a sentence."""
    return {address.rstrip(_ENDS) for address in _ADDRESS.findall(text)}


def _hidden(text: str) -> set[str]:
    """Format and control characters, private ones, and those that don't exist."""
    return {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cn", "Co", "Cs")} - set("\n\t")


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
