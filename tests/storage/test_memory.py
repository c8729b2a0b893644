"""Lessons, phrasings, help sections, vectors, and the revision that tells memory to look again."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.feedback import Phrasing
from bot.ids import AnswerId, FactId, LessonId
from bot.ports import Unit
from bot.retrieval import Changes
from storage.database import SqlStore
from tests.storage.samples import NOW, after, in_turn, lesson, section


def phrasing(text: str, origin: str = "l1") -> Phrasing:
    return Phrasing(fact=FactId("f1"), text=text, origin=origin)


def test_lessons_come_back_whole_oldest_first(store: SqlStore) -> None:
    whole = replace(lesson("l2"), about=AnswerId("x1"), topic="billing", question="Straße?\nYes", answer="“½” 🙂")
    older = lesson("l3", taught_at=after(-60))
    in_turn(store, lambda each, unit: unit.lessons.add(each), (whole, older))
    assert store.run_sync(lambda unit: unit.lessons.all()) == [older, whole]
    assert store.run_sync(lambda unit: unit.lessons.get(LessonId("l2"))) == whole
    assert store.run_sync(lambda unit: unit.lessons.get(LessonId("l9"))) is None
    assert store.run_sync(lambda unit: unit.lessons.about(AnswerId("x1"))) == [whole]


def test_lessons_are_found_by_their_very_answer_newest_first_unless_withdrawn(store: SqlStore) -> None:
    answers = {"l1": "Yes, 50 %.", "l2": "Yes, 50 %.", "l3": "Yes, 50", "l4": "Yes, 50 %."}
    said, again, other, gone = (
        replace(lesson(name, taught_at=after(number)), answer=answer)
        for number, (name, answer) in enumerate(answers.items())
    )
    in_turn(store, lambda each, unit: unit.lessons.add(each), (said, again, other, gone))
    store.run_sync(lambda unit: unit.lessons.withdraw(LessonId("l4"), after(99)))
    assert store.run_sync(lambda unit: unit.lessons.saying("Yes, 50 %.")) == [again, said]


def test_a_unit_sees_the_lesson_that_it_has_just_added(store: SqlStore) -> None:
    def teach(unit: Unit) -> tuple[object, ...]:
        unit.lessons.add(lesson("l1"))
        return unit.lessons.get(LessonId("l1")), *unit.lessons.all()

    assert store.run_sync(teach) == (lesson("l1"), lesson("l1"))


def test_withdrawing_a_lesson_takes_its_phrasings_along_and_restoring_brings_them_back(store: SqlStore) -> None:
    def teach(unit: Unit) -> None:
        unit.lessons.add(lesson("l1"))
        unit.lessons.add_phrasing(phrasing("mine"))
        unit.lessons.add_phrasing(phrasing("another's", origin="rating:x1:U2"))

    store.run_sync(teach)
    store.run_sync(lambda unit: unit.lessons.withdraw(LessonId("l1"), after(5)))
    assert store.run_sync(lambda unit: unit.lessons.all()) == [replace(lesson("l1"), withdrawn_at=after(5))]
    assert store.run_sync(lambda unit: unit.lessons.phrasings()) == [
        replace(phrasing("mine"), withdrawn_at=after(5)),
        phrasing("another's", origin="rating:x1:U2"),
    ]
    store.run_sync(lambda unit: unit.lessons.restore(LessonId("l1")))
    assert store.run_sync(lambda unit: unit.lessons.all()) == [lesson("l1")]
    assert all(p.withdrawn_at is None for p in store.run_sync(lambda unit: unit.lessons.phrasings()))


def test_a_second_withdrawal_keeps_the_first_time(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.lessons.add(lesson("l1")))
    in_turn(store, lambda at, unit: unit.lessons.withdraw(LessonId("l1"), at), (after(5), after(50)))
    kept = store.run_sync(lambda unit: unit.lessons.get(LessonId("l1")))
    assert kept is not None
    assert kept.withdrawn_at == after(5)


def test_the_same_phrasing_again_becomes_active_instead_of_double(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.lessons.add_phrasing(phrasing("how?")))
    store.run_sync(lambda unit: unit.lessons.withdraw_phrasings("l1", NOW))
    assert [p.withdrawn_at for p in store.run_sync(lambda unit: unit.lessons.phrasings())] == [NOW]
    store.run_sync(lambda unit: unit.lessons.add_phrasing(phrasing("how?")))
    assert store.run_sync(lambda unit: unit.lessons.phrasings()) == [phrasing("how?")]
    store.run_sync(lambda unit: unit.lessons.add_phrasing(phrasing("how?", origin="l2")))
    assert len(store.run_sync(lambda unit: unit.lessons.phrasings())) == 2


def test_a_source_is_replaced_as_a_whole_in_its_own_order(store: SqlStore) -> None:
    first = [section("s2"), section("s1")]
    other = [section("o1", "other.md")]
    assert store.run_sync(lambda unit: unit.documents.replace("help.md", "sha1", first))
    assert store.run_sync(lambda unit: unit.documents.replace("other.md", "sha1", other))
    assert store.run_sync(lambda unit: unit.documents.sections()) == [*first, *other]
    second = [section("s2"), section("s7")]
    assert store.run_sync(lambda unit: unit.documents.replace("help.md", "sha2", second))
    assert store.run_sync(lambda unit: unit.documents.sections()) == [*second, *other]


def test_unchanged_content_changes_nothing(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.documents.replace("help.md", "sha1", [section("s1")]))
    before = store.run_sync(lambda unit: unit.revision())
    assert not store.run_sync(lambda unit: unit.documents.replace("help.md", "sha1", [section("s1")]))
    assert store.run_sync(lambda unit: unit.revision()) == before


@pytest.mark.parametrize("sha256", ["sha1", "sha2", ""])
def test_a_source_without_sections_is_removed_and_can_come_back(store: SqlStore, sha256: str) -> None:
    store.run_sync(lambda unit: unit.documents.replace("help.md", "sha1", [section("s1")]))
    assert store.run_sync(lambda unit: unit.documents.replace("help.md", sha256, []))
    assert store.run_sync(lambda unit: unit.documents.sections()) == []
    assert not store.run_sync(lambda unit: unit.documents.replace("help.md", sha256, []))
    assert store.run_sync(lambda unit: unit.documents.replace("help.md", "sha1", [section("s1")]))
    assert store.run_sync(lambda unit: unit.documents.sections()) == [section("s1")]


def test_vectors_are_kept_by_model_and_text(store: SqlStore) -> None:
    many = {f"text {i}": bytes([i % 256, 0]) for i in range(1_100)}  # more than one query takes
    store.run_sync(lambda unit: unit.vectors.put("small", many))
    store.run_sync(lambda unit: unit.vectors.put("small", {"text 1": b"new"}))
    wanted = [*many, "unknown"]
    assert store.run_sync(lambda unit: unit.vectors.get("small", wanted)) == {**many, "text 1": b"new"}
    assert store.run_sync(lambda unit: unit.vectors.get("large", wanted)) == {}
    assert store.run_sync(lambda unit: unit.vectors.get("small", [])) == {}


CHANGES: dict[str, Callable[[Unit], object]] = {
    "a lesson": lambda unit: unit.lessons.add(lesson("l2")),
    "a withdrawal": lambda unit: unit.lessons.withdraw(LessonId("l1"), NOW),
    "a return": lambda unit: unit.lessons.restore(LessonId("l1")),
    "a phrasing": lambda unit: unit.lessons.add_phrasing(phrasing("new")),
    "withdrawn phrasings": lambda unit: unit.lessons.withdraw_phrasings("l1", NOW),
    "sections": lambda unit: unit.documents.replace("help.md", "sha2", [section("s1")]),
    "removed sections": lambda unit: unit.documents.replace("old.md", "", []),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_revision_grows_with_every_change_of_what_is_known(store: SqlStore, change: str) -> None:
    def prepare(unit: Unit) -> None:
        unit.lessons.add(lesson("l1"))
        unit.lessons.add_phrasing(phrasing("old"))
        unit.documents.replace("old.md", "sha1", [section("o1", "old.md")])

    store.run_sync(prepare)
    before = store.run_sync(lambda unit: unit.revision())
    store.run_sync(CHANGES[change])
    assert store.run_sync(lambda unit: unit.revision()) > before


def test_the_revision_stays_where_nothing_is_learned(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.lessons.add(lesson("l1")))
    before = store.run_sync(lambda unit: unit.revision())
    store.run_sync(lambda unit: unit.flags.set("paused", "yes"))
    store.run_sync(lambda unit: unit.vectors.put("small", {"a": b"b"}))
    assert store.run_sync(lambda unit: unit.revision()) == before


def test_what_changed_since_a_revision_is_named_the_oldest_change_first(store: SqlStore) -> None:
    def prepare(unit: Unit) -> None:
        unit.lessons.add(replace(lesson("l1"), fact=FactId("f1")))
        unit.lessons.add(replace(lesson("l2"), fact=FactId("f2")))
        unit.documents.replace("help.md", "sha1", [section("s1")])
        unit.documents.replace("old.md", "sha1", [section("o1", "old.md")])

    store.run_sync(prepare)
    assert store.run_sync(lambda unit: unit.changes(0)) == Changes([FactId("f1"), FactId("f2")], ["help.md", "old.md"])
    before = store.run_sync(lambda unit: unit.revision())
    assert store.run_sync(lambda unit: unit.changes(before)) == Changes([], [])
    store.run_sync(lambda unit: unit.lessons.withdraw(LessonId("l2"), NOW))
    store.run_sync(lambda unit: unit.lessons.add_phrasing(phrasing("new")))
    store.run_sync(lambda unit: unit.documents.replace("old.md", "", []))
    assert store.run_sync(lambda unit: unit.changes(before)) == Changes([FactId("f2"), FactId("f1")], ["old.md"])


def test_lessons_phrasings_and_sections_can_be_read_by_fact_and_source(store: SqlStore) -> None:
    def prepare(unit: Unit) -> None:
        for name in ("1", "2"):
            unit.lessons.add(replace(lesson(f"l{name}"), fact=FactId(f"f{name}")))
            unit.lessons.add_phrasing(replace(phrasing(f"how {name}?"), fact=FactId(f"f{name}")))
            unit.documents.replace(f"{name}.md", "sha1", [section(f"s{name}", f"{name}.md")])

    store.run_sync(prepare)
    wanted = [FactId("f2"), FactId("f9")]
    assert [each.id for each in store.run_sync(lambda unit: unit.lessons.all(wanted))] == ["l2"]
    assert [each.text for each in store.run_sync(lambda unit: unit.lessons.phrasings(wanted))] == ["how 2?"]
    assert store.run_sync(lambda unit: unit.documents.sections(["2.md", "9.md"])) == [section("s2", "2.md")]
    assert store.run_sync(lambda unit: (unit.lessons.all([]), unit.documents.sections([]))) == ([], [])
