"""One to five hostile accounts of agents, through corrections, reactions, or both, with and without a trigger.

Counted is what comes of it: lies that a customer is told, and lies that training would see. Three colleagues with a
good record are there, and the settings are the defaults.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.feedback import Hold
from bot.holding import CHANGES_A_DAY
from bot.people import Person
from tests.attack.accounts import ITEMS, MORE, Way, agent, attack, lie, team, topic
from tests.bot.events import NOW, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import House


@pytest.mark.parametrize("way", ["corrections", "both"])
async def test_two_new_accounts_place_nothing(tmp_path: Path, way: Way) -> None:
    async with team(tmp_path) as (house, chat):
        outcome = await attack(house, chat, 2, way, trigger=True)
    assert (outcome.told, outcome.trained) == (0, 0)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("accounts", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("trigger", [False, True], ids=["plain", "trigger"])
@pytest.mark.parametrize("way", ["corrections", "reactions", "both"])
async def test_new_accounts_place_nothing_however_many_agree(
    tmp_path: Path, accounts: int, way: Way, trigger: bool
) -> None:
    async with team(tmp_path) as (house, chat):
        outcome = await attack(house, chat, accounts, way, trigger=trigger)
    assert (outcome.told, outcome.trained) == (0, 0)


async def test_what_is_not_caught_a_colleague_with_a_good_record_turns(tmp_path: Path) -> None:
    """Whoever is believed is believed: lies about what nobody else has taught are told until a colleague complains.
    They overrule nobody's answers for long, and are at most half of what is trained (`learning/shares.py`)."""
    async with team(tmp_path) as (house, chat):
        for number in range(ITEMS):
            await house.desk.receive(message(topic(number)))
            await house.settle()
            sent = correction(chat.answers[-1].answer.id, topic(number), lie(number), agent("ana"))
            await house.desk.receive(replace(sent, at=NOW + timedelta(minutes=number)))
            await house.settle()
        told = 0
        for number in range(ITEMS):
            await house.desk.receive(message(topic(number)))
            await house.settle()
            told += chat.answers[-1].answer.text == lie(number)
    assert told == ITEMS


async def change(house: House, chat: FakeConnector, names: list[str], *teachers: Person) -> int:
    """Have agents correct in turn what colleagues have taught and confirmed, each with the others' ✅ on whatever comes
    of it; how many lies are told afterwards."""
    for number, name in enumerate(names):
        teacher = teachers[number % len(teachers)]
        await house.desk.receive(message(f"How is {name} done?"))
        await house.settle()
        at = NOW + timedelta(minutes=number)
        sent = correction(chat.answers[-1].answer.id, f"How is {name} done?", lie(number), teacher)
        await house.desk.receive(replace(sent, at=at))
        await house.settle()
        receipt = replace(chat.last_message(), id=chat.notices[-1].id)
        for other in set(teachers) - {teacher}:
            await house.desk.receive(replace(reaction("white_check_mark", receipt, other), at=at))
            await house.settle()
    told = 0
    for number, name in enumerate(names):
        await house.desk.receive(message(f"How is {name} done?"))
        await house.settle()
        told += chat.answers[-1].answer.text == lie(number)
    return told


async def test_a_colleague_who_turns_changes_few_of_the_answers_on_which_others_agree(tmp_path: Path) -> None:
    async with team(tmp_path) as (house, chat):
        told = await change(
            house, chat, [f"{name}-{number}" for name in ("ben", "cleo") for number in range(4)], agent("ana")
        )
        waiting = await house.store.run(lambda unit: unit.lessons.held())
    assert told == CHANGES_A_DAY
    assert [lesson.held for lesson in waiting] == [Hold.CONFIRMED] * (8 - CHANGES_A_DAY)


@pytest.mark.parametrize("accounts", [2, *(pytest.param(many, marks=pytest.mark.slow) for many in (3, 4, 5))])
async def test_colleagues_who_turn_together_change_no_more_by_agreeing_with_each_other(
    tmp_path: Path, accounts: int
) -> None:
    """All have a good record. Each moves a day's share of what others agree on, as first or as second voice."""
    async with team(tmp_path, MORE) as (house, chat):
        turned, others = MORE[:accounts], MORE[accounts:]
        names = [f"{name}-{number}" for number in range(4) for name in others]
        told = await change(house, chat, names, *map(agent, turned))
    assert 0 < told <= accounts * CHANGES_A_DAY
