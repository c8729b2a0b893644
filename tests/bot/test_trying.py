"""A trial from end to end: who writes what, what counts against an adapter, and how it ends."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from bot import trying as trying_module
from bot.answers import Answer, AnswerKind
from bot.events import Event, Place
from bot.ids import AdapterId, RunId, Tenant, new_id
from bot.lineage import Adapter, Decision, Deployment, Move
from bot.outgoing import Notice
from bot.people import Platform
from bot.policy import Policy
from bot.ports import Unit
from bot.retraining import close, describe
from bot.texts import ENGLISH
from bot.trial import Tally
from bot.trying import Standing, Trying, live_adapter, standing_of, trial_of
from tests.bot.events import ADMIN, CUSTOMER, command, correction, message, reaction
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house
from tests.storage.samples import report, run

PRICES = "A lamp costs 12 euros. Delivery takes three days."
SHARE = 0.5


@pytest.fixture
async def house(tmp_path: Path, chat: FakeConnector) -> AsyncIterator[House]:
    """With one adapter live, and another one whose files are there."""
    policy = Policy(staff=STAFF, canary_share=SHARE)
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as opened:
        await opened.add_section("Prices", "Lamps", PRICES)
        for adapter in (keep(opened, 1), keep(opened, 2)):
            await opened.store.run(partial(add, adapter))
        promoted = Deployment(Move.PROMOTE, AdapterId("v1"), "x", now())
        await opened.store.run(lambda unit: unit.adapters.deploy(promoted))
        opened.generator.adapter, opened.generator.ready = AdapterId("v1"), frozenset({AdapterId("v2")})
        yield opened


def add(adapter: Adapter, unit: Unit) -> None:
    unit.adapters.add(adapter)


def now() -> datetime:
    return datetime.now(UTC)


def keep(house: House, number: int) -> Adapter:
    named = AdapterId(f"v{number}")
    staged = house.adapter_files.stage(named)
    (staged / "adapter_model.safetensors").write_bytes(b"weights")
    (staged / "adapter_config.json").write_text("{}")
    return Adapter(
        id=named, number=number, run=RunId(f"run-{number}"), base_model="tiny", base_sha256="b",
        weights_sha256=house.adapter_files.publish(named, staged, "b"), dataset_sha256="d", lessons=(), recipe={},
        created_at=now(),
    )  # fmt: skip


def trying(house: House, later: timedelta = timedelta()) -> Trying:
    policy = house.bot.watching.trying.policy
    return Trying(policy, ENGLISH, house.adapter_files, lambda: now() + later)


async def begin(house: House) -> None:
    trial = Deployment(Move.TRIAL, AdapterId("v2"), "run:run-2", now(), "It is better.", SHARE)
    await house.store.run(lambda unit: unit.adapters.deploy(trial))


async def ask(house: House, chat: FakeConnector, reply: str = "") -> Answer:
    """In a thread of its own."""
    place = Place(Platform.SLACK, "T1", "C1", new_id())
    if reply:
        house.generator.replies = [reply]
    await house.desk.receive(message("What does a lamp cost, and how long is delivery?", place=place))
    await house.settle()
    return chat.answers[-1].answer


async def ask_until(house: House, chat: FakeConnector, writer: str, reply: str = "") -> Answer:
    while (answer := await ask(house, chat, reply)).adapter != writer:
        pass
    return answer


async def standing(house: House) -> Standing:
    found = await house.store.run(standing_of)
    assert found is not None
    return found


async def test_both_write_while_a_trial_is_under_way_and_the_answers_say_so(house: House, chat: FakeConnector) -> None:
    before = await ask(house, chat)
    await begin(house)
    answers = [await ask(house, chat) for _ in range(30)]
    assert {answer.adapter for answer in answers} == {"v1", "v2"}
    assert {answer.trial for answer in answers} == {"v2"}
    assert (before.adapter, before.trial) == ("v1", None)
    found = await standing(house)
    assert (found.new.questions + found.old.questions, found.new.bad + found.old.bad) == (30, 0)


async def test_known_answers_belong_to_no_trial(house: House, chat: FakeConnector) -> None:
    await begin(house)
    await house.teach("What is a lamp?", "A light.")
    await house.desk.receive(message("What is a lamp?"))
    await house.settle()
    assert chat.answers[-1].answer.kind is AnswerKind.KNOWN
    assert chat.answers[-1].answer.trial is None


@pytest.mark.parametrize("complaint", ["rejected", "corrected", "left", "not borne out"])
async def test_what_counts_against_an_adapter(house: House, chat: FakeConnector, complaint: str) -> None:
    await begin(house)
    answer = await ask_until(house, chat, "v2", "It costs 99 euros." if complaint == "not borne out" else "")
    events: dict[str, Event] = {
        "rejected": reaction("x", chat.last_message(), CUSTOMER),
        "corrected": correction(answer.id, "What does a lamp cost?", "13 euros."),
        "left": message("And what about my cat's passport?", place=chat.answers[-1].place),
    }
    before = (await standing(house)).new
    assert before.bad == (before.questions if complaint == "not borne out" else 0)
    if complaint == "left":
        await said(house, chat, "pause")  # so that the question goes to the people
    if complaint in events:
        await house.desk.receive(events[complaint])
        await house.settle()
        assert (await standing(house)).new == replace(before, bad=1)


async def test_a_hand_off_whose_card_stands_elsewhere_counts_once(tmp_path: Path, chat: FakeConnector) -> None:
    agents_at: dict[Platform | Tenant, Place] = {Platform.SLACK: Place(Platform.SLACK, "T1", "C-agents", None)}
    policy = Policy(staff=STAFF, canary_share=SHARE, agents_channels=agents_at)
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as house:
        await house.add_section("Prices", "Lamps", PRICES)
        await house.store.run(partial(add, keep(house, 2)))
        await begin(house)
        house.generator.replies = ["It costs 99 euros."]
        place = Place(Platform.SLACK, "T1", "D1", None, is_direct=True)
        await house.desk.receive(message("What does a lamp cost, and how long is delivery?", place=place))
        await house.settle()
        assert len(chat.answers) == 2, "what the asker is told, and the card"
        assert (await standing(house)).old == Tally(1, 1)


async def test_a_complaint_that_is_taken_back_counts_no_more(house: House, chat: FakeConnector) -> None:
    await begin(house)
    await ask_until(house, chat, "v2")
    for added in (True, False):
        await house.desk.receive(reaction("x", chat.last_message(), CUSTOMER, added=added))
        await house.settle()
        assert (await standing(house)).new.bad == added


async def test_a_bad_one_is_rolled_back_and_the_admins_are_told_why(house: House, chat: FakeConnector) -> None:
    await house.desk.receive(command("status"))  # so that an admin can be told
    await begin(house)
    for _ in range(150):
        answer = await ask(house, chat)
        if answer.adapter == "v2":
            await house.desk.receive(reaction("x", chat.last_message(), CUSTOMER))
            await house.settle()
        await house.bot.watching.look()
        if await house.store.run(trial_of) is None:
            break
    await house.settle()
    live = await house.store.run(live_adapter)
    assert live is not None
    assert live.name == "v1"
    told = [each for each in chat.notices if "was rolled back" in each.text]
    assert [each.to.id for each in told if each.to is not None] == [ADMIN.id]
    assert "v1 answers again" in told[0].text
    assert "were bad" in told[0].text
    assert "The last trial that failed" in await said(house, chat, "adapters")
    assert (await ask(house, chat)).trial is None


async def said(house: House, chat: FakeConnector, text: str) -> str:
    await house.desk.receive(command(text))
    await house.settle()
    assert isinstance(chat.posted[-1], Notice)
    return chat.posted[-1].text


async def test_time_ends_a_trial_with_a_promotion(house: House, chat: FakeConnector) -> None:
    await begin(house)
    assert await house.store.run(trying(house, timedelta(hours=23)).look) == []
    assert "v2 is on trial" in await said(house, chat, "status")
    assert "◐ v2" in await said(house, chat, "adapters")
    await house.store.run(trying(house, timedelta(hours=25)).look)
    live = await house.store.run(live_adapter)
    assert live is not None
    assert live.name == "v2"
    assert await house.store.run(trial_of) is None
    assert "on trial" not in await said(house, chat, "status")


async def test_files_that_are_not_what_they_were_end_it_with_a_rollback(house: House, chat: FakeConnector) -> None:
    await begin(house)
    (house.adapter_files.folder(AdapterId("v2")) / "adapter_model.safetensors").write_bytes(b"other weights")
    await house.store.run(trying(house, timedelta(hours=25)).look)
    live = await house.store.run(live_adapter)
    assert live is not None
    assert live.name == "v1"
    assert await house.store.run(trial_of) is None


@pytest.mark.parametrize(("text", "serves"), [("rollback", "v1"), ("promote v2", "v2")])
async def test_an_admin_ends_it_at_any_time(house: House, chat: FakeConnector, text: str, serves: str) -> None:
    await begin(house)
    assert serves in await said(house, chat, text)
    assert await house.store.run(trial_of) is None
    live = await house.store.run(live_adapter)
    assert live is not None
    assert live.name == serves


async def test_where_too_little_is_written_there_is_no_trial(
    house: House, chat: FakeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying_module, "LEAST_QUESTIONS", 2)
    for _ in range(3):
        await ask(house, chat)
    assert await house.store.run(trying(house).share) == 0.0
    await ask(house, chat)
    assert await house.store.run(trying(house).share) == SHARE
    assert await house.store.run(trying(house, timedelta(hours=25)).share) == 0.0


async def test_a_run_that_ends_with_a_trial_says_so(
    house: House, chat: FakeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying_module, "LEAST_QUESTIONS", 0.5)
    await ask(house, chat)
    adapter = keep(house, 3)
    promoted = replace(report(), decision=Decision.PROMOTED, adapter="v3")
    await house.store.run(lambda unit: unit.runs.request(run("run-3")))
    await house.store.run(lambda unit: unit.runs.claim("me", now(), 60))
    closed = await house.store.run(lambda unit: close(unit, run("run-3"), "me", promoted, adapter, trying(house)))
    assert closed is not None
    assert "on trial with 50 % first" in describe(closed, ENGLISH)
    trial = await house.store.run(trial_of)
    assert trial is not None
    assert (trial.adapter, trial.share, trial.reason) == ("v3", SHARE, "It forgot.")
