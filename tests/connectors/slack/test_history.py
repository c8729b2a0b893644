"""What Slack's history shows of what the bot missed: over real sockets, and page by page from a scripted Web API."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot import events
from bot.desk import Desk
from bot.errors import SettingError
from bot.events import Event, MessageEdited, MessagePosted, Place
from bot.history import Seen, Standing
from bot.people import Platform
from connectors.slack.history import Budget, SlackArchive
from connectors.slack.parsing import Identity
from connectors.slack.people import People
from tests.connectors.slack.local_slack import AGENT, BOT, CUSTOMER
from tests.connectors.slack.our_slack import Json
from tests.connectors.slack.studio import Studio, connected, open_studio
from tests.connectors.slack.waiting import until
from tests.connectors.slack.web_api import Reply, WebApi, web_api
from tests.tasks import beside


@dataclass
class HardOfHearing:
    """A desk that hears a part of what happens."""

    desk: Desk
    lost: float
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    missed: list[Event] = field(default_factory=list)
    heard: int = 0

    async def receive(self, event: Event) -> bool:
        self.heard += 1
        if self.rng.random() < self.lost:
            self.missed.append(event)
            return False
        return await self.desk.receive(event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.desk, name)


async def lossy(folder: Path, count: int, lost: float) -> tuple[int, list[int], int, int, int]:
    """Ask, and cross every answer: events lost, found by each sweep, double effects, missing answers, crosses heard."""
    ears: list[HardOfHearing] = []

    def hearing(desk: Desk) -> Desk:
        ears.append(HardOfHearing(desk, lost))
        return cast("Desk", ears[-1])

    async with open_studio(folder, "socket", hearing) as studio:
        await studio.house.bot.sweeping.sweep()
        await next_second()
        for i in range(count):
            await studio.house.teach(f"What is number {i}?", f"It is {i}.")
            await studio.slack.say(CUSTOMER, f"<@{BOT}> What is number {i}?")
        await until(lambda: ears[0].heard >= 2 * count, "all events")  # as a mention, and as a message
        await studio.house.settle()
        found = [await sweep(studio)]
        await until(lambda: len(studio.slack.said()) >= count, "all answers")
        for answer in studio.slack.said():
            await studio.slack.react(AGENT, answer, "x")
        await until(lambda: ears[0].heard >= 3 * count, "all reactions")
        found += [await sweep(studio), await sweep(studio)]
        answers = Counter(message["thread_ts"] for message in studio.slack.said())
        asked = [m["ts"] for m in studio.slack.messages.values() if m["user"] == CUSTOMER]
        offers = Counter(message["thread_ts"] for message in studio.slack.whispered(AGENT))
        double = sum(n > 1 for n in (*answers.values(), *offers.values()))
        return len(ears[0].missed), found, double, sum(answers[ts] == 0 for ts in asked), len(offers)


async def next_second() -> None:
    """local-slack dates messages by whole seconds: what is said in the first sweep's second seems older than it."""
    await asyncio.sleep(1.0 - time.time() % 1.0)


async def sweep(studio: Studio) -> int:
    found = await studio.house.bot.sweeping.sweep()
    await studio.house.settle()
    return found


async def test_a_third_of_the_events_is_lost_and_all_is_found(tmp_path: Path) -> None:
    lost, found, double, missing, rated = await lossy(tmp_path, 12, 0.3)
    assert lost > 5
    assert (found[2], double, missing, rated) == (0, 0, 0, 12)


@pytest.mark.slow
async def test_a_third_of_many_events_is_lost_and_all_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost, found, double, missing, rated = await lossy(tmp_path, 200, 0.3)
    with capsys.disabled():
        print(f"\n{lost} of 600 events lost, sweeps found {found}: {double} double, {missing} missing, {rated} rated")
    assert (found[2], double, missing, rated) == (0, 0, 0, 200)


async def test_what_is_said_while_the_bot_is_away_is_answered_when_it_is_back(tmp_path: Path) -> None:
    async with open_studio(tmp_path, "socket") as studio:
        await studio.house.teach("Can I pause?", "Yes, 90 days.")
        async with beside(studio.house.bot.sweeping.run()):
            await until(lambda: not studio.house.desk.gap.is_set() or None, "the first sweep")
            await sweep(studio)
            await next_second()
            await studio.disconnect()
            studio.slack.is_connected = False
            await studio.slack.say(CUSTOMER, f"<@{BOT}> Can I pause?")
            await studio.connect(partial(connected, studio.slack))
            answer = (await until(studio.slack.said, "the answer"))[0]
            assert answer["text"].startswith("Yes, 90 days.")


# --- page by page ----------------------------------------------------------------------------------------------------

FLOOR = Place(Platform.SLACK, "T1", "C1")
SINCE, READ = datetime.fromtimestamp(1_000, UTC), datetime.fromtimestamp(2_000, UTC)


def archive(api: WebApi, budget: Budget | None = None) -> SlackArchive:
    patient = AsyncRateLimitErrorRetryHandler(max_retry_count=1)
    client = AsyncWebClient(token="xoxb-1", base_url=api.url, retry_handlers=[patient])
    return SlackArchive(client, Identity("T1", "UBOT"), People(client, "T1", ()), budget or Budget())


def said(ts: str, user: str = "U1", **more: Any) -> Json:
    return {"type": "message", "ts": ts, "user": user, "text": f"At {ts}", **more}


async def seen(archive: SlackArchive) -> list[Seen]:
    return [each async for each in archive.look(FLOOR, SINCE, READ)]


