"""Memory: finds the facts and help sections for a question. Implements `bot.ports.Knowledge`.

The index lives in this process and follows the store: before each search the store's revision is compared with the
index's, so that a lesson is found by the first question after it, whichever process took it. Only what changed is
read, and only new texts are encoded; their vectors are kept in the store, so that a restart encodes nothing.
"""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import NamedTuple

import numpy as np

from bot.feedback import Fact, facts_of
from bot.ids import FactId
from bot.ports import Store, Unit
from bot.retrieval import Changes, FactMatch, Retrieval, Section, SectionMatch
from learning.encoder import Encoder, Vectors
from learning.router import FactVectors, rank
from learning.vector_index import Found, VectorIndex

MAX_MATCHES = 5
NEAR_PHRASINGS = 512
"""How many phrasings nearest to the question the router gets to see: far more than it looks at."""
ENCODED_AT_ONCE = 256
"""Texts whose vectors are kept together, so that an interrupted first indexing goes on where it stopped."""
READ_AT_ONCE = 200
"""Facts and sources that are read in one transaction, so that a first indexing holds up no event."""


class _Taught(NamedTuple):
    fact: Fact
    answer: Vectors
    """(D,)"""


class _Portion(NamedTuple):
    """The present state of some facts and sources that changed."""

    facts: dict[FactId, Fact | None]
    """None for those that are gone."""
    sources: dict[str, list[Section]]

    def texts(self) -> list[str]:
        return list(dict.fromkeys(self._every_text()))

    def _every_text(self) -> Iterator[str]:
        for fact in filter(None, self.facts.values()):
            yield from fact.phrasings
            yield fact.lesson.answer
        for sections in self.sources.values():
            yield from map(section_text, sections)


class Memory:
    def __init__(self, store: Store, encoder: Encoder) -> None:
        self._store = store
        self._encoder = encoder
        self._revision = 0
        self._phrasings: VectorIndex[FactId, _Taught] = VectorIndex()
        self._sections: VectorIndex[str, Section] = VectorIndex()
        self._updating = asyncio.Lock()

    async def search(self, question: str) -> Retrieval:
        await self.refresh()
        return await asyncio.to_thread(self._look_up, question)

    async def refresh(self) -> None:
        """Bring the index to the store's revision or a later one: after much was loaded it can take minutes.

        Of concurrent callers one updates, the others wait.
        """
        revision = await self._store.run(lambda unit: unit.revision())
        if self._revision < revision:
            async with self._updating:
                if self._revision < revision:
                    await self._catch_up()

    async def _catch_up(self) -> None:
        since = self._revision
        revision, changes = await self._store.run(lambda unit: (unit.revision(), unit.changes(since)))
        for part in _parts(changes):
            portion = await self._store.run(partial(_read, part))
            vectors = await self._vectors(portion.texts())
            await asyncio.to_thread(self._put, portion, vectors)
        self._revision = revision

    async def _vectors(self, texts: list[str]) -> dict[str, Vectors]:
        """Vectors from the store; the missing ones are computed and kept there."""
        name = self._encoder.name
        kept = await self._store.run(lambda unit: unit.vectors.get(name, texts))
        vectors = {text: np.frombuffer(raw, dtype=np.float32) for text, raw in kept.items()}
        missing = [text for text in texts if text not in vectors]
        for start in range(0, len(missing), ENCODED_AT_ONCE):
            part = missing[start : start + ENCODED_AT_ONCE]
            fresh = dict(zip(part, await asyncio.to_thread(self._encoder.encode, part), strict=True))
            await self._keep({text: vector.tobytes() for text, vector in fresh.items()})
            vectors |= fresh
        return vectors

    async def _keep(self, raw: dict[str, bytes]) -> None:
        await self._store.run(lambda unit: unit.vectors.put(self._encoder.name, raw))

    def _put(self, portion: _Portion, vectors: dict[str, Vectors]) -> None:
        for fact_id, fact in portion.facts.items():
            if fact is None:
                self._phrasings.remove(fact_id)
            else:
                taught = _Taught(fact, vectors[fact.lesson.answer])
                self._phrasings.put(fact_id, [(taught, vectors[text]) for text in fact.phrasings])
        for source, sections in portion.sources.items():
            self._sections.put(source, [(section, vectors[section_text(section)]) for section in sections])

    def _look_up(self, question: str) -> Retrieval:
        if not self._phrasings and not self._sections:
            return Retrieval()
        vector: Vectors = self._encoder.encode([question])[0]
        sections = self._sections.nearest(vector, MAX_MATCHES)
        return Retrieval(
            _facts(vector, self._phrasings.nearest(vector, NEAR_PHRASINGS)),
            tuple(SectionMatch(found.value, found.cosine) for found in sections),
        )


def section_text(section: Section) -> str:
    """What a section is found by."""
    path = section.title if section.heading in ("", section.title) else f"{section.title} > {section.heading}"
    return f"{path}. {section.text}"


def _parts(changes: Changes) -> Iterator[Changes]:
    for start in range(0, max(len(changes.facts), len(changes.sources)), READ_AT_ONCE):
        part = slice(start, start + READ_AT_ONCE)
        yield Changes(changes.facts[part], changes.sources[part])


def _read(changes: Changes, unit: Unit) -> _Portion:
    # Later than the revision was: a newer state is then read twice, but none is missed.
    lessons, phrasings = unit.lessons.all(changes.facts), unit.lessons.phrasings(changes.facts)
    known = {fact.id: fact for fact in facts_of(lessons, phrasings)}
    gone = dict.fromkeys(fact for fact in changes.facts if fact not in known)
    sources: dict[str, list[Section]] = {source: [] for source in changes.sources}
    for source, sections in groupby(unit.documents.sections(changes.sources), lambda section: section.source):
        sources[source] = list(sections)
    return _Portion(known | gone, sources)


def _facts(question: Vectors, near: Sequence[Found[_Taught]]) -> tuple[FactMatch, ...]:
    """The router's opinion of the facts that have phrasings among the nearest ones."""
    if not near:
        return ()
    phrasings: dict[FactId, list[Vectors]] = {}
    taught: dict[FactId, _Taught] = {}
    for found in near:
        phrasings.setdefault(found.value.fact.id, []).append(found.vector)
        taught[found.value.fact.id] = found.value
    candidates = list(taught.values())
    vectors = FactVectors(
        phrasings=np.stack([vector for of_one in phrasings.values() for vector in of_one]),
        starts=np.cumsum([0, *(len(of_one) for of_one in phrasings.values())])[:-1],
        answers=np.stack([each.answer for each in candidates]),
    )
    ranked = rank(question, vectors)[:MAX_MATCHES]
    return tuple(FactMatch(candidates[match.row].fact, match.probability) for match in ranked)
