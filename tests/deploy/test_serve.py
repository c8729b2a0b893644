"""The running bot's parts: made from the settings, and each kept up for itself."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.errors import MenteeError, OperatorError, SettingError
from bot.people import Platform
from bot.texts import ENGLISH
from connectors.slack.config import SlackConfig
from connectors.slack.connector import SlackConnector
from connectors.web.config import WebConfig
from connectors.web.connector import WebConnector
from connectors.web.listening import listen
from deploy import serve
from deploy.connections import make_connectors, slack_config
from deploy.parts import open_kept
from deploy.serve import keep_up, let_go, load_demo
from deploy.settings import Settings
from tests.bot.events import message
from tests.connectors.slack.web_api import Reply, web_api
from tests.connectors.web.conftest import free_port
from tests.fakes.connector import FakeConnector
from tests.house import House, open_house
from tests.tasks import beside

TOKENS = {
    "slack_bot_token": SecretStr("xoxb-1"), "slack_app_token": SecretStr("xapp-1"), "discord_token": SecretStr("1"),
}  # fmt: skip


@pytest.fixture
async def house(folder: Path) -> AsyncIterator[House]:
    async with open_house(folder) as house:
        yield house


# --- from the settings ----------------------------------------------------------------------------------------------


async def test_a_platform_is_connected_when_its_token_is_set(house: House) -> None:
    def platforms(**settings: object) -> list[Platform]:
        return [each.platform for each in make_connectors(Settings.model_validate(settings), house.desk)]

    assert platforms() == [Platform.WEB]
    assert platforms(discord_token="1") == [Platform.WEB, Platform.DISCORD]
    assert platforms(**TOKENS) == [Platform.WEB, Platform.SLACK, Platform.DISCORD]


async def test_a_connection_that_cannot_work_is_told(house: House) -> None:
    with pytest.raises(SettingError, match="SLACK_APP_TOKEN is missing"):
        list(make_connectors(Settings.model_validate({"slack_bot_token": "xoxb-1"}), house.desk))
    with pytest.raises(SettingError, match="MENTEE_WEB_PASSWORD"):
        list(make_connectors(Settings(web_host="0.0.0.0"), house.desk))


def test_slacks_user_groups_are_looked_up_and_people_are_not() -> None:
    settings = Settings.model_validate({**TOKENS, "agents": ["S0AGENTS1", "U0ANA0001"], "admins": ["S0ADMINS1"]})
    assert slack_config(settings).staff_groups == ("S0ADMINS1", "S0AGENTS1")


async def test_the_demo_is_loaded_into_an_empty_memory_only(folder: Path) -> None:
    with open_kept(Settings(data_dir=folder)) as kept:
        await load_demo(kept)
        loaded = kept.store.run_sync(kept.commands.status)
        revision = kept.store.run_sync(lambda unit: unit.revision())
        await load_demo(kept)
        assert loaded.facts > 50
        assert loaded.sections > 50
        assert kept.store.run_sync(lambda unit: unit.revision()) == revision


async def test_the_demo_is_not_mixed_with_what_is_known(house: House, folder: Path) -> None:
    await house.teach("How long is the trial?", "Two days.")
    with open_kept(Settings(data_dir=folder)) as kept:
        await load_demo(kept)
        assert kept.store.run_sync(kept.commands.status).facts == 1


# --- kept up --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", [RuntimeError("hunter2"), OSError("hunter2"), OperatorError("No network.")])
async def test_a_part_that_breaks_is_run_again(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    monkeypatch.setattr(serve, "RESTART_AFTER_S", 0.0)
    again = asyncio.Event()
    failures = [problem]

    async def run() -> None:
        if failures:
            raise failures.pop()
        again.set()
        await asyncio.Event().wait()

    with capture_logs() as logs:
        async with beside(keep_up("slack", run)), asyncio.timeout(10):
            await again.wait()
    assert [(entry["event"], entry["part"]) for entry in logs] == [("part broke", "slack")]
    assert "hunter2" not in str(logs)
    assert ("No network." in str(logs)) == isinstance(problem, MenteeError)


async def test_a_part_that_only_the_operator_can_mend_stays_down() -> None:
    async def run() -> None:
        raise SettingError("Mend it.")

    with capture_logs() as logs:
        async with asyncio.timeout(10):
            await keep_up("slack", run)
    assert [(entry["part"], entry["remedy"]) for entry in logs] == [("slack", "Mend it.")]


async def test_stopping_gives_up_the_answer_that_is_being_written_and_keeps_its_question(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, given_up = asyncio.Event(), asyncio.Event()

    async def write_for_ever(*_: object, **__: object) -> None:
        writing.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    monkeypatch.setattr(house.generator, "generate", write_for_ever)
    await house.add_section("Plans", "Sign-on", "Single sign-on comes with the Forest plan.")
    async with asyncio.timeout(20):
        await house.desk.receive(message("Which plan has single sign-on?"))
        await writing.wait()
        await let_go()
        await given_up.wait()
    assert len(await house.store.run(lambda unit: unit.inbox.pending())) == 1


async def test_a_wrong_slack_token_is_told_and_the_page_still_answers(folder: Path) -> None:
    port = free_port()
    async with (
        web_api() as api,
        open_house(
            folder,
            lambda desk: [
                WebConnector(WebConfig(port=port), desk, ENGLISH),
                SlackConnector(
                    SlackConfig(bot_token="xoxb-hunter2", app_token="xapp-1", api_url=api.url), desk, ENGLISH
                ),
            ],
        ) as house,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as browser,
    ):
        api.replies["auth.test"] = Reply({"ok": False, "error": "invalid_auth"})
        slack, page = (house.bot.connectors[each] for each in (Platform.SLACK, Platform.WEB))
        with capture_logs() as logs:
            async with beside(keep_up("web", page.run)), asyncio.timeout(20):
                await keep_up("slack", slack.run)
                assert (await browser.get("/healthz")).json() == {"ok": True}
        told = [entry["remedy"] for entry in logs if entry["event"] == "part is down"]
        assert len(told) == 1
        assert "Slack refuses SLACK_BOT_TOKEN (invalid_auth)" in told[0]
        assert "hunter2" not in str(logs)


async def test_with_no_connection_left_it_ends_and_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait(*_: object) -> None:
        await asyncio.Event().wait()

    async def refuse() -> None:
        raise SettingError("The port is taken.")

    monkeypatch.setattr(serve, "run_behind", wait)
    connector = FakeConnector()
    monkeypatch.setattr(connector, "run", refuse)
    bot = replace(house.bot, connectors={connector.platform: connector})
    with pytest.raises(OperatorError, match="Nothing is connected"):
        await serve.run_side_by_side(bot, None, None, None)  # type: ignore[arg-type]  # what is behind isn't reached


async def test_a_taken_port_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"port {port}.*MENTEE_WEB_PORT"):
            await serve.serve(Settings(web_port=port, data_dir=tmp_path / "data"), demo=False)
    assert not (tmp_path / "data").exists()
