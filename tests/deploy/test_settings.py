"""Settings: where they come from, which wins, and what is said of those that can't be."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import SettingError
from bot.events import Place
from bot.feedback import Gesture
from bot.people import Person, Platform, Role
from deploy.settings import Settings, read_settings, variable

EXAMPLE = Path(__file__).parents[2] / ".env.example"
SHOWN = re.compile(r"^#?([A-Z][A-Z_]*)=(.*)$", re.MULTILINE)


def write(*, env_file: str = "", toml: str = "") -> None:
    Path(".env").write_text(env_file)
    Path("mentee.toml").write_text(toml)


def test_the_environment_wins_over_the_env_file_and_that_over_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    write(toml="web_port = 1001\ntraining_epochs = 7\nlog_level = 'debug'")
    assert read_settings().web_port == 1001
    write(toml="web_port = 1001\ntraining_epochs = 7", env_file="MENTEE_WEB_PORT=1002\nMENTEE_TRAINING_EPOCHS=8")
    assert read_settings().web_port == 1002
    monkeypatch.setenv("MENTEE_WEB_PORT", "1003")
    assert (read_settings().web_port, read_settings().training_epochs) == (1003, 8)


def test_without_any_the_defaults_hold() -> None:
    assert read_settings() == Settings()
    assert read_settings().web_host == "127.0.0.1"


def test_an_empty_variable_is_no_setting() -> None:
    write(env_file="MENTEE_WEB_PASSWORD=\nSLACK_BOT_TOKEN=\nMENTEE_WEB_PORT=")
    assert read_settings() == Settings()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("MENTEE_WEB_PROT", "MENTEE_WEB_PORT"),
        ("MENTEE_SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN"),
        ("mentee_data_dri", "MENTEE_DATA_DIR"),
    ],
)
def test_an_unknown_variable_is_told_with_the_nearest_real_one(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingError, match=rf"no setting {name}\. Did you mean {nearest}\?"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("MENTEE_WEB_PROT", "MENTEE_WEB_PORT"),
        ("SLACK_BOT_TOKN", "SLACK_BOT_TOKEN"),
        ("WEB_PORT", "MENTEE_WEB_PORT"),  # what the TOML file calls it has no effect here
        ("DATA_DIR", "MENTEE_DATA_DIR"),
    ],
)
def test_an_unknown_name_in_the_env_file_is_told_with_the_nearest_real_one(name: str, nearest: str) -> None:
    write(env_file=f"{name}=s3cr3t")
    with pytest.raises(SettingError, match=rf"no setting {name}\. Did you mean {nearest}\?") as told:
        read_settings()
    assert "s3cr3t" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("web_prot", "web_port"), ("MENTEE_WEB_PORT", "web_port"), ("slack_bot_tokn", "slack_bot_token")],
)
def test_an_unknown_name_in_toml_is_told_with_the_nearest_real_one(name: str, nearest: str) -> None:
    write(toml=f"{name} = 's3cr3t'")
    with pytest.raises(SettingError, match=rf"no setting {name}\. Did you mean {nearest}\?") as told:
        read_settings()
    assert "s3cr3t" not in str(told.value)


def test_variables_of_other_programs_are_none_of_our_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_OF_ANOTHER_BOT", "x")
    monkeypatch.setenv("WEB_PORT", "x")
    assert read_settings() == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MENTEE_WEB_PORT", "http"),
        ("MENTEE_WEB_PORT", "70000"),
        ("SLACK_HTTP_PORT", "70000"),
        ("SLACK_MODE", "carrier pigeon"),
        ("MENTEE_KNOWN_FROM", "0.1"),
        ("MENTEE_LOG_LEVEL", "loud"),
        ("MENTEE_TRAINING_EPOCHS", "0"),
    ],
)
def test_an_unusable_value_is_told_with_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=f"{name} is '{value}': .*See .env.example"):
        read_settings()


@pytest.mark.parametrize(
    "name", ["slack_bot_token", "slack_signing_secret", "discord_token", "web_password", "database_url"]
)
def test_the_value_of_a_secret_is_never_told(name: str) -> None:
    write(toml=f"{name} = ['hunter2']")
    with pytest.raises(SettingError, match=f"{variable(name)}: ") as told:
        read_settings()
    assert "hunter2" not in str(told.value)


def test_a_secret_is_not_in_what_the_settings_print(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "DISCORD_TOKEN", "MENTEE_WEB_PASSWORD"):
        monkeypatch.setenv(name, "hunter2")
    assert "hunter2" not in repr(read_settings())


def test_two_mistakes_are_told_at_once() -> None:
    write(toml="web_port = 'x'\ntraining_epochs = 'y'")
    with pytest.raises(SettingError) as told:
        read_settings()
    assert "MENTEE_WEB_PORT is 'x'" in str(told.value)
    assert "MENTEE_TRAINING_EPOCHS is 'y'" in str(told.value)


def test_a_file_that_is_no_toml_is_told() -> None:
    write(toml="web_port is 8080")
    with pytest.raises(SettingError, match=r"mentee\.toml or \.env can't be read"):
        read_settings()


def test_names_are_separated_by_commas_or_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    write(toml="agents = ['U1', 'U2']")
    monkeypatch.setenv("MENTEE_ADMINS", " U3, S12345678,, ")
    settings = read_settings()
    assert settings.agents == {"U1", "U2"}
    assert settings.admins == {"U3", "S12345678"}


def test_the_page_lets_its_visitor_choose_a_role() -> None:
    staff = Settings(agents=frozenset({"U1"})).policy().staff
    page = [Person(Platform.WEB, "p", groups=frozenset({f"web:{role}"})) for role in ("customer", "agent", "admin")]
    assert [staff.role_of(person) for person in page] == [Role.CUSTOMER, Role.AGENT, Role.ADMIN]
    assert staff.role_of(Person(Platform.SLACK, "U1")) is Role.AGENT


def test_the_example_lists_every_setting_and_no_other() -> None:
    shown = [name for name, _ in SHOWN.findall(EXAMPLE.read_text())]
    assert sorted(shown) == sorted(map(variable, Settings.model_fields))


def test_the_examples_values_are_the_defaults() -> None:
    shown = dict(SHOWN.findall(EXAMPLE.read_text()))
    write(env_file="\n".join(f"{name}={value}" for name, value in shown.items()))
    assert read_settings() == Settings()
    left_empty = [field for field in Settings.model_fields if not shown[variable(field)]]
    assert [field for field in left_empty if Settings.model_fields[field].default] == []


def test_folders_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.setenv("MENTEE_CACHE_DIR", "models")
    settings = read_settings()
    assert settings.data_dir == folder / "home" / ".local" / "share" / "mentee"
    assert settings.cache_dir == folder / "models"
    assert settings.adapters_dir == settings.data_dir / "adapters"
    assert settings.database == f"sqlite:///{settings.data_dir}/mentee.db"


def test_a_database_elsewhere_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_DATABASE_URL", "postgresql+psycopg://u:p@db/mentee")
    assert read_settings().database == "postgresql+psycopg://u:p@db/mentee"


def test_no_history_is_read_that_outlives_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_KEEP_MESSAGES_DAYS", "1")
    with pytest.raises(SettingError, match=r"MENTEE_HISTORY_HOURS is 24.*MENTEE_KEEP_MESSAGES_DAYS=1"):
        read_settings()
    monkeypatch.setenv("MENTEE_HISTORY_HOURS", "23")
    assert read_settings().policy().look_back == timedelta(hours=23)


def test_an_emoji_marks_replies_only_if_the_operator_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().policy().marks == frozenset()
    monkeypatch.setenv("MENTEE_RIGHT_REPLY_EMOJI", ":dart:, 🎯, \u2b50\ufe0f")
    policy = read_settings().policy()
    assert policy.marks == {"dart", "🎯", "\u2b50"}
    assert policy.emoji["✅"] is Gesture.APPROVE
    monkeypatch.setenv("MENTEE_RIGHT_REPLY_EMOJI", "white_check_mark")
    with pytest.raises(SettingError, match="MENTEE_RIGHT_REPLY_EMOJI names white_check_mark"):
        read_settings().policy()


def test_where_agents_see_direct_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_AGENTS_CHANNEL", "C01AGENTS")
    monkeypatch.setenv("DISCORD_AGENTS_CHANNEL", "https://discord.com/channels/700000000000000001/700000000000000002")
    policy = read_settings().policy()
    asked = Place(Platform.SLACK, "T1", "D1", is_direct=True)
    assert policy.agents_channel(asked) == Place(Platform.SLACK, "T1", "C01AGENTS")
    assert policy.agents_channel(Place(Platform.SLACK, "T1", "C1")) is None
    direct = Place(Platform.DISCORD, "@me", "5", is_direct=True)
    assert policy.agents_channel(direct) == Place(Platform.DISCORD, "700000000000000001", "700000000000000002")


def test_each_slack_workspace_has_an_agents_channel_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WORKSPACES", "T01ONE,T02TWO,T03NONE")
    monkeypatch.setenv("SLACK_AGENTS_CHANNEL", "T01ONE=C01AGENTS, T02TWO=G02AGENTS")
    policy = read_settings().policy()
    asked = [Place(Platform.SLACK, team, "D1", is_direct=True) for team in ("T01ONE", "T02TWO", "T03NONE")]
    shown = [policy.agents_channel(place) for place in asked]
    one, two = Place(Platform.SLACK, "T01ONE", "C01AGENTS"), Place(Platform.SLACK, "T02TWO", "G02AGENTS")
    assert shown == [one, two, None]
    assert policy.is_among_agents(one)
    assert not policy.is_among_agents(Place(Platform.SLACK, "T03NONE", "C01AGENTS"))


def test_a_channels_product_is_one_of_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_PRODUCTS", "Grove")
    monkeypatch.setenv("MENTEE_CHANNEL_PRODUCTS", "C01GROVE=Grove, C02ORCHARD = Orchard")
    policy = read_settings().policy()
    places = [Place(Platform.SLACK, "T1", channel) for channel in ("C01GROVE", "C02ORCHARD", "C03ANY")]
    assert [policy.product_of(place) for place in places] == ["Grove", "Orchard", ""]
    assert policy.products == {"Grove", "Orchard"}


@pytest.mark.parametrize("value", ["C01GROVE", "C01GROVE=", "=Grove", "C01GROVE=Grove,C01GROVE=Orchard"])
def test_a_channel_without_one_product_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MENTEE_CHANNEL_PRODUCTS", value)
    with pytest.raises(SettingError, match=r"MENTEE_CHANNEL_PRODUCTS is '.*a product for each channel's id"):
        read_settings().policy()


@pytest.mark.parametrize("value", ["C01AGENTS", "T01ONE=C01AGENTS,C02AGENTS", "T09OTHER=C01AGENTS"])
def test_one_channel_for_several_workspaces_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SLACK_WORKSPACES", "T01ONE,T02TWO")
    monkeypatch.setenv("SLACK_AGENTS_CHANNEL", value)
    with pytest.raises(SettingError, match="a channel for each"):
        read_settings().policy()


@pytest.mark.parametrize(("name", "value"), [("SLACK_AGENTS_CHANNEL", "#agents"), ("DISCORD_AGENTS_CHANNEL", "12")])
def test_a_channel_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=name):
        read_settings().policy()
