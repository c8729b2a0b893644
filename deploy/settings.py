"""All settings, read in one place: `mentee.toml` < `.env` < environment. Nothing else reads the environment.

Names: the environment says `MENTEE_DATA_DIR`, the TOML file `data_dir`; Slack's and Discord's are the same in both but
for case (`SLACK_BOT_TOKEN`, `slack_bot_token`). `.env.example` lists and explains every one.
"""

import difflib
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from bot.access import Staff
from bot.errors import SettingError
from bot.feedback import DEFAULT_EMOJI, Gesture
from bot.opening_hours import parse_opening_hours
from bot.policy import Policy
from bot.retention import Retention
from deploy.channels import channel_products, discord_agents_channel, slack_agents_channels
from deploy.own_texts import read_style
from learning.recipe import Method
from storage.encryption import check_key, read_key

PREFIX = "MENTEE_"
SECRET_PARTS = ("token", "secret", "password", "api_key", "database_url", "database_key")
"""Of the names of settings whose value is never shown."""
ENV_FILE = ".env"
TOML_FILE = "mentee.toml"

Names = Annotated[frozenset[str], NoDecode]
"""Ids, separated by commas."""


def _plain(name: str) -> AliasChoices:
    """A setting whose environment variable has no MENTEE_ before it."""
    return AliasChoices(name)


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, toml_file=TOML_FILE, extra="forbid", env_ignore_empty=True, frozen=True
    )

    # where things lie
    data_dir: Path = Path("~/.local/share/mentee")
    cache_dir: Path = Path("~/.cache/mentee")
    database_url: str | None = None
    database_key: SecretStr | None = None
    database_key_file: Path | None = None
    backup_keys: Path | None = None

    # models
    base_model: str = "bundled:smollm2-135m"
    engine: str = "transformers"
    engine_api_key: SecretStr | None = None

    # people and channels
    agents: Names = frozenset()
    admins: Names = frozenset()
    workspace_admins_are_admins: bool = True
    workspaces_share: bool | None = None
    support_channels: Names = frozenset()
    history_hours: int = Field(24, ge=0)

    asks_a_minute: int = Field(20, ge=0)
    products: Names = frozenset()
    channel_products: Names = frozenset()
    profiles: str | None = None

    # words
    texts_file: Path | None = None
    style_file: Path | None = None

    # hand-offs
    handoff_remind_minutes: int = Field(30, ge=0)
    opening_hours: str = ""

    # knowledge
    ingest_hosts: Names = frozenset()
    watch: Names = frozenset()

    # privacy
    redact: bool = True
    redact_unknown_names: bool = False
    keep_messages_days: int = Field(90, ge=0)
    keep_answers_days: int = Field(365, ge=0)
    keep_withdrawn_days: int = Field(90, ge=0)

    # answering
    known_from: float = Field(0.9, ge=0.5, le=1.0)
    clarify_from: float = Field(0.5, ge=0.0, le=1.0)
    offer_from: float = Field(0.1, ge=0.0, le=1.0)
    grounded_from: float = Field(0.45, ge=0.0, le=1.0)
    covered_from: float = Field(0.5, ge=0.0, le=1.0)
    clear_by: float = Field(0.05, ge=0.0, le=1.0)
    supported_from: float = Field(0.8, ge=0.0, le=1.0)

    # teaching
    trust_from: float = Field(0.5, ge=0.0, le=0.6)
    lessons_an_hour: int = Field(30, ge=0)
    amend_days: int = Field(7, ge=0)
    right_reply_emoji: Names = frozenset()

    # training
    retrain_schedule: str = ""
    retrain_after_lessons: int = Field(25, ge=0)
    training_epochs: int = Field(3, ge=1, le=50)
    training_method: Method = "sft"
    training_precision: Literal["auto", "fp32", "bf16", "4bit"] = "auto"
    training_memory_mb: int = Field(8_000, ge=500)
    training_threads: int = Field(0, ge=0)
    training_minutes: int = Field(0, ge=0)
    receipts: Literal["threads", "summary"] = "threads"
    canary_share: float = Field(0.1, ge=0.0, le=0.5)
    canary_hours: int = Field(24, ge=1)

    # the page
    web_host: str = "127.0.0.1"
    web_port: int = Field(8080, ge=1, le=65_535)
    web_password: SecretStr | None = None
    web_url: str = ""

    # Slack
    slack_bot_token: SecretStr | None = Field(None, validation_alias=_plain("slack_bot_token"))
    slack_app_token: SecretStr | None = Field(None, validation_alias=_plain("slack_app_token"))
    slack_client_id: str | None = Field(None, validation_alias=_plain("slack_client_id"))
    slack_client_secret: SecretStr | None = Field(None, validation_alias=_plain("slack_client_secret"))
    slack_workspaces: Names = Field(frozenset(), validation_alias=_plain("slack_workspaces"))
    slack_signing_secret: SecretStr | None = Field(None, validation_alias=_plain("slack_signing_secret"))
    slack_mode: Literal["socket", "http"] = Field("socket", validation_alias=_plain("slack_mode"))
    slack_http_host: str = Field("127.0.0.1", validation_alias=_plain("slack_http_host"))
    slack_http_port: int = Field(3000, ge=1, le=65_535, validation_alias=_plain("slack_http_port"))
    slack_api_url: str = Field("https://slack.com/api/", validation_alias=_plain("slack_api_url"))
    slack_agents_mention: str | None = Field(None, validation_alias=_plain("slack_agents_mention"))
    slack_agents_channel: str | None = Field(None, validation_alias=_plain("slack_agents_channel"))

    # Discord
    discord_token: SecretStr | None = Field(None, validation_alias=_plain("discord_token"))
    discord_message_content: bool = Field(True, validation_alias=_plain("discord_message_content"))
    discord_agents_mention: str | None = Field(None, validation_alias=_plain("discord_agents_mention"))
    discord_shards: int = Field(0, ge=0, validation_alias=_plain("discord_shards"))
    discord_servers: Names = Field(frozenset(), validation_alias=_plain("discord_servers"))
    discord_agents_channel: str | None = Field(None, validation_alias=_plain("discord_agents_channel"))
    discord_dev_guild: str | None = Field(None, validation_alias=_plain("discord_dev_guild"))
    discord_api_url: str | None = Field(None, validation_alias=_plain("discord_api_url"))
    discord_gateway_url: str | None = Field(None, validation_alias=_plain("discord_gateway_url"))

    # logs
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_json: bool = False

    @field_validator(
        "agents", "admins", "support_channels", "slack_workspaces", "discord_servers", "ingest_hosts", "watch",
        "products", "channel_products", "right_reply_emoji", mode="before",
    )  # fmt: skip
    @classmethod
    def _split_names(cls, value: object) -> object:
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @field_validator("data_dir", "cache_dir")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="after")
    def _keep_what_is_looked_back_at(self) -> Self:
        """An event that is kept no longer is taken for one that was missed, and would take effect again."""
        if self.keep_messages_days and self.history_hours >= 24 * self.keep_messages_days:
            raise SettingError(
                f"MENTEE_HISTORY_HOURS is {self.history_hours}, but messages are kept for MENTEE_KEEP_MESSAGES_DAYS="
                f"{self.keep_messages_days} days. It must be less than that."
            )
        return self

    @property
    def database(self) -> str:
        """SQLAlchemy's URL of the database."""
        return self.database_url or f"sqlite:///{self.data_dir / 'mentee.db'}"

    @property
    def key(self) -> str | None:
        """The database's; None for one that isn't encrypted. Raises SettingError."""
        if self.database_key is not None and self.database_key_file is not None:
            raise SettingError("Set MENTEE_DATABASE_KEY or MENTEE_DATABASE_KEY_FILE, not both.")
        if self.database_key_file is not None:
            return read_key(self.database_key_file)
        return check_key(self.database_key.get_secret_value()) if self.database_key is not None else None

    @property
    def backup_keys_dir(self) -> Path:
        return self.backup_keys or self.data_dir / "backup-keys"

    @property
    def adapters_dir(self) -> Path:
        return self.data_dir / "adapters"

    def retention(self) -> Retention:
        return Retention(
            messages_days=self.keep_messages_days,
            answers_days=self.keep_answers_days,
            withdrawn_days=self.keep_withdrawn_days,
        )

    @property
    def separate(self) -> bool:
        """Whether workspaces know only what was taught there: unless said otherwise, where several are named."""
        if self.workspaces_share is not None:
            return not self.workspaces_share
        return len(self.slack_workspaces) > 1 or len(self.discord_servers) > 1

    def policy(self) -> Policy:
        """What the core needs to know of the settings. Whoever reaches the page may choose a role there."""
        staff = Staff(
            agents=self.agents | {"web:agent"},
            admins=self.admins | {"web:admin"},
            workspace_admins_are_admins=self.workspace_admins_are_admins,
            separate=self.separate,
        )
        in_channels = channel_products(self.channel_products)
        return Policy(
            staff=staff,
            separate=self.separate,
            support_channels=self.support_channels,
            products=self.products.union(in_channels.values()),
            channel_products=in_channels,
            style=read_style(self.style_file),
            agents_channels={
                **slack_agents_channels(self.slack_agents_channel, self.slack_workspaces),
                **discord_agents_channel(self.discord_agents_channel),
            },
            look_back=timedelta(hours=self.history_hours),
            remind_after=timedelta(minutes=self.handoff_remind_minutes),
            asks_a_minute=self.asks_a_minute,
            page_url=self.web_url,
            opening_hours=parse_opening_hours(self.opening_hours),
            known_from=self.known_from,
            clarify_from=self.clarify_from,
            offer_from=self.offer_from,
            grounded_from=self.grounded_from,
            covered_from=self.covered_from,
            clear_by=self.clear_by,
            supported_from=self.supported_from,
            trust_from=self.trust_from,
            lessons_an_hour=self.lessons_an_hour,
            canary_share=self.canary_share,
            canary_for=timedelta(hours=self.canary_hours),
            amend_within=timedelta(days=self.amend_days),
            emoji=emoji_with(self.right_reply_emoji),
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The first source that knows a setting wins."""
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)


def emoji_with(marks: frozenset[str]) -> Mapping[str, Gesture]:
    """What emoji mean, those that mark a reply included. Raises SettingError for one that means something else."""
    named = {mark.strip(":").replace("\ufe0f", "") for mark in marks}
    if taken := sorted(named & DEFAULT_EMOJI.keys()):
        raise SettingError(f"MENTEE_RIGHT_REPLY_EMOJI names {', '.join(taken)}, which rates or corrects an answer.")
    return {**DEFAULT_EMOJI, **dict.fromkeys(named, Gesture.MARK)}


def read_settings() -> Settings:
    """Read them. Raises SettingError that names the setting and the remedy."""
    try:
        _refuse_unknown_variables()
        return Settings()
    except ValidationError as problem:
        raise SettingError("\n".join(_explain(error) for error in problem.errors())) from problem
    except (SettingsError, ValueError) as problem:  # the TOML or .env file can't be parsed
        raise SettingError(f"{TOML_FILE} or {ENV_FILE} can't be read: {problem}") from problem


def variable(field: str) -> str:
    """The environment variable of a setting."""
    has_own_name = Settings.model_fields[field].validation_alias is not None
    return field.upper() if has_own_name else f"{PREFIX}{field.upper()}"


def _refuse_unknown_variables() -> None:
    """The environment belongs to other programs too, .env to this one alone."""
    ours = [name for name in os.environ if name.upper().startswith(PREFIX)]
    known = {variable(field) for field in Settings.model_fields}
    for name in (*ours, *dotenv_values(ENV_FILE)):
        if name.upper() not in known:
            raise SettingError(_unknown(name, name.upper(), known))


def _explain(error: ErrorDetails) -> str:
    name = str(error["loc"][0]) if error["loc"] else "?"
    if error["type"] == "extra_forbidden":
        return _unknown(name, name.lower().removeprefix(PREFIX.lower()), set(Settings.model_fields))
    field = name if name in Settings.model_fields else name.lower()
    shown = variable(field) if field in Settings.model_fields else name
    value = "" if any(part in name for part in SECRET_PARTS) else f" is {error['input']!r}"
    return f"{shown}{value}: {error['msg']}. See .env.example."


def _unknown(name: str, meant: str, known: set[str]) -> str:
    close = difflib.get_close_matches(meant, known, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"There is no setting {name}.{hint} .env.example lists all of them."
