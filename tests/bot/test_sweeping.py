"""Sweeps of a platform's history: everything missed is found, nothing happens twice."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.events import Event, MessagePosted, Place, Reply
from bot.feedback import DEFAULT_EMOJI, Gesture
from bot.history import Seen, Standing
from bot.people import Person, Platform
from bot.policy import Policy
from bot.sweeping import Sweeping, Swept
from tests.bot.events import AGENT, CUSTOMER, NOW, message, reaction
from tests.fakes.archive import FakeArchive
from tests.fakes.connector import FakeConnector
from tests.house import STAFF, House, open_house

FLOOR = Place(Platform.SLACK, "T1", "C1")
BARE = {person.id: person for person in (CUSTOMER, AGENT)}


@dataclass
class Watch:
    """A house with an archive, and a clock that tests move."""

    house: House
    chat: FakeConnector
    archive: FakeArchive
    now: datetime = NOW
    told: list[Swept] = field(default_factory=list)

    def __post_init__(self) -> None:
        was = self.house.bot.sweeping
        self.sweeping = Sweeping(
            was.store, was.receive, was.intake, was.connectors, was.policy, lambda: self.now, was.gap, self.told.append
        )

    async def sweep(self, *, minutes: float = 10.0, is_gap: bool = True) -> int:
        self.now += timedelta(minutes=minutes)
        found = await self.sweeping.sweep(is_gap=is_gap)
        await self.house.settle()
        return found

    def say(self, text: str, person: Person = CUSTOMER, *, thread: str, mentions: bool = True) -> MessagePosted:
        """Write it on the platform; whether the bot hears of it is another matter."""
        said = message(text, Person(person.platform, person.id), replace(FLOOR, thread=thread), mentions=mentions)
        event = replace(said, at=self.now + timedelta(seconds=len(self.archive.said)), opens_thread=mentions)
        self.archive.said.append(event)
        return event


@pytest.fixture
async def watch(house: House, chat: FakeConnector) -> Watch:
    chat.archive = FakeArchive([FLOOR], people=BARE)
    watch = Watch(house, chat, chat.archive)
    watch.say("Said before the bot came.", thread="1")
    assert await watch.sweep() == 0
    return watch


async def test_what_was_said_before_the_bot_came_is_none_of_its_business(watch: Watch) -> None:
    assert (watch.chat.posted, watch.told) == ([], [])


async def test_a_missed_question_is_answered_once_however_often_it_is_seen(watch: Watch) -> None:
    await watch.house.teach("Can I pause?", "Yes, 90 days.")
    watch.say("Can I pause?", thread="2")
    assert [await watch.sweep() for _ in range(3)] == [1, 0, 0]
    assert [post.answer.text for post in watch.chat.answers] == ["Yes, 90 days."]
    assert watch.told == [Swept(platform=Platform.SLACK, place=FLOOR, found=1)]


async def test_a_heard_question_is_not_answered_again(watch: Watch) -> None:
    await watch.house.desk.receive(watch.say("Can I pause?", thread="2"))
    assert await watch.sweep() == 0
    assert len(watch.chat.answers) == 1


async def test_a_question_that_an_agent_has_answered_meanwhile_is_left_to_the_people(watch: Watch) -> None:
    asked, other = watch.say("Can I pause?", thread="2"), watch.say("Can I cancel?", thread="3")
    watch.say("Yes, in the settings.", AGENT, thread="2", mentions=False)
    assert await watch.sweep() == 2  # the other question, and the agent's words
    assert [post.in_reply_to for post in watch.chat.answers] == [other.id]
    assert not await watch.house.store.run(lambda unit: unit.inbox.known([asked.id]))


async def test_a_platform_that_cannot_be_read_is_told_of_and_read_the_next_time(watch: Watch) -> None:
    watch.say("Can I pause?", thread="2")
    watch.archive.failures.append(OSError("away"))
    assert [await watch.sweep(), await watch.sweep()] == [0, 1]
    assert isinstance(watch.told[0].problem, OSError)


async def test_a_workspace_that_asks_to_wait_holds_up_no_other(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    away, asked_to_wait, may_go_on = replace(FLOOR, workspace="T0", channel="C0"), asyncio.Event(), asyncio.Event()
    look = watch.archive.look

    async def patiently(place: Place, *more: Any) -> AsyncIterator[Seen]:
        if place == away:
            asked_to_wait.set()
            await may_go_on.wait()
        async for seen in look(place, *more):
            yield seen

    monkeypatch.setattr(watch.archive, "look", patiently)
    watch.archive.places.insert(0, away)
    await watch.house.teach("Can I pause?", "Yes, 90 days.")
    watch.say("Can I pause?", thread="2")
    sweep = asyncio.create_task(watch.sweep())
    await asked_to_wait.wait()
    async with asyncio.timeout(10):
        while not watch.chat.answers:
            await watch.house.settle()
    assert not sweep.done()
    may_go_on.set()
    assert await sweep == 1


async def test_what_is_missed_before_the_first_look_that_comes_through_is_found(
    house: House, chat: FakeConnector
) -> None:
    chat.archive = FakeArchive([FLOOR], people=BARE, failures=[OSError("away"), OSError("away")])
    watch = Watch(house, chat, chat.archive)
    await watch.sweep()
    watch.say("Can I pause?", thread="2")
    assert [await watch.sweep() for _ in range(3)] == [0, 1, 0]


async def test_how_far_it_looks_back(watch: Watch) -> None:
    for _ in range(3):
        await watch.sweep(minutes=60, is_gap=False)
    await watch.sweep(minutes=30 * 60)
    ago = [watch.now - since for _, since in watch.archive.looks]
    assert ago[-1] == timedelta(hours=24)
    assert ago[-2] - timedelta(hours=30) == timedelta(hours=2, minutes=5)  # an hour before the last look
    assert [each.unseen for each in watch.told] == [timedelta(hours=6, minutes=5)]


async def test_somebody_who_was_forgotten_is_not_found_again(watch: Watch) -> None:
    asked = watch.say("Can I pause? It is Cara.", thread="2")
    await watch.house.desk.receive(replace(asked, person=CUSTOMER))
    await watch.house.settle()
    forgetting = replace(watch.house.desk.routing.commands.forgetting, clock=lambda: watch.now + timedelta(minutes=1))
    await watch.house.store.run(lambda unit: forgetting.forget(unit, CUSTOMER.key, "cli:operator", with_lessons=False))
    assert await watch.sweep() == 0


async def test_a_lost_reply_in_a_thread_that_was_opened_long_ago_is_found_without_a_gap(watch: Watch) -> None:
    await watch.house.teach("Can I pause?", "Yes, 90 days.")
    watch.say("Can I pause?", thread="2")
    talk = watch.say("Somebody else's talk.", AGENT, thread="3", mentions=False)
    watch.archive.said[-1] = replace(talk, opens_thread=True)
    await watch.sweep()
    for _ in range(3):
        await watch.sweep(minutes=60, is_gap=False)
    watch.say("And for how long can I pause?", thread="2", mentions=False)
    watch.say("Can I pause?", thread="3", mentions=False)  # the bot has no part in it
    assert [await watch.sweep(is_gap=False) for _ in range(2)] == [1, 0]
    assert [post.place.thread for post in watch.chat.answers] == ["2", "2"]


async def test_of_very_many_threads_the_latest_are_looked_at(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.sweeping.MOST_THREADS", 2)
    for number in ("2", "3", "4"):
        watch.say("Can I pause?", thread=number)
        await watch.sweep(minutes=1)
    watch.archive.threads.clear()
    await watch.sweep(minutes=1, is_gap=False)
    assert [set(each) for each in watch.archive.threads] == [{"3", "4"}]


async def test_a_channel_that_the_bot_has_left_begins_anew(watch: Watch) -> None:
    watch.archive.places.clear()
    await watch.sweep()
    watch.say("Said while the bot was away.", thread="2")
    watch.now += timedelta(hours=1)
    watch.archive.places.append(FLOOR)
    assert await watch.sweep() == 0


# --- reactions -------------------------------------------------------------------------------------------------------


def standing(watch: Watch, *by: tuple[str, str]) -> None:
    watch.archive.standing = [Standing(place=FLOOR, message=watch.chat.last_message(), by=by)]


@pytest.fixture
async def answered(watch: Watch) -> Watch:
    await watch.house.teach("Can I pause?", "Yes, 90 days.")
    watch.say("Can I pause, please?", thread="2")
    await watch.sweep()
    return watch


async def ratings(watch: Watch) -> list[str]:
    answer = watch.chat.answers[-1].answer.id
    return [rating.gesture for rating in await watch.house.store.run(lambda unit: unit.ratings.of(answer))]


async def test_a_missed_reaction_counts_once_and_a_missed_removal_too(answered: Watch) -> None:
    standing(answered, ("x", AGENT.id), ("tada", AGENT.id))
    assert [await answered.sweep(), await answered.sweep()] == [1, 0]
    assert await ratings(answered) == ["reject"]
    standing(answered)
    assert [await answered.sweep(), await answered.sweep()] == [1, 0]
    assert await ratings(answered) == []


async def test_a_reaction_that_was_found_and_then_arrives_late_is_one(answered: Watch) -> None:
    standing(answered, ("x", AGENT.id))
    await answered.sweep()
    posted = len(answered.chat.posted)
    assert not await answered.house.desk.receive(reaction("x", answered.chat.last_message()))
    await answered.house.settle()
    assert len(answered.chat.posted) == posted


async def test_what_was_heard_just_now_is_newer_than_the_history(answered: Watch) -> None:
    heard = replace(reaction("x", answered.chat.last_message()), at=answered.now)
    await answered.house.desk.receive(heard)
    standing(answered)
    assert await answered.sweep(minutes=1) == 0
    assert await answered.sweep() == 1  # it is not there, and was long enough ago


async def test_nothing_is_taken_away_where_not_everybody_is_named(answered: Watch) -> None:
    await answered.house.desk.receive(replace(reaction("x", answered.chat.last_message()), at=answered.now))
    standing(answered)
    answered.archive.standing = [replace(answered.archive.standing[0], partial=("x",))]
    assert await answered.sweep() == 0


async def test_a_missed_mark_on_a_reply_is_found_and_only_an_agents(tmp_path: Path) -> None:
    chat, archive = FakeConnector(), FakeArchive([FLOOR], people=BARE)
    chat.archive = archive
    policy = Policy(staff=STAFF, emoji={**DEFAULT_EMOJI, "dart": Gesture.MARK})
    async with open_house(tmp_path, lambda _: [chat], policy=policy) as house:
        watch = Watch(house, chat, archive)
        await watch.sweep()
        watch.say("Can I pause?", thread="2")
        await watch.sweep()
        said = watch.say("Yes, 90 days.", AGENT, thread="2", mentions=False)
        marks = [("dart", CUSTOMER.id), ("dart", AGENT.id), ("x", AGENT.id)]
        mark = Standing(place=said.place, message=said.message, by=marks, reply=Reply(text=said.text))
        archive.standing = [mark]
        assert [await watch.sweep(), await watch.sweep()] == [2, 0]  # the reply, and the agent's mark
        (lesson,) = await house.desk.lessons()
        assert (lesson.author, lesson.answer) == (AGENT.key, "Yes, 90 days.")
        archive.standing = [replace(mark, by=[])]
        assert await watch.sweep() == 1
        assert [each.withdrawn_at is None for each in await house.desk.lessons()] == [False]


# --- whatever was dropped --------------------------------------------------------------------------------------------


async def drops(folder: Path, count: int, share: float, seed: int) -> tuple[int, int, int]:
    """Questions of which some never arrive, and sweeps beside them: found late, doubly answered, never answered."""
    rng, chat = random.Random(seed), FakeConnector()
    chat.archive = FakeArchive([FLOOR], people=BARE)
    async with open_house(folder, lambda _: [chat], policy=Policy(staff=STAFF)) as house:
        watch = Watch(house, chat, chat.archive)
        await watch.sweep()
        said: list[Event] = []
        for i in range(count):
            said.append(watch.say(f"Question {i}?", thread=str(i)))
            if rng.random() >= share:
                await house.desk.receive(said[-1])
        found = sum([await watch.sweep(is_gap=False) for _ in range(2)])
        answers = Counter(post.in_reply_to for post in chat.answers)
    return found, sum(n > 1 for n in answers.values()), sum(answers[each.id] == 0 for each in said)


async def test_a_third_of_the_events_is_dropped_and_found(tmp_path: Path) -> None:
    found, double, missing = await drops(tmp_path, 40, 0.3, seed=0)
    assert (found > 5, double, missing) == (True, 0, 0)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(heard=st.lists(st.sampled_from(["live", "late", "never"]), min_size=1, max_size=6), seed=st.integers(0, 9))
def test_whatever_arrives_when_every_question_is_answered_once(
    tmp_path_factory: pytest.TempPathFactory, heard: list[str], seed: int
) -> None:
    """Live, or during the sweep, or never: in each order."""

    async def story() -> Counter[str | None]:
        chat = FakeConnector()
        chat.archive = FakeArchive([FLOOR], people=BARE)
        async with open_house(tmp_path_factory.mktemp("house"), lambda _: [chat]) as house:
            watch = Watch(house, chat, chat.archive)
            await watch.sweep()
            said = [watch.say(f"Question {i}?", thread=str(i)) for i in range(len(heard))]
            for event in (e for e, when in zip(said, heard, strict=True) if when == "live"):
                await house.desk.receive(event)
            late = [e for e, when in zip(said, heard, strict=True) if when == "late"]
            random.Random(seed).shuffle(late)
            await asyncio.gather(watch.sweep(), *(house.desk.receive(event) for event in late))
            await watch.sweep()
            assert {event.id for event in said} == {post.in_reply_to for post in chat.answers}
            return Counter(post.in_reply_to for post in chat.answers)

    assert set(asyncio.run(story()).values()) == {1}
