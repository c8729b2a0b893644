"""What is asked back, "did you mean": known questions and help pages that may be meant. Knows nothing of how either was
found; how near they are is given.
"""

from collections.abc import Sequence

from bot.answers import Candidate
from bot.policy import Policy
from bot.retrieval import FactMatch, Retrieval, Section
from bot.support import coverage
from bot.texts import Texts

MAX_CANDIDATES = 3
"""Of each kind. Of both together, a few more would be no glance any longer."""
MAX_BESIDE = 2
"""Help pages beside known questions."""
SHOWN_SHARE = 0.1
"""Least probability of a candidate that is shown, as a share of the likeliest one's."""


def shown(probabilities: Sequence[float], least: float) -> range:
    """Which of the facts, likeliest first, are asked back: none unless one of them is meant with `least`."""
    close = [p for p in probabilities[:MAX_CANDIDATES] if p >= SHOWN_SHARE * probabilities[0]]
    return range(len(close) if sum(close) >= least else 0)


def facts_meant(facts: Sequence[FactMatch], least: float) -> list[FactMatch]:
    """Those that are asked back when one of them is meant with a probability of at least `least`."""
    return [facts[i] for i in shown([match.probability for match in facts], least)]


def candidates(facts: Sequence[FactMatch], sections: Sequence[Section], texts: Texts) -> tuple[Candidate, ...]:
    """The buttons: known questions first. Sections of the same label are parts of one page: the nearest is offered."""
    pages: dict[str, Section] = {}
    for section in sections:
        pages.setdefault(section.label, section)
    most = MAX_BESIDE if facts else MAX_CANDIDATES
    asked = (Candidate(match.fact.id, match.fact.lesson.question) for match in facts)
    offered = list(pages.items())[:most]
    return (*asked, *(Candidate(None, texts.page_choice.format(title=label), each.id) for label, each in offered))


def near(retrieval: Retrieval, policy: Policy) -> list[Section]:
    """The sections that may be meant, nearest first."""
    return [match.section for match in retrieval.sections if match.similarity >= policy.grounded_from]


def speaking_of(words: str, retrieval: Retrieval, policy: Policy) -> list[Section]:
    """Those of them that speak of what was asked."""
    covered = ((each, coverage(words, f"{each.label} {each.text}")) for each in near(retrieval, policy))
    return [each for each, share in covered if share >= policy.covered_from]


def stands_out(section: Section, retrieval: Retrieval, policy: Policy) -> bool:
    """True for a section that is nearer than any other by so much that it is surely the one meant.

    How far it leads says more of that than how near it is: one subject has many sections. Those of the same label are
    parts of one.
    """
    own = max(match.similarity for match in retrieval.sections if match.section.id == section.id)
    others = [match.similarity for match in retrieval.sections if match.section.label != section.label]
    return own - max(others, default=0.0) >= policy.clear_by
