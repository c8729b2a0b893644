"""Several workspaces by OAuth, against a Slack of our own: who may install, who speaks where, and what goes again."""

import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pysqlite3.dbapi2 as sqlite
import pytest

from bot.desk import Desk
from bot.errors import DeliveryFailed
from bot.events import Place
from bot.outgoing import Notice
from bot.people import Platform
from bot.policy import Policy
from bot.ports import Connector
from bot.texts import ENGLISH
from connectors.slack.config import SlackConfig
from connectors.slack.connector import EVENTS_PATH, SlackConnector
from storage import writer
from tests.connectors.slack.signing import send_command, send_event
from tests.connectors.slack.two_workspaces import BOTS, TOKENS, TwoWorkspaces, two_workspaces
from tests.connectors.slack.waiting import free_port, until_open
from tests.house import House, open_house
from tests.tasks import beside

ONE, TWO, FOREIGN = TOKENS
SECRET = "a-signing-secret"
MENTION = f"<@{BOTS[ONE]}> Help?"
QUESTION: dict[str, Any] = {
    "type": "app_mention",
    "channel": "C1",
    "user": "U1",
    "text": MENTION,
    "ts": "1900000000.000100",
}


@dataclass
class Shared:
    """The bot, for two workspaces."""

    slack: TwoWorkspaces
    house: House
    address: str

    @property
    def events(self) -> str:
        return f"{self.address}{EVENTS_PATH}"

    async def begin(self) -> tuple[str, str]:
        """Open the installation page: the state in its link, and the cookie."""
        async with aiohttp.ClientSession() as browser, browser.get(f"{self.address}/slack/install") as page:
            html, cookie = await page.text(), page.headers["Set-Cookie"].partition(";")[0]
        found = re.search(r"state=([\w-]+)", html)
        assert found is not None
        assert "chat%3Awrite" in html or "chat:write" in html
        return found[1], cookie

    async def come_back(self, state: str, cookie: str, code: str) -> tuple[int, str]:
        address = f"{self.address}/slack/oauth_redirect?code={code}&state={state}"
        headers = {"Cookie": cookie}
        async with aiohttp.ClientSession() as browser, browser.get(address, headers=headers) as page:
            return page.status, await page.text()

    async def install(self, team: str) -> int:
        status, _ = await self.come_back(*await self.begin(), f"code-{team}")
        return status

    async def send(self, team: str, id: str, retry: int = 0, **event: Any) -> int:
        body = {"type": "event_callback", "team_id": team, "event_id": id, "event": event}
        return await send_event(self.events, SECRET, json.dumps(body), retry)

    async def ask(self, team: str, text: str, ts: str = "1900000000.000100") -> int:
        mention = f"<@{BOTS[team]}> {text}"
        status = await self.send(
            team, f"Ev{team}{ts}", type="app_mention", channel="C1", user=f"U{team[2:]}CLEO", text=mention, ts=ts
        )
        await self.house.settle()
        return status


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[Shared]:
    async with two_workspaces() as slack, shared_bot(tmp_path, slack, free_port()) as bot:
        yield bot


@asynccontextmanager
async def shared_bot(
    folder: Path, slack: TwoWorkspaces, port: int, policy: Policy | None = None
) -> AsyncIterator[Shared]:
    config = SlackConfig(
        client_id="1.2", client_secret="client-sEcReT", workspaces=(ONE, TWO), mode="http", signing_secret=SECRET,
        api_url=slack.url, http_port=port,
    )  # fmt: skip

    def connectors(desk: Desk) -> list[Connector]:
        return [SlackConnector(config, desk, ENGLISH)]

    async with open_house(folder, connectors, policy=policy) as house, up(house, port):
        yield Shared(slack, house, f"http://127.0.0.1:{port}")


@asynccontextmanager
async def up(house: House, port: int) -> AsyncIterator[None]:
    async with beside(house.bot.connectors[Platform.SLACK].run()):
        await until_open(port)
        yield


