"""Installations are kept one for each workspace, and a workspace that is purged takes nothing of another along."""

from dataclasses import replace

import pytest

from bot.installations import Installation
from bot.outgoing import Notice
from bot.people import Platform
from bot.ports import Unit
from storage.database import SqlStore
from tests.storage.samples import NOW, PERSON, PLACE, answer, event, in_turn, turn

SLACK = Platform.SLACK
HERE = Installation(
    platform=SLACK, workspace="T1", name="Studio", bot_user="U0BOT", bot="B0BOT", token="xoxb-sEcReT",
    scopes=("chat:write",), by=PERSON.key, at=NOW,
)  # fmt: skip
OTHERS = ("T2", "T11", "T_", "T%", "")
"""Workspaces whose names the first one's could be taken for."""


def _put(unit: Unit, installation: Installation) -> None:
    unit.installations.put(installation)


def test_an_installation_replaces_the_one_before(store: SqlStore) -> None:
    there = replace(HERE, workspace="T2", token="xoxb-2")
    each = (HERE, there, replace(HERE, token="xoxb-anew"))
    in_turn(store, lambda installation, unit: unit.installations.put(installation), each)
    assert store.run_sync(lambda unit: unit.installations.get(SLACK, "T1")) == replace(HERE, token="xoxb-anew")
    assert len(store.run_sync(lambda unit: unit.installations.all(SLACK))) == 2
    assert store.run_sync(lambda unit: unit.installations.get(Platform.DISCORD, "T1")) is None
    for _ in range(2):
        store.run_sync(lambda unit: unit.installations.remove(SLACK, "T1"))
    assert store.run_sync(lambda unit: unit.installations.all(SLACK)) == [there]


def test_a_token_is_not_shown() -> None:
    assert "sEcReT" not in repr(HERE)


@pytest.mark.parametrize("other", OTHERS)
def test_a_purged_workspace_takes_nothing_of_another_along(store: SqlStore, other: str) -> None:
    place = replace(PLACE, workspace=other)

    def fill(unit: Unit) -> None:
        for each in (PLACE, place):
            unit.answers.add(answer(), each, PERSON)
            unit.conversations.add(turn("How?", each))
            unit.inbox.add(replace(event(f"e{each.workspace}"), place=each))
            unit.outbox.add(Notice(place=each, text="Noted."))

    def left(unit: Unit) -> tuple[list[str], list[str], int, int, int]:
        inbox, outbox = unit.inbox.pending(), unit.outbox.undelivered()
        answers = len(unit.answers.in_workspace(SLACK, other))
        turns = len(unit.conversations.of(place))
        gone = len(unit.answers.in_workspace(SLACK, "T1")) + len(unit.conversations.of(PLACE))
        return [each.place.workspace for each in inbox], [each.place.workspace for each in outbox], answers, turns, gone

    store.run_sync(fill)
    assert store.run_sync(lambda unit: unit.persons.purge_workspace(SLACK, "T1")) == 4
    assert store.run_sync(left) == ([other], [other], 1, 1, 0)
