"""Adapters and deployments, the runs that make them, and the flags."""

from dataclasses import replace

import pytest

from bot.ids import AdapterId, RunId
from bot.lineage import Deployment, Move, Progress, Run, RunState
from bot.ports import Unit
from storage.database import SqlStore
from tests.storage.samples import NOW, adapter, after, in_turn, report, run

LEASE_S = 30.0
HALF_WAY = Progress("training", 5, 10, 60.0)


def claim(store: SqlStore, owner: str, seconds: float = 0.0) -> Run | None:
    return store.run_sync(lambda unit: unit.runs.claim(owner, after(seconds), LEASE_S))


def get(store: SqlStore, id: str) -> Run:
    found = store.run_sync(lambda unit: unit.runs.get(RunId(id)))
    assert found is not None
    return found


def test_adapters_come_back_whole_and_are_found_by_name(store: SqlStore) -> None:
    assert store.run_sync(lambda unit: unit.adapters.next_number()) == 1
    first, second = adapter("0199aaaa-1", 1), adapter("0199bbbb-2", 2)
    in_turn(store, lambda each, unit: unit.adapters.add(each), (second, first))
    assert store.run_sync(lambda unit: unit.adapters.all()) == [first, second]
    assert store.run_sync(lambda unit: unit.adapters.next_number()) == 3
    assert store.run_sync(lambda unit: unit.adapters.get(AdapterId("0199bbbb-2"))) == second
    assert store.run_sync(lambda unit: unit.adapters.named("v2")) == second
    assert store.run_sync(lambda unit: unit.adapters.named("0199aaaa")) == first


@pytest.mark.parametrize("name", ["v3", "v", "", "0199", "v99999999999999999999999", "%", "\ud83d"])
def test_what_names_no_single_adapter_finds_none(store: SqlStore, name: str) -> None:
    both = (adapter("0199aaaa-1", 1), adapter("0199bbbb-2", 2))
    in_turn(store, lambda each, unit: unit.adapters.add(each), both)
    assert store.run_sync(lambda unit: unit.adapters.named(name)) is None


def test_the_history_of_deployments_keeps_its_order(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.adapters.add(adapter("a1", 1)))
    promoted = Deployment(Move.PROMOTE, AdapterId("a1"), "slack:U1", NOW, "by hand")
    back = Deployment(Move.ROLLBACK, None, "slack:U1", NOW)
    trial = Deployment(Move.TRIAL, AdapterId("a1"), "run:r1", NOW, "It is better.", 0.1)
    in_turn(store, lambda each, unit: unit.adapters.deploy(each), (promoted, back, trial, promoted))
    assert store.run_sync(lambda unit: unit.adapters.history()) == [promoted, back, trial, promoted]


def test_a_slot_makes_one_run(store: SqlStore) -> None:
    assert store.run_sync(lambda unit: unit.runs.request(run("r1", slot="nightly")))
    assert not store.run_sync(lambda unit: unit.runs.request(run("r2", slot="nightly")))
    assert store.run_sync(lambda unit: unit.runs.latest()) == [run("r1", slot="nightly")]
    claim(store, "me")
    store.run_sync(lambda unit: unit.runs.finish(RunId("r1"), "me", report()))
    assert not store.run_sync(lambda unit: unit.runs.request(run("r3", slot="nightly")))


def test_the_oldest_request_is_claimed_and_only_one_run_is_alive(store: SqlStore) -> None:
    in_turn(store, lambda name, unit: unit.runs.request(run(name)), ("z", "a"))
    assert claim(store, "me") == replace(run("z"), state=RunState.RUNNING, attempts=1)
    assert claim(store, "you") is None
    assert claim(store, "me") is None
    store.run_sync(lambda unit: unit.runs.finish(RunId("z"), "me", report()))
    claimed = claim(store, "you")
    assert claimed is not None
    assert claimed.id == "a"
    assert [r.id for r in store.run_sync(lambda unit: unit.runs.latest())] == ["a", "z"]
    assert [r.id for r in store.run_sync(lambda unit: unit.runs.latest(1))] == ["a"]


def test_a_beat_renews_the_lease_and_tells_how_far_it_is(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.runs.request(run("r1")))
    claim(store, "me")
    assert store.run_sync(lambda unit: unit.runs.beat(RunId("r1"), "me", HALF_WAY, after(LEASE_S - 1)))
    assert claim(store, "you", LEASE_S + 1) is None
    assert get(store, "r1").progress == HALF_WAY


def test_a_run_whose_owner_is_silent_is_taken_over_and_the_old_owner_is_locked_out(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.runs.request(run("r1")))
    claim(store, "dead")
    taken = claim(store, "heir", LEASE_S + 1)
    assert taken is not None
    assert (taken.id, taken.attempts) == ("r1", 2)
    before = get(store, "r1")
    assert not store.run_sync(lambda unit: unit.runs.beat(RunId("r1"), "dead", HALF_WAY, after(LEASE_S + 2)))
    assert not store.run_sync(lambda unit: unit.runs.finish(RunId("r1"), "dead", report()))
    assert get(store, "r1") == before
    assert store.run_sync(lambda unit: unit.runs.finish(RunId("r1"), "heir", report()))


def test_every_owner_of_a_run_counts_as_an_attempt(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.runs.request(run("poison")))
    attempts = [claim(store, f"owner {i}", i * (LEASE_S + 1)) for i in range(5)]
    assert [taken.attempts for taken in attempts if taken is not None] == [1, 2, 3, 4, 5]


def test_a_finished_run_keeps_its_report_and_is_closed_for_good(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.runs.request(run("r1")))
    assert not store.run_sync(lambda unit: unit.runs.finish(RunId("r1"), "me", report()))
    claim(store, "me")
    assert store.run_sync(lambda unit: unit.runs.finish(RunId("r1"), "me", report()))
    assert not store.run_sync(lambda unit: unit.runs.finish(RunId("r1"), "me", report(judged=False)))
    assert not store.run_sync(lambda unit: unit.runs.beat(RunId("r1"), "me", HALF_WAY, NOW))
    assert get(store, "r1").report == report()
    assert claim(store, "you", 10 * LEASE_S) is None


def test_looks_counts_the_challengers_that_were_judged(store: SqlStore) -> None:
    def judge(judged: tuple[str, bool], unit: Unit) -> None:
        name, has_evaluation = judged
        unit.runs.request(run(name))
        unit.runs.claim("me", NOW, LEASE_S)
        assert unit.runs.finish(RunId(name), "me", report(judged=has_evaluation))

    in_turn(store, judge, (("r1", True), ("r2", False), ("r3", True)))
    assert store.run_sync(lambda unit: unit.runs.looks()) == 2


def test_flags_are_set_and_changed(store: SqlStore) -> None:
    assert store.run_sync(lambda unit: unit.flags.get("paused")) is None
    store.run_sync(lambda unit: unit.flags.set("paused", "yes"))
    assert store.run_sync(lambda unit: unit.flags.get("paused")) == "yes"
    store.run_sync(lambda unit: unit.flags.set("paused", "no"))
    assert store.run_sync(lambda unit: unit.flags.get("paused")) == "no"
