"""Memory follows the store: what is committed is found by the next search, and nothing is encoded twice."""

import asyncio
import random
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from bot.feedback import Lesson, LessonSource, Phrasing
from bot.ids import SHARED, FactId, LessonId, SectionId, Tenant, new_id
from bot.ports import Unit
from bot.retrieval import Retrieval, Section
from learning.encoder import Vectors
from learning.knowledge import ENCODED_AT_ONCE, Memory, section_text
from storage.database import SqlStore
from tests.databases import open_store
from tests.fakes.encoder import DIMENSIONS, HashingEncoder

T = TypeVar("T")

KNOWN_FROM = 0.95
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
REFUND = "How do I refund a payment?"


@pytest.fixture
def encoder() -> HashingEncoder:
    return HashingEncoder()


@pytest.fixture
def memory(store: SqlStore, encoder: HashingEncoder) -> Memory:
    return Memory(store, encoder)


async def teach(
    store: SqlStore, question: str, answer: str, *, fact: str | None = None, minutes: int = 0, also: Sequence[str] = (),
    tenant: Tenant = SHARED,
) -> Lesson:  # fmt: skip
    lesson = Lesson(
        id=LessonId(new_id()), fact=FactId(fact or new_id()), question=question, answer=answer, author="web:agent",
        author_name="Ada", source=LessonSource.TAUGHT, taught_at=START + timedelta(minutes=minutes), tenant=tenant,
    )  # fmt: skip

    def keep(unit: Unit) -> None:
        unit.lessons.add(lesson)
        for text in (question, *also):
            unit.lessons.add_phrasing(Phrasing(fact=lesson.fact, text=text, origin=lesson.id, tenant=tenant))

    await store.run(keep)
    return lesson


async def add_page(store: SqlStore, *texts: str, sha256: str = "1") -> list[Section]:
    sections = [
        Section(SectionId(f"s{i}"), "help/page.md", "Payments", f"Part {i}", text) for i, text in enumerate(texts)
    ]
    await store.run(lambda unit: unit.documents.replace("help/page.md", sha256, sections))
    return sections


def answers(found: Retrieval) -> list[str]:
    return [match.fact.lesson.answer for match in found.facts]


