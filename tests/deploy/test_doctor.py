"""`mentee doctor`: finds what is broken, says how to mend it, and goes on looking."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.parts import open_kept
from deploy.settings import read_settings
from tests.deploy.adapters import keep_adapter, spoil
from tests.deploy.conftest import Mentee, words

HEALTHY = [
    "Python", "data folder", "model cache", "base model bundled:smollm2-135m", "text encoder", "engine", "training",
    "ingest", "database", "adapter", "leftovers", "Slack", "Discord", "page",
]  # fmt: skip

Found = dict[str, dict[str, str]]


def examine(mentee: Mentee) -> tuple[int, Found]:
    told = mentee("doctor", "--json")
    return told.exit_code, {finding["name"]: finding for finding in json.loads(told.stdout)["findings"]}


def test_a_fresh_machine_lacks_the_models_and_nothing_else(mentee: Mentee) -> None:
    code, found = examine(mentee)
    assert code == 0
    assert list(found) == HEALTHY
    warned = {name: each for name, each in found.items() if each["state"] != "ok"}
    assert list(warned) == ["base model bundled:smollm2-135m", "text encoder"]
    assert all("`mentee run` fetches it" in each["remedy"] for each in warned.values())
    shown = words(mentee("doctor").stdout)
    assert [name for name in HEALTHY if name not in shown] == []


def test_a_spoiled_live_adapter_is_found(mentee: Mentee) -> None:
    with open_kept(read_settings()) as kept:
        adapter = keep_adapter(kept, number=1)
        kept.store.run_sync(lambda unit: kept.commands.promote(unit, "v1", "cli:operator"))
        assert examine(mentee)[0] == 0
        spoil(kept, adapter)
    code, found = examine(mentee)
    assert code == 1
    assert found["adapter"]["state"] == "fail"
    assert "adapter_model.safetensors is not the file that was trained" in found["adapter"]["text"]
    assert "mentee rollback" in found["adapter"]["remedy"]
    assert list(found) == HEALTHY


def test_a_spoiled_model_is_found(mentee: Mentee, folder: Path) -> None:
    encoder = folder / "cache" / "all-mpnet-base-v2"
    encoder.mkdir(parents=True)
    (encoder / "mentee.json").write_text("{}")
    _, found = examine(mentee)
    assert found["text encoder"]["state"] == "warn"
    assert found["text encoder"]["text"] != "not fetched yet"


@pytest.mark.parametrize(
    ("settings", "finding", "said"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "slack", "SLACK_APP_TOKEN is missing"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_MODE": "http"}, "slack", "SLACK_SIGNING_SECRET is missing"),
        ({"SLACK_BOT_TOKEN": "xapp-1", "SLACK_APP_TOKEN": "xapp-1"}, "slack", "SLACK_BOT_TOKEN begins otherwise"),
        ({"DISCORD_TOKEN": "Bot 1"}, "discord", "DISCORD_TOKEN holds blanks"),
        ({"MENTEE_WEB_HOST": "0.0.0.0"}, "page", "set MENTEE_WEB_PASSWORD"),
        ({"MENTEE_DATABASE_URL": "nonsense"}, "database", "MENTEE_DATABASE_URL is unusable"),
    ],
)
def test_a_setting_that_cannot_work_is_found(
    mentee: Mentee, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], finding: str, said: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    code, found = examine(mentee)
    assert code == 1
    assert found[finding]["state"] == "fail"
    assert said in found[finding]["text"]
    assert len(found) >= len(HEALTHY) - 2  # the other checks were made nevertheless


def test_tokens_that_may_work_are_no_finding(mentee: Mentee, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "DISCORD_TOKEN": "1"}.items():
        monkeypatch.setenv(name, value)
    code, found = examine(mentee)
    assert code == 0
    assert found["Slack"]["text"] == "tokens are set, socket mode, one workspace"
    assert found["Discord"]["text"] == "the token is set"


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_mentioned(mentee: Mentee, monkeypatch: pytest.MonkeyPatch, listening: int) -> None:
    monkeypatch.setenv("MENTEE_WEB_PORT", str(listening))
    assert "something is listening" in examine(mentee)[1]["page"]["text"]


def test_an_address_of_the_newer_kind_is_no_finding(mentee: Mentee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_WEB_HOST", "::1")
    assert examine(mentee)[1]["page"]["state"] == "ok"
