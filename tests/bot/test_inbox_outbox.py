"""Every event takes effect once, in order, and every failure is told to whoever waits."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import intake
from bot.answers import AnswerKind
from bot.delivery import MAX_ATTEMPTS
from bot.errors import AdminError, DeliveryFailed, SettingError
from bot.events import MessageRef, Place
from bot.ids import SHARED, Tenant
from bot.outgoing import AnswerEdit, AnswerPost, Notice, Outgoing
from bot.ports import Unit
from bot.retrieval import Retrieval
from tests.bot.events import CUSTOMER, THREAD, message, reaction
from tests.fakes.connector import FakeConnector
from tests.fakes.knowledge import LexicalKnowledge
from tests.house import House, open_house


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BACKOFF_S", 0.0)


async def test_a_repeated_event_has_no_second_effect(house: House, chat: FakeConnector) -> None:
    event = message("How long is the trial?")
    assert await house.desk.receive(event)
    assert not await house.desk.receive(event)
    await house.settle()
    assert not await house.desk.receive(event)
    await house.settle()
    assert len(chat.answers) == 1


async def test_the_same_event_at_once_from_many_sides_is_answered_once(house: House, chat: FakeConnector) -> None:
    event = message("How long is the trial?")
    accepted = await asyncio.gather(*(house.desk.receive(event) for _ in range(20)))
    await house.settle()
    assert accepted.count(True) == 1
    assert len(chat.answers) == 1


async def test_questions_of_one_thread_are_answered_in_order(house: House, chat: FakeConnector) -> None:
    for i in range(5):
        await house.desk.receive(message(f"question number {i}"))
    await house.settle()
    assert [post.answer.question for post in chat.answers] == [f"question number {i}" for i in range(5)]


async def test_a_question_that_breaks_the_handler_is_handed_off_after_three_attempts(
    house: House, chat: FakeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(type(house.knowledge), "search", break_down)
    await house.desk.receive(message("How long is the trial?"))
    await house.settle()
    assert [post.answer.kind for post in chat.answers] == [AnswerKind.HANDOFF]
    assert "Something went wrong" in chat.answers[0].answer.text
    assert await house.store.run(lambda unit: unit.inbox.pending()) == []


async def test_what_a_dead_process_left_is_worked_off_by_the_next(tmp_path: Path) -> None:
    event = message("How long is the trial?")
    async with open_house(tmp_path, lambda _: [FakeConnector()]) as first:
        await first.store.run(lambda unit: unit.inbox.add(event))  # kept, then killed
    chat = FakeConnector()
    async with open_house(tmp_path, lambda _: [chat]) as second:
        assert await second.bot.intake.resume() == 1
        await second.settle()
        assert len(chat.answers) == 1
        assert await second.bot.intake.resume() == 0


async def test_an_answer_that_was_not_delivered_goes_out_after_a_restart(tmp_path: Path) -> None:
    deaf = FakeConnector(failures=[DeliveryFailed("no network")] * 3)
    async with open_house(tmp_path, lambda _: [deaf]) as first:
        await first.desk.receive(message("How long is the trial?"))
        await first.bot.intake.idle()
    assert deaf.posted == []
    chat = FakeConnector()
    async with open_house(tmp_path, lambda _: [chat]) as second:
        await second.settle()
        assert len(chat.answers) == 1


async def test_delivery_is_given_up_after_so_many_failures_and_the_rest_goes_on(
    house: House, chat: FakeConnector
) -> None:
    chat.failures = [RuntimeError("a bug")] * MAX_ATTEMPTS
    await house.desk.receive(message("first"))
    await house.bot.intake.idle()
    for _ in range(MAX_ATTEMPTS):
        await house.bot.delivery.sweep()
    await house.desk.receive(message("second"))
    await house.settle()
    assert [post.answer.question for post in chat.answers] == ["second"]


@pytest.mark.parametrize(
    ("problem", "waits"),
    [
        (DeliveryFailed("It is away."), True),
        (SettingError("Mend the token."), True),
        (AdminError("Invite the bot."), False),
    ],
)
async def test_only_what_passes_or_concerns_all_messages_is_waited_for(
    house: House, chat: FakeConnector, problem: Exception, waits: bool
) -> None:
    chat.failures = [problem] * MAX_ATTEMPTS
    await house.desk.receive(message("first"))
    await house.bot.intake.idle()
    for _ in range(MAX_ATTEMPTS + 1):
        await house.bot.delivery.sweep()
    assert [post.answer.question for post in chat.answers] == ["first"] * waits


async def test_reactions_find_the_answer_by_its_message(house: House, chat: FakeConnector) -> None:
    await house.desk.receive(message("How long is the trial?"))
    await house.settle()
    await house.desk.receive(reaction("x", chat.last_message()))
    await house.settle()
    assert not isinstance(chat.posted[-1], AnswerPost)


@pytest.mark.parametrize("before", [THREAD, replace(THREAD, thread=None)], ids=["its place", "opened a thread since"])
async def test_of_edits_that_wait_for_the_same_message_the_newest_goes_out(
    house: House, chat: FakeConnector, before: Place
) -> None:
    await house.desk.receive(message("Do you sell umbrellas?"))
    await house.settle()
    answer = chat.answers[-1].answer
    edits = [
        AnswerEdit(place=place, answer=replace(answer, text=text), of=answer.id)
        for place, text in ((before, "one"), (THREAD, "two"))
    ]

    def keep(unit: Unit) -> None:
        for edit in edits:
            unit.outbox.add(edit)

    await house.store.run(keep)
    await house.settle()
    assert [each.answer.text for each in chat.posted if isinstance(each, AnswerEdit)] == ["two"]
    assert await house.store.run(lambda unit: unit.outbox.undelivered()) == []


async def test_a_channel_that_is_closed_is_closed_for_all_its_places(house: House, chat: FakeConnector) -> None:
    notices = [Notice(place=replace(THREAD, thread=f"{number}.1"), text=str(number)) for number in range(5)]
    chat.failures = [DeliveryFailed("ratelimited", retry_after_s=60.0)]

    def keep(unit: Unit) -> None:
        for notice in notices:
            unit.outbox.add(notice)

    await house.store.run(keep)
    await house.settle()
    assert chat.posted == []
    assert len(await house.store.run(lambda unit: unit.outbox.undelivered())) == 5


async def forget_customer(house: House) -> None:
    forgetting = house.desk.routing.commands.forgetting
    await house.store.run(lambda unit: forgetting.forget(unit, CUSTOMER.key, "cli:operator", with_lessons=False))


async def test_whoever_is_forgotten_while_they_are_answered_stays_forgotten(
    house: House, chat: FakeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = type(house.knowledge).search

    async def search_slowly(knowledge: LexicalKnowledge, words: str, tenant: Tenant = SHARED) -> Retrieval:
        await forget_customer(house)
        return await search(knowledge, words, tenant)

    monkeypatch.setattr(type(house.knowledge), "search", search_slowly)
    await house.desk.receive(message("How long is the trial?"))
    await house.settle()
    assert chat.posted == []
    assert await house.store.run(lambda unit: unit.conversations.of(THREAD)) == []
    assert await house.store.run(lambda unit: unit.answers.count_by_kind()) == {}


async def test_whoever_is_forgotten_while_their_answer_is_delivered_stops_nobody_elses(
    house: House, chat: FakeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver = chat.deliver

    async def deliver_slowly(outgoing: Outgoing) -> MessageRef | None:
        message = await deliver(outgoing)
        await forget_customer(house)
        return message

    monkeypatch.setattr(chat, "deliver", deliver_slowly)
    await house.desk.receive(message("How long is the trial?"))
    await house.settle()
    assert len(chat.answers) == 1
    assert await house.store.run(lambda unit: unit.outbox.undelivered()) == []
