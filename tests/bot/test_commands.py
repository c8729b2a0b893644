"""The admin verbs: who may use which, and what they do."""

import re
from dataclasses import replace

import pytest

from bot.access import COMMANDS, NEEDED, Deed, Staff
from bot.lineage import Changing, Decision, Found, Report, RunState
from bot.people import Person, Role
from bot.texts import ENGLISH
from tests.bot.events import ADMIN, AGENT, CUSTOMER, NOW, command, message
from tests.fakes.connector import FakeConnector
from tests.house import House

PEOPLE = {Role.CUSTOMER: CUSTOMER, Role.AGENT: AGENT, Role.ADMIN: ADMIN}
ARGUMENTS = {"promote": "promote v1", "why": "why 1", "blame": "blame 1", "accept": "accept 1", "drop": "drop 1"}


async def give(house: House, chat: FakeConnector, text: str, person: Person = ADMIN) -> str:
    await house.desk.receive(command(text, person))
    await house.settle()
    said = chat.posted[-1]
    return getattr(said, "text", "")


@pytest.mark.parametrize("verb", sorted(COMMANDS))
@pytest.mark.parametrize("role", PEOPLE)
async def test_every_verb_is_for_its_role_and_those_above(
    house: House, chat: FakeConnector, verb: Deed, role: Role
) -> None:
    said = await give(house, chat, ARGUMENTS.get(verb, verb), PEOPLE[role])
    refused = said.startswith("Only ")
    assert refused == (role < NEEDED[verb])
    runs = await house.desk.runs()
    assert (len(runs) == 1) == (verb == "retrain" and not refused)


@pytest.mark.parametrize("role", PEOPLE)
async def test_help_names_what_the_person_may_do_and_nothing_else(
    house: House, chat: FakeConnector, role: Role
) -> None:
    named = set(re.findall(r"/mentee (\w+)", await give(house, chat, "help", PEOPLE[role])))
    assert named == {verb.value for verb in COMMANDS if NEEDED[verb] <= role}


@pytest.mark.parametrize("text", ["dance", "retrain'", "promote", "promote v1 v2", "PROMOTE v9", "why nothing"])
async def test_what_it_does_not_understand_is_said(house: House, chat: FakeConnector, text: str) -> None:
    said = await give(house, chat, text)
    assert any(hint in said for hint in ("don't know", "needs", "know no adapter", "don't find", "Training"))


async def test_retrain_asks_for_one_run_and_tells_where_it_goes_on(house: House, chat: FakeConnector) -> None:
    await give(house, chat, "retrain")
    assert "Training a new adapter on 40 facts" in chat.progress[-1].text
    assert "already under way" in await give(house, chat, "retrain")
    runs = await house.desk.runs()
    assert [(run.state, run.requested_by) for run in runs] == [(RunState.REQUESTED, ADMIN.key)]


async def test_a_dry_run_trains_nothing(house: House, chat: FakeConnector) -> None:
    assert "40 facts can be trained on" in await give(house, chat, "retrain --dry-run")
    assert await house.desk.runs() == []


async def test_a_dry_run_tells_conflicts_personal_data_and_what_is_to_change(house: House, chat: FakeConnector) -> None:
    nothing = await give(house, chat, "retrain --dry-run")
    assert "Conflicts: none." in nothing
    assert "Personal data in it: none (replaced by placeholders); in the clear: none." in nothing
    assert "Answers that the model wrote in 7 days: 0; none is expected to change" in nothing
    twice = (("Is it late?", "No. · Yes."), ("Is it far?", "No. · Yes."))
    house.plan = replace(
        house.plan, against_pages=1, two_answers=twice, waiting=3,
        personal_data=Found({"NAME": 2, "EMAIL": 1}, {"PHONE": 1}),
        changing=Changing(40, tuple(f"Is {number} right?" for number in range(7)), 4), refusals=("Too little.",),
    )  # fmt: skip
    told = await give(house, chat, "retrain --dry-run")
    assert (
        "Conflicts: lessons that contradict a help page or lost it: 1, questions with two answers: 2, lessons that "
        "wait for review (`/mentee review`): 3." in told
    )
    assert "More than one fact answers each of these" in told
    assert "> Is it far? → No. · Yes." in told
    assert "1 EMAIL, 2 NAME (replaced by placeholders); in the clear: 1 PHONE." in told
    assert "Answers that the model wrote in 7 days: 40. Expected to change: 7," in told
    assert "4 more got a ❌" in told
    assert told.splitlines()[-7:-1] == [*(f"• “Is {number} right?”" for number in range(5)), "… and 2 more."]
    assert told.splitlines()[-1] == "I won't retrain now: Too little."


async def test_a_dry_run_shows_what_seems_to_have_another_questions_answer(house: House, chat: FakeConnector) -> None:
    house.plan = replace(house.plan, suspected=tuple((f"Where is {number}?", "Under Card.") for number in range(12)))
    told = await give(house, chat, "retrain --dry-run")
    assert "another question's answer: 12." in told
    assert "> Where is 9? → Under Card." in told
    assert "Where is 10?" not in told


async def test_a_finished_run_frees_the_next(house: House, chat: FakeConnector) -> None:
    await give(house, chat, "retrain")
    run = await house.store.run(lambda unit: unit.runs.claim("me", NOW, 60))
    assert run is not None
    report = Report(decision=Decision.REFUSED, reasons=("x",), adapter=None, lessons=0, evaluation=None, seconds=1)
    assert await house.store.run(lambda unit: unit.runs.finish(run.id, "me", report))
    assert "Training" in await give(house, chat, "retrain")


async def test_pause_and_resume(house: House, chat: FakeConnector) -> None:
    await give(house, chat, "pause")
    assert (await house.desk.status()).paused
    await give(house, chat, "resume")
    assert not (await house.desk.status()).paused


async def test_rollback_with_nothing_below_says_so(house: House, chat: FakeConnector) -> None:
    assert "nothing to roll back" in await give(house, chat, "rollback")


async def test_why_names_what_made_the_answer(house: House, chat: FakeConnector) -> None:
    await house.teach("How long is the trial?", "21 days.")
    await house.desk.receive(message("How long is the trial?"))
    await house.settle()
    said = await give(house, chat, f"why {chat.answers[-1].answer.id}", AGENT)
    assert "known" in said
    assert "How long is the trial?" in said


def test_a_failed_look_up_means_no_rights() -> None:
    staff = Staff(agents=frozenset({"agents"}), admins=frozenset({"U-adam"}))
    assert staff.role_of(Person(AGENT.platform, "U-ana")) is Role.CUSTOMER
    assert staff.role_of(Person(ADMIN.platform, "U-adam")) is Role.ADMIN
    assert staff.role_of(Person(ADMIN.platform, "U-adam", is_unverified=True)) is Role.CUSTOMER
    assert staff.role_of(Person(ADMIN.platform, "U-x", is_workspace_admin=True)) is Role.ADMIN


async def test_login_gives_a_link_for_ones_own_eyes_where_there_is_a_page(house: House, chat: FakeConnector) -> None:
    assert await give(house, chat, "login", AGENT) == ENGLISH.no_login
    object.__setattr__(house.desk.routing.commands.policy, "page_url", "https://bot.example/")
    said = await give(house, chat, "login", AGENT)
    notice = chat.notices[-1]
    assert (notice.to, notice.is_secret) == (AGENT, True)
    link = said.rpartition("https://bot.example/enter?link=")[2]
    assert await house.desk.enter(link) is not None
    assert await house.desk.enter(link) is None
    assert ENGLISH.not_staff.format(verb="login") in await give(house, chat, "login", CUSTOMER)
