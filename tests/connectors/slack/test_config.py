"""Each wrong setting is named, with what to do about it, and no secret is told."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.errors import SettingError
from connectors.slack.config import SlackConfig


def config(**more: Any) -> SlackConfig:
    return SlackConfig(**{"bot_token": "xoxb-1", "app_token": "xapp-1", **more})


def assert_refused(make: Callable[..., SlackConfig], wrong: dict[str, Any], setting: str, remedy: str) -> None:
    with pytest.raises(SettingError) as told:
        make(**wrong)
    assert setting in str(told.value)
    assert remedy in str(told.value)
    assert "sEcReT" not in str(told.value)


@pytest.mark.parametrize(
    ("wrong", "setting", "remedy"),
    [
        ({"bot_token": ""}, "SLACK_BOT_TOKEN", "OAuth & Permissions"),
        ({"bot_token": "xapp-sEcReT"}, "SLACK_BOT_TOKEN", "begins with xoxb-"),
        ({"app_token": None}, "SLACK_APP_TOKEN", "connections:write"),
        ({"app_token": "xoxb-sEcReT"}, "SLACK_APP_TOKEN", "begins with xapp-"),
        ({"mode": "http"}, "SLACK_SIGNING_SECRET", "Signing Secret"),
        ({"mode": "smoke signals"}, "SLACK_MODE", "socket"),
        ({"api_url": "slack.com"}, "SLACK_API_URL", "https://slack.com/api/"),
        ({"agents_mention": "@agents"}, "SLACK_AGENTS_MENTION", "Copy ID"),
        ({"staff_groups": ("S1A2B3", "agents")}, "MENTEE_AGENTS", "Copy ID"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(wrong: dict[str, Any], setting: str, remedy: str) -> None:
    assert_refused(config, wrong, setting, remedy)


def test_http_needs_no_app_token_and_socket_mode_no_signing_secret() -> None:
    assert config(mode="http", signing_secret="s", app_token=None).mode == "http"
    assert config().mode == "socket"


def test_secrets_are_not_shown() -> None:
    shown = repr(config(bot_token="xoxb-sEcReT", app_token="xapp-sEcReT", signing_secret="sEcReT"))
    assert "sEcReT" not in shown


def oauth(**more: Any) -> SlackConfig:
    settings = {"client_id": "1.2", "client_secret": "s", "workspaces": ("T0ONE",), "mode": "http"}
    return SlackConfig(**{**settings, "signing_secret": "s", **more})


@pytest.mark.parametrize(
    ("wrong", "setting", "remedy"),
    [
        ({"bot_token": "xoxb-sEcReT"}, "SLACK_BOT_TOKEN and SLACK_CLIENT_ID", "unset one"),
        ({"client_secret": None}, "SLACK_CLIENT_SECRET", "App Credentials"),
        ({"mode": "socket"}, "SLACK_MODE", "http"),
        ({"signing_secret": None}, "SLACK_SIGNING_SECRET", "Signing Secret"),
        ({"workspaces": ()}, "SLACK_WORKSPACES is empty", "T…"),
        ({"workspaces": ("Studio",)}, "SLACK_WORKSPACES is Studio", "T…"),
    ],
)
def test_so_is_one_for_several_workspaces(wrong: dict[str, Any], setting: str, remedy: str) -> None:
    assert_refused(oauth, wrong, setting, remedy)


def test_the_apps_secret_is_not_shown() -> None:
    assert "sEcReT" not in repr(oauth(client_secret="sEcReT"))
