"""Is an answer right? Knows answers and facts, not who gave them."""

from deploy.bench.learning.bank import BankFact, Version
from learning.evaluation import rouge_l

RIGHT_FROM = 0.5
"""Least ROUGE-L of a right answer to a fact that names no key facts."""


def is_right(text: str, wanted: Version, superseded: Version | None = None) -> bool:
    """Strict: every key fact is there, and none that only the superseded version has."""
    if not wanted.key_facts:
        return rouge_l(text, wanted.answer) >= RIGHT_FROM
    said = text.lower()
    return all(key.lower() in said for key in wanted.key_facts) and not says_superseded(text, wanted, superseded)


def says_superseded(text: str, wanted: Version, superseded: Version | None) -> bool:
    """True when it says something that was right once and is not any more."""
    if superseded is None:
        return False
    valid, said = wanted.answer.lower(), text.lower()
    return any(key.lower() in said for key in superseded.key_facts if key.lower() not in valid)


def version_of(fact: BankFact, *, has_changed: bool) -> tuple[Version, Version | None]:
    """What is right now, and what was before."""
    return (fact.later, fact.now) if has_changed and fact.later is not None else (fact.now, None)
