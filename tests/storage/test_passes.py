"""Links, sessions and tokens: found by their digest, gone with their time, with their person, and once used."""

from dataclasses import replace
from datetime import timedelta

from bot.erasure import Acquaintance
from bot.ids import PassId, new_id
from bot.passes import Pass, PassKind, Scope
from storage.database import SqlStore
from tests.storage.samples import NOW, PERSON


def given(kind: PassKind = PassKind.TOKEN) -> Pass:
    until = NOW + timedelta(minutes=5)
    return Pass(
        id=PassId(new_id()), kind=kind, person=PERSON, made_at=NOW, until=until,
        scopes=frozenset({Scope.ASK, Scope.READ}) if kind is PassKind.TOKEN else frozenset(),
    )  # fmt: skip


def test_a_pass_comes_back_as_it_was_and_is_removed_once(store: SqlStore) -> None:
    token = given()
    store.run_sync(lambda unit: unit.passes.add(token, "digest"))
    assert store.run_sync(lambda unit: unit.passes.of("digest")) == token
    assert store.run_sync(lambda unit: unit.passes.of("another")) is None
    assert store.run_sync(lambda unit: unit.passes.remove(token.id))
    assert not store.run_sync(lambda unit: unit.passes.remove(token.id))


def test_what_holds_no_more_goes_when_a_new_one_comes(store: SqlStore) -> None:
    old, new = given(), replace(given(), made_at=NOW + timedelta(hours=1), until=NOW + timedelta(hours=2))
    store.run_sync(lambda unit: unit.passes.add(old, "old"))
    store.run_sync(lambda unit: unit.passes.add(new, "new"))
    assert store.run_sync(lambda unit: unit.passes.all()) == [new]


def test_who_is_forgotten_is_signed_out(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.passes.add(given(PassKind.SESSION), "digest"))
    exported = store.run_sync(lambda unit: unit.persons.export(PERSON.key))
    assert len(exported["passes"]) == 1
    person = Acquaintance(PERSON.key, frozenset({PERSON.name}))
    store.run_sync(lambda unit: unit.persons.erase(person, with_lessons=False))
    assert store.run_sync(lambda unit: unit.passes.all()) == []
