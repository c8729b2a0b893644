"""Is a lesson the new version of a known answer, or was another question mistaken for the known one?

The first takes its place, also where it was said before; the second must leave it alone. Judged by words: what has
changed mostly reads as it did but for what is new in it, while in one product's help different answers share half of
their words, too.
"""

from collections.abc import Iterable

from bot.feedback import Fact, Rating, Reason
from bot.support import content_words, jaccard, same_words

FEW_WORDS = 5
RESEMBLING_FROM = 0.4
"""Least share of the content words of either answer that both have."""
OF_A_VERSION = frozenset({Reason.OUTDATED, Reason.INCOMPLETE, Reason.TONE})
"""Why an answer was rejected that was one to this question."""


def is_new_version(fact: Fact, question: str, answer: str, ratings: Iterable[Rating] = ()) -> bool:
    """True when a lesson takes the place of what is known: it asks for it in words that are known, its answer resembles
    the present one, or an agent has said what was the matter with that.

    Of an answer of a few words, nothing can be told: it counts as a new version. `ratings`: of the answer that the
    lesson corrects.
    """
    if any(same_words(question, phrasing) for phrasing in fact.phrasings):
        return True
    if any(rating.trusted and rating.reason in OF_A_VERSION for rating in ratings):
        return True
    if _answers_more(fact, question, answer):
        return False
    said, known = set(content_words(answer)), set(content_words(fact.lesson.answer))
    return len(said) < FEW_WORDS or jaccard(said, known) >= RESEMBLING_FROM


def _answers_more(fact: Fact, question: str, answer: str) -> bool:
    """True when it speaks of something that was asked for and that neither the known answer nor a question for it does:
    of unpinning, say, where pinning is known."""
    known = {word for text in (fact.lesson.answer, *fact.phrasings) for word in content_words(text)}
    return bool(set(content_words(question)) & set(content_words(answer)) - known)
