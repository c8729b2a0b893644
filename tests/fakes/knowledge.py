"""Memory by shared words instead of embeddings: exact enough for stories, and quick."""

from dataclasses import dataclass
from functools import lru_cache

from bot.feedback import facts_of
from bot.ids import SHARED, Tenant
from bot.ports import Store, Unit
from bot.retrieval import FactMatch, Retrieval, SectionMatch
from bot.support import content_words


@dataclass(frozen=True)
class LexicalKnowledge:
    store: Store
    separate: bool = False

    async def search(self, question: str, tenant: Tenant = SHARED) -> Retrieval:
        within = tenant if self.separate else None
        return await self.store.run(lambda unit: _search(unit.within(within), question))


def _search(unit: Unit, question: str) -> Retrieval:
    facts = facts_of(unit.lessons.all(), unit.lessons.phrasings())
    matches = [FactMatch(fact, max(overlap(question, text) for text in fact.phrasings)) for fact in facts]
    sections = [SectionMatch(s, overlap(question, f"{s.label} {s.text}")) for s in unit.documents.sections()]
    return Retrieval(
        tuple(sorted(matches, key=lambda match: -match.probability)[:5]),
        tuple(sorted(sections, key=lambda match: -match.similarity)[:5]),
    )


def overlap(question: str, text: str) -> float:
    """Share of the question's content words that the text has; identical wording is 1."""
    words = _words(question)
    if question.strip().lower() == text.strip().lower():
        return 1.0
    return len(words & _words(text)) / len(words) if words else 0.0


@lru_cache(10_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(content_words(text))
