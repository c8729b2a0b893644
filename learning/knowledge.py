"""Memory: finds the facts and help sections for a question. Implements `bot.ports.Knowledge`.

The index lives in this process and follows the store: before each search the store's revision is compared with the
index's, so that a lesson is found by the first question after it, whichever process took it. Only new texts are
encoded; their vectors are kept in the store, so that a restart encodes nothing. Search is exact: a product of
matrices is quick enough for a hundred thousand texts.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bot.feedback import Fact, facts_of
from bot.ports import Store, Unit
from bot.retrieval import FactMatch, Retrieval, Section, SectionMatch
from learning.encoder import Encoder, Vectors
from learning.router import FactVectors, rank

MAX_MATCHES = 5
ENCODED_AT_ONCE = 256
"""Texts whose vectors are kept together, so that an interrupted first indexing goes on where it stopped."""


@dataclass(frozen=True)
class _Known:
    """What the store held at one revision."""

    revision: int
    facts: Sequence[Fact]
    sections: Sequence[Section]

    def texts(self) -> list[str]:
        return list(dict.fromkeys(self._every_text()))

    def _every_text(self) -> Iterator[str]:
        for fact in self.facts:
            yield from fact.phrasings
            yield fact.lesson.answer
        yield from map(section_text, self.sections)


@dataclass(frozen=True)
class _Index:
    known: _Known
    vectors: dict[str, Vectors]
    """(D,) for each text."""
    facts: FactVectors | None
    """None while there are no facts."""
    sections: Vectors | None
    """(sections, D); None while there are none."""


class Memory:
    def __init__(self, store: Store, encoder: Encoder) -> None:
        self._store = store
        self._encoder = encoder
        self._index: _Index | None = None
        self._updating = asyncio.Lock()

    async def search(self, question: str) -> Retrieval:
        index = await self._current()
        return await asyncio.to_thread(self._look_up, question, index)

    async def refresh(self) -> None:
        """Bring the index up to date ahead of the next question: after much was loaded it can take minutes."""
        await self._current()

    async def _current(self) -> _Index:
        """The index at the store's revision or a later one. Of concurrent searches one updates, the others wait."""
        revision = await self._store.run(_revision)
        if self._index is None or self._index.known.revision < revision:
            async with self._updating:
                if self._index is None or self._index.known.revision < revision:
                    self._index = await self._updated()
        return self._index

    async def _updated(self) -> _Index:
        known = await self._store.run(_read)
        texts = known.texts()
        before = self._index.vectors if self._index is not None else {}
        vectors = {text: before[text] for text in texts if text in before}
        vectors |= await self._fetched([text for text in texts if text not in before])
        return await asyncio.to_thread(_built, known, vectors)

    async def _fetched(self, texts: list[str]) -> dict[str, Vectors]:
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

    def _look_up(self, question: str, index: _Index) -> Retrieval:
        if index.facts is None and index.sections is None:
            return Retrieval()
        vector: Vectors = self._encoder.encode([question])[0]
        return Retrieval(_facts(vector, index), _sections(vector, index))


def section_text(section: Section) -> str:
    """What a section is found by."""
    path = section.title if section.heading in ("", section.title) else f"{section.title} > {section.heading}"
    return f"{path}. {section.text}"


def _revision(unit: Unit) -> int:
    return unit.revision()


def _read(unit: Unit) -> _Known:
    # The revision first: what is committed meanwhile is then, if at all, read too early, never too late.
    revision = unit.revision()
    facts = facts_of(unit.lessons.all(), unit.lessons.phrasings())
    return _Known(revision, facts, unit.documents.sections())


def _built(known: _Known, vectors: dict[str, Vectors]) -> _Index:
    sections = np.stack([vectors[section_text(s)] for s in known.sections]) if known.sections else None
    return _Index(known, vectors, _fact_vectors(known.facts, vectors), sections)


def _fact_vectors(facts: Sequence[Fact], vectors: dict[str, Vectors]) -> FactVectors | None:
    if not facts:
        return None
    return FactVectors(
        phrasings=np.stack([vectors[text] for fact in facts for text in fact.phrasings]),
        starts=np.cumsum([0] + [len(fact.phrasings) for fact in facts[:-1]]),
        answers=np.stack([vectors[fact.lesson.answer] for fact in facts]),
    )


def _facts(question: Vectors, index: _Index) -> tuple[FactMatch, ...]:
    if index.facts is None:
        return ()
    ranked = rank(question, index.facts)[:MAX_MATCHES]
    return tuple(FactMatch(index.known.facts[match.row], match.probability) for match in ranked)


def _sections(question: Vectors, index: _Index) -> tuple[SectionMatch, ...]:
    if index.sections is None:
        return ()
    cosines = index.sections @ question
    best = np.argsort(-cosines, kind="stable")[:MAX_MATCHES]
    return tuple(SectionMatch(index.known.sections[i], float(cosines[i])) for i in best)
