"""Which platforms the bot is on, from the settings: the page always, Slack and Discord when their tokens are set."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bot.desk import Desk
from bot.ports import Connector
from deploy.own_texts import read_texts
from deploy.settings import Settings

if TYPE_CHECKING:
    from connectors.discord.config import DiscordConfig
    from connectors.slack.config import SlackConfig
    from connectors.web.config import WebConfig

SLACK_GROUP = re.compile(r"S[A-Z0-9]{8,}")


def make_connectors(settings: Settings, desk: Desk) -> Iterator[Connector]:
    """Raises SettingError for a connection whose settings can't work."""
    from connectors.web.connector import WebConnector

    texts = read_texts(settings.texts_file)
    yield WebConnector(page_config(settings), desk, texts)
    if settings.slack_bot_token is not None:
        from connectors.slack.connector import SlackConnector

        yield SlackConnector(slack_config(settings, settings.slack_bot_token.get_secret_value()), desk, texts)
    if settings.discord_token is not None:
        from connectors.discord.connector import DiscordConnector

        yield DiscordConnector(discord_config(settings, settings.discord_token.get_secret_value()), desk, texts)


def page_config(settings: Settings) -> "WebConfig":
    """Raises SettingError."""
    from connectors.web.config import WebConfig

    password = settings.web_password.get_secret_value() if settings.web_password else None
    return WebConfig(host=settings.web_host, port=settings.web_port, password=password)


def slack_config(settings: Settings, bot_token: str) -> "SlackConfig":
    """Raises SettingError."""
    from connectors.slack.config import SlackConfig

    app_token, signing_secret = settings.slack_app_token, settings.slack_signing_secret
    return SlackConfig(
        bot_token=bot_token,
        app_token=app_token.get_secret_value() if app_token is not None else None,
        signing_secret=signing_secret.get_secret_value() if signing_secret is not None else None,
        mode=settings.slack_mode,
        api_url=settings.slack_api_url,
        http_host=settings.slack_http_host,
        http_port=settings.slack_http_port,
        agents_mention=settings.slack_agents_mention,
        staff_groups=tuple(sorted(filter(SLACK_GROUP.fullmatch, settings.agents | settings.admins))),
    )


def discord_config(settings: Settings, token: str) -> "DiscordConfig":
    """Raises SettingError."""
    from connectors.discord.config import DiscordConfig

    return DiscordConfig(
        token=token,
        api_url=settings.discord_api_url,
        gateway_url=settings.discord_gateway_url,
        message_content=settings.discord_message_content,
        agents_mention=settings.discord_agents_mention,
        dev_guild=settings.discord_dev_guild,
    )
