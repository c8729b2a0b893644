"""Whose what is: noted from the beginning, and looked up once for what was kept before."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from pysqlite3 import dbapi2 as sqlite
from sqlalchemy import create_engine

from bot.answers import Answer
from bot.events import Place
from bot.feedback import LessonSource, Phrasing
from bot.ids import SHARED, AnswerId, FactId, LessonId, Tenant
from bot.installing import STATE_FOR, begin, came_back
from bot.people import Platform
from bot.ports import Unit
from bot.retrieval import Origin
from storage.database import SqlStore
from storage.repositories.installations import MAX_STATES
from tests.storage.samples import NOW, PERSON, PLACE, adapter, answer, lesson, section
from tests.storage.test_schema import downgrade

ONE, TWO = Tenant("slack:T1"), Tenant("slack:T2")
ELSEWHERE = replace(PLACE, workspace="T2")
PAGE = Place(Platform.WEB, "page", "c1", is_direct=True)


def an_answer(name: str) -> Answer:
    return replace(answer(), id=AnswerId(name), confirmation=None)


def as_before(store: SqlStore, url: str) -> None:
    """The database of the version before, and migrated again."""
    engine = create_engine(url, module=sqlite) if url.startswith("sqlite") else create_engine(url)
    with engine.begin() as connection:
        downgrade(connection, "0011")
    engine.dispose()
    store.migrate()


def tenants_of(store: SqlStore) -> dict[str, Tenant]:
    found = store.run_sync(lambda unit: unit.lessons.all())
    return {each.id: each.tenant for each in found}


def keep(store: SqlStore, places: Sequence[Place]) -> None:
    def work(unit: Unit) -> None:
        for number, place in enumerate(places):
            unit.answers.add(an_answer(f"a{number}"), place, PERSON)
            unit.lessons.add(replace(lesson(f"about-{number}"), about=AnswerId(f"a{number}")))
        unit.lessons.add(lesson("orphan"))
        unit.lessons.add(replace(lesson("said"), said_in="slack/T1/C1/100.1"))
        unit.lessons.add(replace(lesson("taught"), author="cli:operator", source=LessonSource.TAUGHT))
        unit.lessons.add(replace(lesson("faq"), author="faq:help/faq.csv", source=LessonSource.FAQ))
        unit.lessons.add_phrasing(Phrasing(fact=FactId("f1"), text="How?", origin=f"rating:a0:{PERSON.key}"))
        unit.lessons.add_phrasing(Phrasing(fact=FactId("f1"), text="And how?", origin="taught"))
        learnt = tuple(map(LessonId, ("about-0", "taught")))
        unit.adapters.add(replace(adapter("mixed", 1), lessons=learnt))
        unit.adapters.add(replace(adapter("clean", 2), lessons=(LessonId("faq"),)))
        unit.adapters.add(replace(adapter("unknown", 3), lessons=(LessonId("gone"),)))

    store.run_sync(work)


def test_what_was_taught_in_the_one_workspace_is_its_own(store: SqlStore, url: str) -> None:
    keep(store, [PLACE, PAGE])
    as_before(store, url)
    known = tenants_of(store)
    assert {known[each] for each in ("about-0", "about-1", "said", "orphan")} == {ONE}
    assert {known[each] for each in ("taught", "faq")} == {SHARED}
    adapters = store.run_sync(lambda unit: {each.id: each.tenants for each in unit.adapters.all()})
    assert adapters == {"mixed": (ONE,), "clean": (), "unknown": (ONE,)}
    assert {each.tenant for each in store.run_sync(lambda unit: unit.lessons.phrasings())} == {ONE, SHARED}


def test_of_several_workspaces_none_sees_what_nobody_knows_whose_it_is(store: SqlStore, url: str) -> None:
    keep(store, [PLACE, ELSEWHERE, PAGE])
    as_before(store, url)
    known = tenants_of(store)
    assert (known["about-0"], known["about-1"], known["said"]) == (ONE, TWO, ONE)
    assert known["orphan"] == known["about-2"] == "slack:"
    adapters = store.run_sync(lambda unit: {each.id: each.tenants for each in unit.adapters.all()})
    assert adapters == {"mixed": (ONE,), "clean": (), "unknown": ("unknown:",)}
    for tenant in (ONE, TWO):
        seen = store.run_sync(lambda unit, who=tenant: {each.id for each in unit.within(who).lessons.all()})  # type: ignore[misc]
        assert "orphan" not in seen


def test_a_workspace_sees_its_own_and_what_all_share(store: SqlStore) -> None:
    def keep(unit: Unit) -> None:
        for tenant in (SHARED, ONE, TWO):
            unit.lessons.add(replace(lesson(f"l{tenant}"), tenant=tenant))
            unit.lessons.add_phrasing(Phrasing(fact=FactId("f1"), text=f"p{tenant}", origin="o", tenant=tenant))
            source = f"{tenant}.md"
            unit.documents.replace(source, "1", [replace(section(f"s{tenant}"), source=source)], tenant)
            unit.documents.note(Origin(source, "1", tenant=tenant))
        unit.answers.add(an_answer("one"), PLACE, PERSON)
        unit.answers.add(an_answer("two"), ELSEWHERE, PERSON)
        unit.answers.add(an_answer("page"), PAGE, PERSON)
        unit.adapters.add(replace(adapter("ones", 1), tenants=(ONE,)))
        unit.adapters.add(adapter("all", 2))

    store.run_sync(keep)

    def seen(unit: Unit) -> tuple[set[str], ...]:
        lessons, documents = unit.lessons, unit.documents
        return (
            {each.id for each in lessons.all()},
            {each.text for each in lessons.phrasings()},
            {each.id for each in documents.sections()},
            {each.source for each in documents.origins()},
            {each for each in ("one", "two", "page") if unit.answers.get(AnswerId(each)) is not None},
            {each.id for each in unit.adapters.all()},
        )

    assert store.run_sync(lambda unit: seen(unit.within(ONE))) == (
        {"l", "lslack:T1"}, {"p", "pslack:T1"}, {"s", "sslack:T1"}, {".md", "slack:T1.md"}, {"one"}, {"ones", "all"},
    )  # fmt: skip
    assert store.run_sync(lambda unit: seen(unit.within(SHARED))) == (
        {"l"}, {"p"}, {"s"}, {".md"}, {"page"}, {"all"},
    )  # fmt: skip
    assert [len(each) for each in store.run_sync(lambda unit: seen(unit.within(ONE).within(None)))] == [
        3,
        3,
        3,
        3,
        3,
        2,
    ]


def test_a_state_is_good_once_for_ten_minutes(store: SqlStore) -> None:
    first, second = (store.run_sync(lambda unit: begin(unit, NOW)) for _ in range(2))
    assert not store.run_sync(lambda unit: came_back(unit, "made-up", NOW))
    just = NOW + STATE_FOR - timedelta(seconds=1)
    assert store.run_sync(lambda unit: came_back(unit, first, just))
    assert not store.run_sync(lambda unit: came_back(unit, first, just))
    assert not store.run_sync(lambda unit: came_back(unit, second, NOW + STATE_FOR))


def test_whoever_opens_the_page_again_and_again_does_not_fill_the_disk(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_STATES == 1_000
    monkeypatch.setattr("storage.repositories.installations.MAX_STATES", 3)
    moments = [NOW + timedelta(seconds=each) for each in range(5)]
    states = [store.run_sync(lambda unit, at=at: begin(unit, at)) for at in moments]  # type: ignore[misc]
    good = [store.run_sync(lambda unit, each=each: came_back(unit, each, NOW)) for each in states]  # type: ignore[misc]
    assert good == [False, False, True, True, True]
