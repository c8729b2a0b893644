"""The audit log's chain: nothing in it can be changed, taken out or moved unseen."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit import Entry, chained, first_broken
from tests.bot.events import ADMIN, AGENT, NOW, command, correction, message
from tests.fakes.connector import FakeConnector
from tests.house import House


def chain(length: int) -> list[Entry]:
    entries: list[Entry] = []
    for i in range(length):
        entries.append(chained(entries[-1] if entries else None, NOW, f"a{i}", "taught", f"l{i}"))
    return entries


def test_a_chain_that_was_left_alone_holds() -> None:
    assert first_broken(chain(5)) is None
    assert first_broken([]) is None


@given(st.integers(2, 8), st.data())
def test_every_change_is_found_where_it_was_made(length: int, data: st.DataObject) -> None:
    entries = chain(length)
    at = data.draw(st.integers(0, length - 1))
    name = data.draw(st.sampled_from(("actor", "act", "subject", "previous", "sha256")))
    changed = {name: "x"}
    entries[at] = replace(entries[at], **changed)  # type: ignore[arg-type]
    assert first_broken(entries) == at + 1


@given(st.integers(3, 8), st.data())
def test_what_is_taken_out_or_moved_is_found(length: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, length - 2))
    without, moved = chain(length), chain(length)
    del without[at]
    moved[at], moved[at + 1] = moved[at + 1], moved[at]
    assert first_broken(without) == at + 2
    assert first_broken(moved) == at + 2


def test_an_entry_whose_hash_was_made_anew_breaks_the_next() -> None:
    entries = chain(3)
    entries[1] = chained(entries[0], NOW, "somebody else", "taught", "l1")
    assert first_broken(entries) == 3


@pytest.mark.parametrize("cleared", [False, True])
async def test_who_taught_and_commanded_is_in_the_log(house: House, chat: FakeConnector, *, cleared: bool) -> None:
    await house.desk.receive(message("How long is the trial?"))
    await house.settle()
    await house.desk.receive(correction(chat.answers[-1].answer.id, "How long is the trial?", "21 days."))
    for given_command in ("retrain", "pause", "resume"):
        await house.desk.receive(command(given_command))
        await house.settle()
    if cleared:
        await house.desk.receive(command(f"forget {AGENT.key}"))
        await house.settle()
    entries = await house.store.run(lambda unit: unit.audit.entries())
    people = await house.store.run(lambda unit: unit.audit.people())
    assert first_broken(entries) is None
    expected = ["taught (correction)", "requested a retraining", "paused", "resumed", "forgot somebody"]
    assert [entry.act for entry in entries] == expected[: 4 + cleared]
    assert people.get(entries[0].actor) == (None if cleared else AGENT.key)
    assert people[entries[1].actor] == ADMIN.key
    assert all("trial" not in entry.subject for entry in entries)