async def test_messages_edits_and_reactions_are_read_and_older_ones_left_out() -> None:
    reactions = [
        {"name": "white_check_mark::skin-tone-2", "users": ["U2", "UBOT"], "count": 2},
        {"name": "x", "users": ["U3"], "count": 9},
    ]
    messages = [
        said("1500.1", edited={"user": "U1", "ts": "1600.0"}),
        said("1400.1", "UBOT", reactions=reactions),
        said("1300.1", bot_id="B7"),
        said("900.1"),
    ]
    async with web_api(conversations_history={"messages": messages}) as api:
        posted, edited, standing = await seen(archive(api))
    assert isinstance(posted, MessagePosted)
    assert (posted.id, posted.opens_thread, posted.place.thread) == ("slack:T1:C1:1500.1", True, "1500.1")
    assert isinstance(edited, MessageEdited)
    assert edited.id == "slack:T1:C1:1500.1:edited:1600.0"
    assert isinstance(standing, Standing)
    assert (standing.message.id, set(standing.by), set(standing.partial)) == (
        "1400.1", {("white_check_mark", "U2"), ("x", "U3")}, {"x"}
    )  # fmt: skip


async def test_marks_on_what_people_wrote_are_read_with_their_words_where_they_count() -> None:
    reactions = [{"name": "dart", "users": ["U2"], "count": 1}, {"name": "x", "users": ["U3"], "count": 1}]
    messages = [said("1500.1", thread_ts="1400.1", reactions=reactions)]
    async with web_api(conversations_history={"messages": messages}) as api:
        without = await seen(archive(api))
        _, standing = await seen(replace(archive(api), marks=frozenset({"dart"})))
    assert len(without) == 1
    assert isinstance(standing, Standing)
    assert (standing.place.thread, set(standing.by)) == ("1400.1", {("dart", "U2")})
    assert standing.reply == events.Reply(text="At 1500.1", author="slack:U1")


async def test_a_history_is_read_as_slowly_as_slack_asks_and_in_pages_as_small(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    slower = Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "60"})
    first = Reply({"ok": True, "messages": [said("1500.1")], "response_metadata": {"next_cursor": "more"}})
    async with web_api(conversations_history={"messages": [said("1400.1")]}) as api:
        api.before["conversations.history"] = [first, slower]
        reading = archive(api)
        monkeypatch.setattr(asyncio, "sleep", wait)
        assert [each.id for each in await seen(reading) if isinstance(each, MessagePosted)] == [
            "slack:T1:C1:1500.1", "slack:T1:C1:1400.1"
        ]  # fmt: skip
    assert 60 <= waits[0] < 61


async def test_replies_are_asked_for_where_there_may_be_news() -> None:
    def thread(ts: str, latest: str, *users: str, count: int | None = None) -> Json:
        counts: Json = {"reply_users": list(users), "reply_users_count": count or len(users), "reply_count": 2}
        return said(ts, thread_ts=ts, latest_reply=latest, **counts)

    threads = [
        thread("1100.1", "1900.0", "U1"), thread("1200.1", "2100.0", "U1"), thread("1300.1", "1900.0", "U1", "UBOT"),
        thread("1400.1", "1900.0", "U1", count=7),
    ]  # fmt: skip
    async with web_api(conversations_history={"messages": threads}, conversations_replies={"messages": []}) as api:
        left = await seen(archive(api))
        asked = [call["ts"] for call in api.called("conversations.replies")]
    assert asked == ["1200.1", "1300.1", "1400.1"]
    assert [each.message.id for each in left if isinstance(each, MessagePosted)] == ["1100.1"]


async def test_named_threads_are_asked_for_however_old_they_are() -> None:
    replies = [said("500.1", thread_ts="500.1"), said("900.1", thread_ts="500.1"), said("1500.1", thread_ts="500.1")]
    async with web_api(conversations_history={"messages": []}, conversations_replies={"messages": replies}) as api:
        looking = archive(api)
        found = [each async for each in looking.look(FLOOR, SINCE, READ, ["500.1", "1200.1"])]
        asked = [(call["ts"], call["oldest"]) for call in api.called("conversations.replies")]
        api.replies["conversations.replies"] = Reply({"ok": False, "error": "thread_not_found"})
        assert [each async for each in looking.look(FLOOR, SINCE, READ, ["500.1"])] == []
    assert asked == [("500.1", "1000.0")]
    assert [(each.message.id, each.place.thread) for each in found if isinstance(each, MessagePosted)] == [
        ("1500.1", "500.1")
    ]  # fmt: skip


async def test_channels_come_in_pages_and_direct_ones_are_marked() -> None:
    async with web_api(users_conversations={"channels": [{"id": "C1"}, {"id": "D1"}]}) as api:
        places = await archive(api).channels()
    assert [(place.channel, place.is_direct) for place in places] == [("C1", False), ("D1", True)]


async def test_an_installation_without_the_right_is_told_what_to_do() -> None:
    async with web_api() as api:
        api.replies["users.conversations"] = Reply({"ok": False, "error": "missing_scope"})
        with pytest.raises(SettingError, match=r"manifest\.yaml"):
            await archive(api).channels()


async def test_no_more_calls_are_made_in_a_minute_than_the_budget_allows() -> None:
    now, waits = [0.0], []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    budget = Budget(calls=3, clock=lambda: now[0], sleep=wait)
    for _ in range(5):
        await budget.take()
        now[0] += 10.0
    assert waits == [30.0]
