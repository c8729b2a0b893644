"""Connecting and letting go: wrong settings are named, an absent Slack is waited for, nothing is taken unsigned."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.desk import Desk
from bot.errors import DatabaseError, DeliveryFailed, MenteeError, SettingError
from bot.events import Event, Place
from bot.ids import EventId
from bot.outgoing import Notice
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.slack import connector
from connectors.slack.config import SlackConfig
from connectors.slack.connector import EVENTS_PATH, SlackConnector
from connectors.slack.parsing import Interaction
from connectors.slack.posting import Posting
from tests.connectors.slack import local_slack as peer
from tests.connectors.slack.local_slack import local_slack
from tests.connectors.slack.payloads import message
from tests.connectors.slack.signing import send_event
from tests.connectors.slack.waiting import free_port, is_open, until, until_open
from tests.connectors.slack.web_api import Reply, WebApi, web_api
from tests.tasks import beside, end

WHO = {"team_id": "T1", "user_id": "U0BOT", "bot_id": "B0BOT"}
SECRET = "a-signing-secret"
PLACE = Place(Platform.SLACK, "T1", "C1", "1.2")
ANN = Person(Platform.SLACK, "U1", "Ann")


@dataclass
class Inbox:
    """A desk that only takes events, or fails as a full disk would."""

    taken: list[Event] = field(default_factory=list)
    is_full: bool = False
    refused: int = 0
    marks: frozenset[str] = frozenset()
    met: list[str] = field(default_factory=list)

    def meet(self, names: Iterable[str]) -> None:
        self.met += names

    def connected(self) -> None:
        """There is no history to look at."""

    async def receive(self, event: Event) -> bool:
        if self.is_full:
            self.refused += 1
            raise DatabaseError("The disk is full.")
        self.taken.append(event)
        return True


@pytest.fixture
async def api() -> AsyncIterator[WebApi]:
    async with web_api(auth_test=WHO) as api:
        yield api


def slack(api: WebApi, inbox: Inbox | None = None, **more: Any) -> SlackConnector:
    settings = {"bot_token": "xoxb-sEcReT", "app_token": "xapp-sEcReT", "signing_secret": SECRET, "api_url": api.url}
    return SlackConnector(SlackConfig(**{**settings, **more}), cast(Desk, inbox or Inbox()), ENGLISH)


@asynccontextmanager
async def serving(api: WebApi, inbox: Inbox) -> AsyncIterator[str]:
    port = free_port()
    async with beside(slack(api, inbox, mode="http", http_port=port).run()):
        await until_open(port)
        yield f"http://127.0.0.1:{port}{EVENTS_PATH}"
    assert not await is_open(port)


def event_callback(text: str) -> str:
    body = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": message(text)}
    return json.dumps(body)


async def test_members_of_a_large_workspace_are_met_page_by_page_as_fast_as_slack_lets_them_be_read(
    api: WebApi,
) -> None:
    def page(name: str) -> Reply:
        return Reply({"ok": True, "members": [{"real_name": name}], "response_metadata": {"next_cursor": "more"}})

    slower = Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "0"})
    api.before["users.list"] = [page("Ann Archer"), slower, page("Bo Baker")]
    api.replies["users.list"] = Reply({"ok": False, "error": "fatal_error"})
    inbox = Inbox()
    async with serving(api, inbox):
        await until(lambda: len(api.called("users.list")) == 4, "the last page")
    assert inbox.met == ["Ann Archer", "Bo Baker"]


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["invalid_auth", "account_inactive", "token_revoked"])
async def test_a_refused_bot_token_is_named_and_not_told(api: WebApi, code: str) -> None:
    api.replies["auth.test"] = Reply({"ok": False, "error": code})
    with pytest.raises(SettingError) as told:
        await slack(api).run()
    assert "SLACK_BOT_TOKEN" in str(told.value)
    assert code in str(told.value)
    assert "sEcReT" not in str(told.value)
    assert told.value.__cause__ is None


async def test_a_refused_app_token_is_named(api: WebApi) -> None:
    api.replies["apps.connections.open"] = Reply({"ok": False, "error": "not_allowed_token_type"})
    with pytest.raises(SettingError, match="SLACK_APP_TOKEN") as told:
        await slack(api).run()
    assert "sEcReT" not in str(told.value)


async def test_an_address_that_is_not_slacks_is_named(api: WebApi) -> None:
    api.replies["auth.test"] = Reply("<h1>Not found</h1>", 404)
    with pytest.raises(SettingError, match="SLACK_API_URL"):
        await slack(api).run()


async def test_a_port_that_is_taken_is_named(api: WebApi) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as taken:
        port = taken.sockets[0].getsockname()[1]
        with pytest.raises(SettingError, match=f"SLACK_HTTP_PORT are 127.0.0.1 and {port}"):
            await slack(api, mode="http", http_port=port).run()


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "1"}),
        Reply({"ok": False, "error": "service_unavailable"}),
        Reply("<h1>Bad gateway</h1>", 502),
    ],
)
async def test_a_slack_that_is_busy_is_waited_for(api: WebApi, reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "TRY_AGAIN_S", 0.01)
    api.replies["auth.test"] = reply
    running = asyncio.create_task(slack(api).run())
    await until(lambda: len(api.calls) > 2, "more tries")
    api.replies["auth.test"] = Reply({"ok": False, "error": "invalid_auth"})
    with pytest.raises(SettingError):
        await running


# --- what is taken ---------------------------------------------------------------------------------------------------


async def test_an_event_is_acknowledged_once_it_is_on_disk_and_not_before(api: WebApi) -> None:
    inbox = Inbox()
    async with serving(api, inbox) as url:
        inbox.is_full = True
        assert await send_event(url, SECRET, event_callback("How?")) == 500
        inbox.is_full = False
        assert await send_event(url, SECRET, event_callback("How?"), retry=1) == 200
    assert len(inbox.taken) == 1


async def test_an_envelope_of_the_socket_is_acknowledged_once_its_event_is_on_disk(tmp_path: Path) -> None:
    inbox = Inbox(is_full=True)
    async with local_slack(tmp_path) as studio:
        config = SlackConfig(bot_token=peer.BOT_TOKEN, app_token=peer.APP_TOKEN, api_url=studio.api_url)
        running = asyncio.create_task(SlackConnector(config, cast(Desk, inbox), ENGLISH).run())
        await until(lambda: studio.is_connected, "the bot's socket")
        waiting = asyncio.create_task(studio.say(peer.CUSTOMER, "Is it taken?"))  # the workspace waits long for a word
        await until(lambda: inbox.refused, "the first message")
        inbox.is_full = False
        await studio.say(peer.CUSTOMER, "And now?")
        await until(studio.acknowledged, "an acknowledgement")
        assert (inbox.refused, len(inbox.taken), studio.acknowledged()) == (1, 1, 1)
        for task in (waiting, running):
            await end(task)
        await until(lambda: not studio.is_connected, "the socket's end")


async def test_what_slack_did_not_sign_is_not_taken(api: WebApi) -> None:
    inbox = Inbox()
    async with serving(api, inbox) as url:
        assert await send_event(url, "another-secret", event_callback("How?")) == 401
    assert inbox.taken == []


async def test_what_people_write_is_in_no_log(
    api: WebApi, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    inbox = Inbox()
    inbox.is_full = True
    async with serving(api, inbox) as url:
        assert await send_event(url, SECRET, event_callback("my-private-words")) == 500
    api.replies["chat.postMessage"] = Reply({"ok": False, "error": "no_text"})
    with pytest.raises(MenteeError):
        await slack(api).deliver(Notice(place=PLACE, text="my-private-words"))
    logged = f"{caplog.text}{capsys.readouterr()}"
    assert "slack listener failed" in logged
    assert "my-private-words" not in logged
    assert "sEcReT" not in logged


async def test_a_post_whose_fate_is_unknown_is_not_sent_again_behind_the_outboxes_back() -> None:
    async with rude_server() as (url, calls):
        with pytest.raises(DeliveryFailed, match="could not be reached"):
            await slack(WebApi(f"{url}api/")).deliver(Notice(place=PLACE, text="Noted."))
        assert len(calls) == 1


async def test_nor_is_the_answer_to_a_command() -> None:
    async with rude_server() as (url, calls):
        posting = Posting(AsyncWebClient(token="xoxb-1", base_url=url, retry_handlers=[]), ENGLISH, None)
        posting.open.keep(EventId("e"), Interaction(PLACE, ANN, "t", url))
        with pytest.raises(DeliveryFailed):
            await posting.deliver(Notice(place=PLACE, text="Noted.", to=ANN, in_reply_to=EventId("e")))
        assert len(calls) == 1


@asynccontextmanager
async def rude_server() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Takes each request and hangs up, so that nobody knows what became of it."""
    calls: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(await reader.readline())
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", calls
