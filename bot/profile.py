"""What the operator lets the bot know of an asker: it narrows what is searched, and goes into the prompt.

It is asked for anew for each question, and kept nowhere. An answer never waits for it longer than a second: without it
the bot answers as if it knew nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Protocol

from bot.people import Person
from bot.retrieval import Retrieval, Section

PATIENCE_S = 1.0
MAX_CHARS = 60
"""Of each value: it is a name, not a text that could tell a model what to do."""


@dataclass(frozen=True)
class Profile:
    plan: str = ""
    product: str = ""
    language: str = ""
    """As BCP 47 has it: de, or de-CH."""


class Profiles(Protocol):
    async def of(self, person: Person) -> Profile:
        """What is known of the person; an empty profile for strangers. Raises whatever goes wrong."""
        ...


@dataclass(frozen=True)
class Profiling:
    profiles: Profiles | None
    redact: Callable[[str], str]
    on_problem: Callable[[Exception], None]

    async def of(self, person: Person) -> Profile:
        """Within a second; an empty one where it can't be had."""
        known = Profile(language=person.language)
        if self.profiles is None:
            return known
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await self.profiles.of(person)
        except Exception as problem:  # somebody else's service: nobody must go without an answer for it
            self.on_problem(problem)
            return known
        plan, product = self._clean(found.plan), self._clean(found.product)
        return Profile(plan, product, self._clean(found.language) or person.language)

    def _clean(self, value: str) -> str:
        return self.redact(" ".join(value.split())[:MAX_CHARS])


def in_scope(retrieval: Retrieval, product: str, products: frozenset[str]) -> Retrieval:
    """Without what belongs to another product: facts by their topic, sections by a folder that they come from."""
    if not product:
        return retrieval
    others = {each.casefold() for each in products} - {product.casefold()}
    facts = tuple(match for match in retrieval.facts if not is_of_another(match.fact.lesson.topic, product, products))
    return replace(
        retrieval,
        facts=facts,
        sections=tuple(match for match in retrieval.sections if not others & _folders(match.section)),
    )


def is_of_another(topic: str, product: str, products: frozenset[str]) -> bool:
    """True when a topic names another product than this one; of no product (empty), none is another."""
    names = {each.casefold() for each in products}
    return bool(product) and topic.casefold() in names - {product.casefold()}


def _folders(section: Section) -> set[str]:
    return {part.casefold() for part in PurePath(section.source).parts}
