"""Is an answer right? Knows answers and facts, not who gave them; `learning/rightness.py` knows key facts."""

from deploy.bench.learning.bank import BankFact, Version
from learning.rightness import has_key_facts, rouge_l, says

RIGHT_FROM = 0.5
"""Least ROUGE-L of a right answer to a fact that names no key facts."""


def is_right(text: str, wanted: Version, superseded: Version | None = None) -> bool:
    """Strict: every key fact is there, and none that only the superseded version has."""
    if not wanted.key_facts:
        return rouge_l(text, wanted.answer) >= RIGHT_FROM
    return has_key_facts(text, wanted.key_facts, _gone(wanted, superseded))


def says_superseded(text: str, wanted: Version, superseded: Version | None) -> bool:
    """True when it says something that was right once and is not any more."""
    return any(says(text, key) for key in _gone(wanted, superseded))


def _gone(wanted: Version, superseded: Version | None) -> list[str]:
    before = superseded.key_facts if superseded is not None else ()
    return [key for key in before if not says(wanted.answer, key)]


def version_of(fact: BankFact, *, has_changed: bool) -> tuple[Version, Version | None]:
    """What is right now, and what was before."""
    return (fact.later, fact.now) if has_changed and fact.later is not None else (fact.now, None)