async def test_questions_are_looked_up_by_one_thread(
    memory: Memory, store: SqlStore, encoder: HashingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await teach(store, REFUND, "Open the payment.")
    await memory.refresh()
    encoder.threads.clear()
    right = encoder.encode

    def slowly(texts: Sequence[str]) -> Vectors:
        time.sleep(0.02)
        return right(texts)

    monkeypatch.setattr(encoder, "encode", slowly)
    await asyncio.gather(*(memory.search(REFUND) for _ in range(5)))
    assert len(encoder.threads) == 1
    assert threading.get_ident() not in encoder.threads


async def test_an_empty_memory_finds_nothing(memory: Memory) -> None:
    assert await memory.search(REFUND) == Retrieval()


async def test_a_lesson_is_known_to_the_very_next_search(memory: Memory, store: SqlStore) -> None:
    await memory.search(REFUND)
    lesson = await teach(store, REFUND, "Choose Refund.")
    found = await memory.search(REFUND)
    assert found.facts[0].fact.lesson == lesson
    assert found.facts[0].probability >= KNOWN_FROM


async def test_a_lesson_from_another_process_is_known_too(memory: Memory, store: SqlStore, tmp_path: Path) -> None:
    await teach(store, REFUND, "Choose Refund.")
    await memory.search(REFUND)
    other = open_store(tmp_path)
    await teach(other, "When do payouts arrive?", "On Mondays.")
    found = await memory.search("When do payouts arrive?")
    other.close()
    assert answers(found)[0] == "On Mondays."
    assert found.facts[0].probability >= KNOWN_FROM


async def test_every_phrasing_finds_the_fact(memory: Memory, store: SqlStore) -> None:
    await teach(store, REFUND, "Choose Refund.", also=["money back for a customer"])
    await teach(store, "When do payouts arrive?", "On Mondays.")
    found = await memory.search("money back for a customer")
    assert answers(found)[0] == "Choose Refund."
    assert found.facts[0].probability >= KNOWN_FROM


async def test_the_newest_version_of_a_fact_is_served(memory: Memory, store: SqlStore) -> None:
    await teach(store, REFUND, "Choose Refund.", fact="refund")
    await memory.search(REFUND)
    await teach(store, REFUND, "Choose Pay back.", fact="refund", minutes=1)
    assert answers(await memory.search(REFUND)) == ["Choose Pay back."]


async def test_a_withdrawn_lesson_is_gone_at_once(memory: Memory, store: SqlStore) -> None:
    old = await teach(store, REFUND, "Choose Refund.", fact="refund")
    new = await teach(store, REFUND, "Choose Pay back.", fact="refund", minutes=1)
    await memory.search(REFUND)
    await store.run(lambda unit: unit.lessons.withdraw(new.id, START))
    assert answers(await memory.search(REFUND)) == ["Choose Refund."]
    await store.run(lambda unit: unit.lessons.withdraw(old.id, START))
    assert await memory.search(REFUND) == Retrieval()


async def test_at_most_five_facts_and_sections_the_best_first(memory: Memory, store: SqlStore) -> None:
    for number in range(8):
        await teach(store, f"How do I refund order {'big ' * number}?", f"Answer {number}")
    await add_page(store, *(f"Refunds of kind {word}" for word in "one two three four five six seven".split()))
    found = await memory.search("refund order")
    assert len(found.facts) == len(found.sections) == 5
    probabilities = [match.probability for match in found.facts]
    similarities = [match.similarity for match in found.sections]
    assert probabilities == sorted(probabilities, reverse=True)
    assert similarities == sorted(similarities, reverse=True)


async def test_a_section_is_found_by_its_headings_and_text(
    memory: Memory, store: SqlStore, encoder: HashingEncoder
) -> None:
    page = await add_page(store, "A refund takes five days.", "Webhooks are signed.")
    found = await memory.search("Are webhooks signed?")
    best = found.sections[0]
    assert best.section == page[1]
    question, text = encoder.encode(["Are webhooks signed?", section_text(page[1])])
    assert best.similarity == pytest.approx(float(question @ text), abs=1e-6)


async def test_a_changed_page_replaces_its_sections(memory: Memory, store: SqlStore) -> None:
    await add_page(store, "A refund takes five days.")
    await memory.search(REFUND)
    changed = await add_page(store, "A refund takes ten days.", sha256="2")
    assert [match.section for match in (await memory.search(REFUND)).sections] == changed


async def test_only_new_texts_are_encoded(memory: Memory, store: SqlStore, encoder: HashingEncoder) -> None:
    await teach(store, REFUND, "Choose Refund.")
    await add_page(store, "A refund takes five days.")
    await memory.search("first")
    before = len(encoder.encoded)
    await teach(store, "When do payouts arrive?", "On Mondays.")
    await memory.search("second")
    assert sorted(encoder.encoded[before:]) == sorted(["When do payouts arrive?", "On Mondays.", "second"])


async def test_a_restart_encodes_nothing_but_the_question(memory: Memory, store: SqlStore) -> None:
    await teach(store, REFUND, "Choose Refund.")
    await add_page(store, "A refund takes five days.")
    before = await memory.search(REFUND)
    fresh = HashingEncoder()
    assert await Memory(store, fresh).search(REFUND) == before
    assert fresh.encoded == [REFUND]


async def test_concurrent_searches_index_once(memory: Memory, store: SqlStore, encoder: HashingEncoder) -> None:
    await teach(store, REFUND, "Choose Refund.")
    found = await asyncio.gather(*(memory.search(f"question {number}") for number in range(8)))
    assert all(answers(retrieval) == ["Choose Refund."] for retrieval in found)
    assert sorted(encoder.encoded) == sorted([REFUND, "Choose Refund.", *(f"question {n}" for n in range(8))])


async def test_nothing_is_encoded_on_the_event_loop(memory: Memory, store: SqlStore, encoder: HashingEncoder) -> None:
    await teach(store, REFUND, "Choose Refund.")
    await memory.search(REFUND)
    assert encoder.threads
    assert threading.get_ident() not in encoder.threads


async def test_refresh_prepares_the_index(memory: Memory, store: SqlStore, encoder: HashingEncoder) -> None:
    await teach(store, REFUND, "Choose Refund.")
    await memory.refresh()
    before = len(encoder.encoded)
    await memory.search("now")
    assert encoder.encoded[before:] == ["now"]


class BreaksDown(HashingEncoder):
    """Fails at its second batch."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        if self.encoded:
            raise RuntimeError("out of memory")
        return super().encode(texts)


async def test_an_interrupted_indexing_goes_on_where_it_stopped(store: SqlStore) -> None:
    await add_page(store, *(f"Part number {number}" for number in range(ENCODED_AT_ONCE + 10)))
    with pytest.raises(RuntimeError, match="out of memory"):
        await Memory(store, BreaksDown()).refresh()
    healthy = HashingEncoder()
    await Memory(store, healthy).refresh()
    assert len(healthy.encoded) == 10


async def test_vectors_of_another_encoder_are_not_used(memory: Memory, store: SqlStore) -> None:
    class Reversed(HashingEncoder):
        name = "reversed"

        def encode(self, texts: Sequence[str]) -> Vectors:
            return np.ascontiguousarray(super().encode(texts)[:, ::-1])

    await teach(store, REFUND, "Choose Refund.")
    await memory.refresh()
    found = await Memory(store, Reversed()).search(REFUND)
    assert found.facts[0].probability >= KNOWN_FROM


class Watched:
    """A store that counts the lessons that are read."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.lessons_read = 0

    async def run(self, work: Callable[[Unit], T], *, ahead: bool = False) -> T:
        def watched(unit: Unit) -> T:
            whole = unit.lessons.all

            def counted(facts: Sequence[FactId] | None = None) -> Sequence[Lesson]:
                read = whole(facts)
                self.lessons_read += len(read)
                return read

            unit.lessons.all = counted  # type: ignore[method-assign]
            return work(unit)

        return await self.store.run(watched, ahead=ahead)


async def test_a_lesson_costs_the_reading_of_its_own_fact_alone(store: SqlStore, encoder: HashingEncoder) -> None:
    for number in range(20):
        await teach(store, f"How does part {number} work?", f"Turn {number}.")
    watched = Watched(store)
    memory = Memory(watched, encoder)
    await memory.refresh()
    assert watched.lessons_read == 20
    await teach(store, REFUND, "Choose Refund.")
    assert answers(await memory.search(REFUND))[0] == "Choose Refund."
    assert watched.lessons_read == 21


async def test_more_facts_than_are_read_at_once_are_all_found(
    memory: Memory, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("learning.knowledge.READ_AT_ONCE", 3)
    for number in range(8):
        await teach(store, f"How does part {number} work?", f"Turn {number}.")
    await add_page(store, "A refund takes five days.")
    assert [answers(await memory.search(f"How does part {n} work?"))[0] for n in range(8)] == [
        f"Turn {n}." for n in range(8)
    ]
    assert len((await memory.search(REFUND)).sections) == 1


async def test_a_removed_page_is_found_no_more(memory: Memory, store: SqlStore) -> None:
    await add_page(store, "A refund takes five days.")
    await memory.refresh()
    await store.run(lambda unit: unit.documents.replace("help/page.md", "", []))
    assert await memory.search(REFUND) == Retrieval()


# --- workspaces that don't share what they know -----------------------------------------------------------------------

ONE, TWO = Tenant("slack:T1"), Tenant("slack:T2")
THINGS = "invoice refund voucher booking waitlist calendar payout room".split()


async def fill(store: SqlStore, visible: set[Tenant]) -> None:
    """The same lessons each time, but for those of others. Most facts are known otherwise in some workspace."""
    rng = random.Random(7)
    for number in range(24):
        thing, other = rng.sample(THINGS, 2)
        for tenant in rng.sample([SHARED, ONE, TWO], rng.randint(1, 3)):
            words = f"How does the {thing} part {number} work with a {other}?"
            also = [f"{rng.choice(THINGS)} {number} {rng.choice(THINGS)}" for _ in range(rng.randint(0, 3))]
            if tenant in visible:
                said, at = f"Turn {number} {tenant}.", 10 * number + len(tenant)
                await teach(store, words, said, fact=f"f{number}", minutes=at, also=also, tenant=tenant)


class NoTies(HashingEncoder):
    """No two texts are equally near to a third: which of them comes first is no matter of whose they are."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        noise = [np.random.default_rng(zlib.crc32(text.encode())).normal(0, 0.01, DIMENSIONS) for text in texts]
        vectors = super().encode(texts) + np.array(noise, dtype=np.float32)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def seen(found: Retrieval) -> list[tuple[str, float]]:
    return [(match.fact.lesson.answer, round(match.probability, 5)) for match in found.facts]


@pytest.mark.parametrize("near", [2, 512])
async def test_a_workspace_finds_what_it_would_if_the_others_were_not_there(
    tmp_path: Path, store: SqlStore, monkeypatch: pytest.MonkeyPatch, near: int
) -> None:
    """With the same probabilities: the nearest are chosen among what it may see, and nothing else competes."""
    monkeypatch.setattr("learning.knowledge.NEAR_PHRASINGS", near)
    await fill(store, {SHARED, ONE, TWO})
    memory = Memory(store, NoTies(), separate=True)
    for tenant in (SHARED, ONE, TWO):
        alone = SqlStore(f"sqlite:///{tmp_path / f'alone{tenant[-1:]}.db'}")
        alone.migrate()
        await fill(alone, {SHARED, tenant})
        expected = Memory(alone, NoTies())
        for thing in THINGS:
            for number in range(0, 24, 5):
                question = f"the {thing} part {number}?"
                assert seen(await memory.search(question, tenant)) == seen(await expected.search(question))
        alone.close()


async def test_what_a_workspace_takes_back_is_known_there_as_everywhere_again(
    store: SqlStore, encoder: HashingEncoder
) -> None:
    memory = Memory(store, encoder, separate=True)
    await teach(store, REFUND, "Choose Refund.", fact="f1")
    own = await teach(store, REFUND, "Choose Pay back.", fact="f1", minutes=1, tenant=ONE)
    assert [answers(await memory.search(REFUND, each)) for each in (ONE, TWO, SHARED)] == [
        ["Choose Pay back."], ["Choose Refund."], ["Choose Refund."],
    ]  # fmt: skip
    await store.run(lambda unit: unit.lessons.withdraw(own.id, START))
    assert answers(await memory.search(REFUND, ONE)) == ["Choose Refund."]


async def test_a_workspaces_page_is_found_there_alone_until_it_is_everybodys(
    store: SqlStore, encoder: HashingEncoder
) -> None:
    memory = Memory(store, encoder, separate=True)
    (section,) = await add_page(store, "A refund takes five days.")
    for owner, finds in ((ONE, [1, 0, 0]), (SHARED, [1, 1, 1]), (TWO, [0, 1, 0])):
        await store.run(lambda unit, who=owner: unit.documents.replace(section.source, "1", [section], who))  # type: ignore[misc]
        assert [len((await memory.search(REFUND, each)).sections) for each in (ONE, TWO, SHARED)] == finds


async def test_where_workspaces_share_everything_is_found_from_everywhere(store: SqlStore, memory: Memory) -> None:
    await teach(store, REFUND, "Choose Refund.", tenant=ONE)
    assert answers(await memory.search(REFUND, TWO)) == answers(await memory.search(REFUND)) == ["Choose Refund."]


async def test_a_question_that_is_looked_up_once_more_is_encoded_once(
    memory: Memory, store: SqlStore, encoder: HashingEncoder
) -> None:
    await teach(store, "How do I rename a room?", "Settings, Rooms, Rename.")
    first = await memory.search("rename the room")
    again = await memory.search("rename the room")
    assert again == first
    assert encoder.encoded.count("rename the room") == 1
    other = await memory.search("delete the room")
    assert other != first
    assert await memory.search("rename the room") == first