async def test_each_workspace_is_answered_with_its_own_token(shared: Shared) -> None:
    assert [await shared.install(team) for team in (ONE, TWO)] == [200, 200]
    for team in (ONE, TWO):
        assert await shared.ask(team, "What is this?") == 200
    assert [(team, sent["channel"]) for team, sent in shared.slack.posted] == [(ONE, "C1"), (TWO, "C1")]
    assert BOTS[ONE] not in shared.slack.posted[0][1]["text"]


async def test_only_workspaces_that_the_operator_named_may_install(
    shared: Shared, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await shared.install(FOREIGN) == 500
    assert await shared.house.desk.installations(Platform.SLACK) == []
    assert f"workspace={FOREIGN}" in re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out)


async def test_a_state_is_good_once_and_in_its_own_browser(shared: Shared) -> None:
    state, cookie = await shared.begin()
    assert (await shared.come_back(state, "slack-app-oauth-state=another", f"code-{ONE}"))[0] == 400
    assert (await shared.come_back("made-up", "slack-app-oauth-state=made-up", f"code-{ONE}"))[0] == 401
    assert (await shared.come_back(state, cookie, f"code-{ONE}"))[0] == 200
    assert (await shared.come_back(state, cookie, f"code-{TWO}"))[0] == 401
    assert [each.workspace for each in await shared.house.desk.installations(Platform.SLACK)] == [ONE]


async def test_an_installation_that_was_begun_before_a_restart_ends_after_it(tmp_path: Path) -> None:
    port = free_port()
    async with two_workspaces() as slack:
        async with shared_bot(tmp_path, slack, port) as before:
            state, cookie = await before.begin()
        assert state.encode() not in _bytes_in(tmp_path)
        async with shared_bot(tmp_path, slack, port) as after:
            assert (await after.come_back(state, cookie, f"code-{ONE}"))[0] == 200
            assert (await after.come_back(state, cookie, f"code-{TWO}"))[0] == 401
            assert [each.workspace for each in await after.house.desk.installations(Platform.SLACK)] == [ONE]


def _bytes_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("mentee.db*"))


async def test_a_workspace_that_has_not_installed_is_not_heard(shared: Shared) -> None:
    assert await shared.install(ONE) == 200
    await shared.ask(TWO, "What is this?")
    assert shared.slack.posted == []
    assert await shared.house.store.run(lambda unit: unit.inbox.pending()) == []


