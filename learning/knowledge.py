"""Memory: finds the facts and help sections for a question. Implements `bot.ports.Knowledge`.

The index lives in this process and follows the store: before each search the store's revision is compared with the
index's, so that a lesson is found by the first question after it, whichever process took it. Only what changed is
read, and only new texts are encoded; their vectors are kept in the store, so that a restart encodes nothing.

Where workspaces don't share what they know, each has an index of its own beside the one that all share: nobody's
entries are among those that another's question is compared with.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, groupby
from typing import NamedTuple, TypeVar

import numpy as np

from bot.feedback import Fact, facts_of
from bot.ids import SHARED, FactId, Tenant
from bot.ports import Store, Unit
from bot.retrieval import Changes, FactMatch, Retrieval, Section, SectionMatch
from bot.tenants import facts_by_tenant
from learning.encoder import Encoder, Vectors
from learning.router import FactVectors, rank
from learning.vector_index import Found, VectorIndex

V = TypeVar("V")

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

    ids: Sequence[FactId]
    facts: Mapping[Tenant, Sequence[Fact]]
    """Of the ids, those that are not gone."""
    sources: dict[str, list[Section]]
    owners: Mapping[str, Tenant]
    """Whose the sources are."""

    def texts(self) -> list[str]:
        return list(dict.fromkeys(self._every_text()))

    def _every_text(self) -> Iterator[str]:
        for fact in chain(*self.facts.values()):
            yield from fact.phrasings
            yield fact.lesson.answer
        for sections in self.sources.values():
            yield from map(section_text, sections)


class _Known:
    """What is found by in a workspace, or by all."""

    def __init__(self) -> None:
        self.phrasings: VectorIndex[FactId, _Taught] = VectorIndex()
        self.sections: VectorIndex[str, Section] = VectorIndex()

    def __bool__(self) -> bool:
        return bool(self.phrasings) or bool(self.sections)


class Memory:
    def __init__(self, store: Store, encoder: Encoder, *, separate: bool = False) -> None:
        """`separate`: workspaces don't share what they know; else everything is everybody's."""
        self._store = store
        self._encoder = encoder
        self._separate = separate
        self._revision = 0
        self._shared = _Known()
        self._own: dict[Tenant, _Known] = {}
        self._updating = asyncio.Lock()
        self._last: tuple[str | None, Vectors] = None, np.zeros(0, dtype=np.float32)
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="memory")
        """One, as one question is encoded at a time: each further thread would bring helpers of its own along, and all
        of them get in the way of the model."""

    async def search(self, question: str, tenant: Tenant = SHARED) -> Retrieval:
        await self.refresh()
        return await asyncio.get_running_loop().run_in_executor(self._looking, self._look_up, question, tenant)

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
            portion = await self._store.run(partial(_read, part, separate=self._separate))
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
        for tenant in {*portion.facts, *portion.owners.values()} - {SHARED}:
            self._own.setdefault(tenant, _Known())
        for tenant, known in (*self._own.items(), (SHARED, self._shared)):
            facts = {fact.id: fact for fact in portion.facts.get(tenant, ())}
            for fact_id in portion.ids:
                _put_fact(known, fact_id, facts.get(fact_id), vectors)
            for source, sections in portion.sources.items():
                if sections and portion.owners.get(source, SHARED) == tenant:
                    known.sections.put(source, [(section, vectors[section_text(section)]) for section in sections])
                else:
                    known.sections.remove(source)

    def _look_up(self, question: str, tenant: Tenant) -> Retrieval:
        own = self._own.get(tenant)
        if not self._shared and not own:
            return Retrieval()
        vector = self._vector(question)
        phrasings = self._phrasings_near(vector, own)
        sections = self._shared.sections.nearest(vector, MAX_MATCHES)
        if own is not None:
            sections = _nearest((*sections, *own.sections.nearest(vector, MAX_MATCHES)), MAX_MATCHES)
        matches = tuple(SectionMatch(found.value, found.cosine) for found in sections)
        return Retrieval(_facts(vector, phrasings), matches)

    def _vector(self, question: str) -> Vectors:
        """What was asked last is often looked up once more: when it is chosen, corrected or measured."""
        asked, vector = self._last
        if asked != question:
            vector = self._encoder.encode([question])[0]
            self._last = question, vector
        return vector

    def _phrasings_near(self, vector: Vectors, own: _Known | None) -> list[Found[_Taught]]:
        """A workspace's own and the shared ones, but for facts that it knows otherwise."""
        if own is None:
            return self._shared.phrasings.nearest(vector, NEAR_PHRASINGS)
        wanted = NEAR_PHRASINGS
        while True:
            found = self._shared.phrasings.nearest(vector, wanted)
            shared = [each for each in found if each.value.fact.id not in own.phrasings]
            if len(shared) >= NEAR_PHRASINGS or len(found) < wanted:
                return _nearest((*shared, *own.phrasings.nearest(vector, NEAR_PHRASINGS)), NEAR_PHRASINGS)
            wanted *= 2


def _put_fact(known: _Known, id: FactId, fact: Fact | None, vectors: Mapping[str, Vectors]) -> None:
    if fact is None:
        known.phrasings.remove(id)
    else:
        taught = _Taught(fact, vectors[fact.lesson.answer])
        known.phrasings.put(id, [(taught, vectors[text]) for text in fact.phrasings])


def _nearest(found: Iterable[Found[V]], count: int) -> list[Found[V]]:
    return sorted(found, key=lambda each: -each.cosine)[:count]


def section_text(section: Section) -> str:
    """What a section is found by."""
    path = section.title if section.heading in ("", section.title) else f"{section.title} > {section.heading}"
    return f"{path}. {section.text}"


def _parts(changes: Changes) -> Iterator[Changes]:
    for start in range(0, max(len(changes.facts), len(changes.sources)), READ_AT_ONCE):
        part = slice(start, start + READ_AT_ONCE)
        yield Changes(changes.facts[part], changes.sources[part])


def _read(changes: Changes, unit: Unit, *, separate: bool) -> _Portion:
    # Later than the revision was: a newer state is then read twice, but none is missed.
    lessons, phrasings = unit.lessons.all(changes.facts), unit.lessons.phrasings(changes.facts)
    facts = facts_by_tenant(lessons, phrasings) if separate else {SHARED: facts_of(lessons, phrasings)}
    owners = unit.documents.tenants(changes.sources) if separate else {}
    sources: dict[str, list[Section]] = {source: [] for source in changes.sources}
    for source, sections in groupby(unit.documents.sections(changes.sources), lambda section: section.source):
        sources[source] = list(sections)
    return _Portion(changes.facts, facts, sources, owners)


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
