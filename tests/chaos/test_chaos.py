"""The harnesses of `make chaos` in small: what they try holds, and a seeded bug is noticed."""

import asyncio
from pathlib import Path
from types import ModuleType

import pytest

from tests.chaos import (
    backups,
    faults,
    kills,
    leaving_out,
    locks,
    memory,
    network_discord,
    network_slack,
    orders,
    poisoning,
    publishing,
    rates,
    replicas,
    strace,
    takeovers,
    trainings,
)
from tests.chaos.strace import KILL
from tests.chaos.tally import Tally

# --- quick: in this process -----------------------------------------------------------------------------------------


def test_damaged_files_are_refused_and_unhashed_ones_noticed(tmp_path: Path) -> None:
    assert publishing.damages(tmp_path / "right", 60, seed=0).passed
    assert publishing.damages(tmp_path / "wrong", 30, seed=0, mutant="no-hashes").failures


async def test_nothing_is_sent_before_a_platform_wants_it_and_impatience_is_noticed(tmp_path: Path) -> None:
    assert (await rates.rates(tmp_path / "right", 30, seed=0)).passed
    assert (await rates.rates(tmp_path / "wrong", 30, seed=0, mutant="impatient")).failures


def test_planted_triggers_are_found_and_a_cap_holds_and_what_lacks_either_is_noticed() -> None:
    assert poisoning.backdoors(5, seed=0).passed
    assert poisoning.backdoors(2, seed=0, mutant="no-triggers").failures
    assert poisoning.shares(60).passed
    assert poisoning.shares(60, mutant="no-cap").failures


def test_a_harness_that_tried_nothing_or_missed_a_bug_has_not_passed() -> None:
    assert not Tally("a promise").passed
    assert not Tally("a promise", tries=1, mutants={"a bug": False}).passed
    assert not Tally("a promise", tries=1, failures=["broken"]).passed
    assert not Tally("a promise", skipped="no strace").passed
    assert Tally("a promise", tries=1, mutants={"a bug": True}).passed


# --- slow: processes that are killed --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("mutant", "noticed"), [("", False), ("ack-before-commit", True), ("no-dedup", True)])
def test_kills(tmp_path: Path, mutant: str, noticed: bool) -> None:
    tally = asyncio.run(kills.kills(tmp_path / "w", 12, seed=0, mutant=mutant))
    assert bool(tally.failures) is noticed, tally.failures


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kills_on_postgresql(tmp_path: Path) -> None:
    assert asyncio.run(kills.on_postgres(tmp_path / "w", 5, seed=0)).failures == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("mutant", "noticed"), [("", False), ("no-dedup", True)])
def test_events_in_any_order(tmp_path: Path, mutant: str, noticed: bool) -> None:
    assert bool(asyncio.run(orders.orders(tmp_path, 2, seed=0, mutant=mutant)).failures) is noticed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_clocks_that_jump(tmp_path: Path) -> None:
    assert asyncio.run(kills.clocks(tmp_path / "w", 10, seed=0)).failures == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", [KILL, "error=ENOSPC", "error=EIO"])
def test_some_writes_of_an_event(tmp_path: Path, fault: str) -> None:
    (tally,) = asyncio.run(faults.faults(tmp_path, every=7, seed=0, fault=fault))
    assert tally.skipped or tally.passed, tally.failures


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(bool(strace.missing()), reason="system calls can't be injected here")
def test_some_crash_points_of_publishing(tmp_path: Path) -> None:
    assert all(each.passed for each in asyncio.run(publishing.crash_points(tmp_path / "right", every=16)))
    (wrong,) = asyncio.run(publishing.crash_points(tmp_path / "wrong", every=2, mutant="renamed-first"))
    assert wrong.failures


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("mutant", "noticed"), [("", False), ("no-fencing", True), ("no-slots", True)])
def test_replicas(tmp_path: Path, mutant: str, noticed: bool) -> None:
    assert bool(replicas.replicas(tmp_path, 40, seed=0, mutant=mutant).failures) is noticed


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("mutant", "noticed"), [("", False), ("plain-copy", True)])
def test_backups(tmp_path: Path, mutant: str, noticed: bool) -> None:
    assert bool(backups.backups(tmp_path, 5, seed=0, mutant=mutant).failures) is noticed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_held_database_and_a_poisoned_event(tmp_path: Path) -> None:
    assert asyncio.run(locks.locks(tmp_path / "w", (0.5,), seed=0)).failures == []
    assert asyncio.run(locks.poison(tmp_path / "p", 1, seed=0)).failures == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("mutant", "noticed"), [("", False), ("no-holding", True)])
def test_new_accounts(tmp_path: Path, mutant: str, noticed: bool) -> None:
    assert bool(asyncio.run(poisoning.accounts(tmp_path, 1, mutant)).failures) is noticed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_trainings(tmp_path: Path) -> None:
    assert trainings.trainings(tmp_path, 3, seed=0).passed


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", ["no-memory-limit", "memory-not-named"])
def test_a_trainer_that_ends_without_a_word_of_memory_is_noticed(tmp_path: Path, mutant: str) -> None:
    (tally,) = asyncio.run(memory.memory(tmp_path, 6, seed=0, mutant=mutant))
    assert tally.failures


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("platform", [network_slack, network_discord], ids=["slack", "discord"])
def test_a_bad_network(tmp_path: Path, platform: ModuleType) -> None:
    tally = asyncio.run(platform.network(tmp_path, 3, seed=0))
    assert tally.passed, tally.failures


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it
def test_an_adapter_is_the_same_with_and_without_a_new_account_that_lies(tmp_path: Path) -> None:
    tally = asyncio.run(leaving_out.new_accounts(tmp_path, [(1, False)]))
    assert tally.passed, tally.failures


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(7_200)
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_adapters_without_each_account_in_turn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = asyncio.run(leaving_out.new_accounts(tmp_path / "new", leaving_out.ATTACKS))
    turned = asyncio.run(leaving_out.turned(tmp_path / "turned", leaving_out.ATTACKS))
    believed = asyncio.run(leaving_out.new_accounts(tmp_path / "believed", [(1, True)], mutant="no-holding"))
    with capsys.disabled():
        print("", *new.notes, *turned.notes, sep="\n")
    assert new.passed, new.failures
    assert turned.passed, turned.failures
    assert believed.failures


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_training_and_what_falls_due_are_taken_over(tmp_path: Path) -> None:
    tally = asyncio.run(takeovers.takeovers(tmp_path, 1, seed=0))
    assert tally.passed, tally.failures
