"""The manifest asks for what the code uses, and for nothing more."""

import ast
from pathlib import Path
from typing import Any

import yaml
from slack_sdk.web.async_client import AsyncWebClient

from connectors.slack import listening, surface

ROOT = Path(__file__).parents[3]
CODE = sorted((ROOT / "connectors" / "slack").glob("*.py"))
# Every method of the Web API, and the way to call one by its name.
API = {name for name in vars(AsyncWebClient) if not name.startswith("_")} | {"api_call"}
COMPOSED = {"chat_stream": {"chat_startStream", "chat_appendStream", "chat_stopStream"}}
"""Helpers of the client that are no method of Slack's, and the methods that they call."""


def manifest() -> Any:
    return yaml.safe_load((ROOT / "deploy" / "slack" / "manifest.yaml").read_text())


def used_attributes() -> set[str]:
    trees = [ast.parse(path.read_text()) for path in CODE]
    return {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_every_web_api_method_in_the_code_is_listed_and_each_listed_one_is_used() -> None:
    listed = {name.replace(".", "_") for name in (*surface.METHODS, *surface.APP_LEVEL_METHODS)}
    assert surface.OAUTH_METHODS == ("oauth.v2.access",)  # bolt's own flow calls it
    used = used_attributes() & API
    called = set().union(*(COMPOSED.get(name, {name}) for name in used))
    assert called == listed


def test_the_manifest_asks_for_exactly_the_scopes_that_are_used() -> None:
    needed = {*surface.EVENTS.values(), *surface.METHODS.values(), *surface.MORE_SCOPES, surface.COMMAND_SCOPE} - {None}
    assert needed == surface.SCOPES, "an installation by OAuth asks for the same"
    asked = manifest()["oauth_config"]["scopes"]["bot"]
    assert set(asked) == needed
    assert len(asked) == len(needed)
    assert "user" not in manifest()["oauth_config"]["scopes"]


def test_the_manifest_subscribes_to_exactly_the_events_that_are_heard() -> None:
    assert sorted(manifest()["settings"]["event_subscriptions"]["bot_events"]) == sorted(surface.EVENTS)


def test_the_manifest_has_the_command_and_the_message_menu() -> None:
    features = manifest()["features"]
    assert [each["command"] for each in features["slash_commands"]] == [surface.COMMAND]
    menu = [(each["type"], each["callback_id"]) for each in features["shortcuts"]]
    assert menu == [("message", shortcut) for shortcut in surface.SHORTCUTS]
    assert manifest()["settings"]["interactivity"]["is_enabled"]
    assert features["app_home"]["home_tab_enabled"]
    assert len(features["agent_view"]["agent_description"]) <= 300


def test_every_listener_is_one_that_the_manifest_leads_to() -> None:
    tree = ast.parse(Path(listening.__file__).read_text())
    used = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_app(node.value)]
    assert sorted(used) == [
        *["action"] * 3, "command", "error", "event", *["shortcut"] * len(surface.SHORTCUTS), "view"
    ]  # fmt: skip


def _is_app(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "app"