async def test_while_the_database_is_locked_nothing_is_acknowledged_and_what_comes_again_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(writer.PATIENCE_S, writer.AHEAD, 0.0)
    async with two_workspaces() as slack, shared_bot(tmp_path, slack, free_port()) as bot:
        await bot.install(ONE)
        command = {"team_id": ONE, "channel_id": "C1", "user_id": "U1", "command": "/mentee", "text": "help"}
        with contextlib.closing(sqlite.connect(tmp_path / "mentee.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await send_command(bot.events, SECRET, trigger_id="1.2", **command) == 500
            assert await bot.send(ONE, "Ev1", **QUESTION) == 500
        assert slack.posted == []
        assert await bot.send(ONE, "Ev1", retry=1, **QUESTION) == 200
        await bot.house.settle()
        assert len(slack.posted) == 1


async def test_with_a_token_that_slack_refuses_events_are_kept_all_the_same(shared: Shared) -> None:
    await shared.install(ONE)
    shared.slack.void.add(ONE)
    assert await shared.send(ONE, "Ev1", **QUESTION) == 200
    await shared.house.settle()
    assert len(await shared.house.store.run(lambda unit: unit.outbox.undelivered())) == 1


async def test_what_slack_did_not_sign_installs_and_removes_nothing(shared: Shared) -> None:
    assert await shared.install(ONE) == 200
    body = {"type": "event_callback", "team_id": ONE, "event_id": "Ev", "event": {"type": "app_uninstalled"}}
    assert await send_event(shared.events, "another-secret", json.dumps(body)) == 401
    assert len(await shared.house.desk.installations(Platform.SLACK)) == 1


async def test_an_uninstalled_workspace_leaves_nothing_and_the_other_everything(shared: Shared) -> None:
    for team in (ONE, TWO):
        await shared.install(team)
        await shared.ask(team, "What is this?")
    assert await shared.send(ONE, "Ev9", type="app_uninstalled") == 200

    def kept(unit: Any) -> list[Any]:
        return [unit.answers.in_workspace(Platform.SLACK, team) for team in (ONE, TWO)]

    gone, stays = await shared.house.store.run(kept)
    assert (gone, len(stays)) == ([], 1)
    assert [each.workspace for each in await shared.house.desk.installations(Platform.SLACK)] == [TWO]
    with pytest.raises(DeliveryFailed, match=f"isn't installed in the Slack workspace {ONE}"):
        await shared.house.bot.connectors[Platform.SLACK].deliver(
            Notice(place=Place(Platform.SLACK, ONE, "C1"), text="Still there?")
        )
    assert await shared.send(ONE, "Ev9", retry=1, type="app_uninstalled") == 200  # Slack may tell it twice


async def test_a_revoked_token_is_forgotten_and_what_was_said_stays(shared: Shared) -> None:
    await shared.install(ONE)
    await shared.ask(ONE, "What is this?")
    assert await shared.send(ONE, "Ev8", type="tokens_revoked", tokens={"oauth": ["U1"]}) == 200
    assert len(await shared.house.desk.installations(Platform.SLACK)) == 1
    assert await shared.send(ONE, "Ev9", type="tokens_revoked", tokens={"bot": [BOTS[ONE]]}) == 200
    assert await shared.house.desk.installations(Platform.SLACK) == []
    assert len(await shared.house.store.run(lambda unit: unit.answers.in_workspace(Platform.SLACK, ONE))) == 1


async def test_a_workspace_without_the_right_costs_the_others_no_history(
    shared: Shared, capsys: pytest.CaptureFixture[str]
) -> None:
    for team in (ONE, TWO):
        await shared.install(team)
    archive = shared.house.bot.connectors[Platform.SLACK].archive
    assert archive is not None
    shared.slack.lacking.add(ONE)
    assert [place.channel for place in await archive.channels()] == ["CTWO"]
    told = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out)
    assert re.search(rf"slack history not read.*Reinstall the Slack app.*workspace={ONE}", told)
    shared.slack.lacking.clear()
    assert [place.channel for place in await archive.channels()] == ["CONE", "CTWO"]
    shared.slack.lacking.add(ONE)
    assert [place.channel for place in await archive.channels()] == ["CONE", "CTWO"]  # its watermark is kept


async def test_an_installation_survives_a_restart_and_a_new_one_replaces_it(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shared.install(ONE)
    await shared.ask(ONE, "What is this?")
    connector = shared.house.bot.connectors[Platform.SLACK]
    connector._workspaces._known.clear()  # type: ignore[attr-defined]  # the next process has only what is kept
    await shared.ask(ONE, "And that?", ts="1900000001.000100")
    monkeypatch.setitem(TOKENS, ONE, "xoxb-anew-sEcReT")
    shared.slack.codes.clear()
    await shared.install(ONE)
    await shared.ask(ONE, "And now?", ts="1900000002.000100")
    assert [team for team, _ in shared.slack.posted] == [ONE] * 3


async def test_no_token_secret_or_code_is_logged_or_shown(
    shared: Shared, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await shared.install(ONE)
    await shared.ask(ONE, "What is this?")
    await shared.come_back(*await shared.begin(), "code-broken-sEcReT")
    installed = await shared.house.desk.installations(Platform.SLACK)
    logged = f"{caplog.text}{capsys.readouterr()}{installed}"
    assert "sEcReT" not in logged
