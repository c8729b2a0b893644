"""Which platforms the bot is on, from the settings: the page always, Slack and Discord when their tokens are set."""

import re
from collections.abc import Iterator

from bot.desk import Desk
from bot.ports import Connector
from bot.texts import ENGLISH
from deploy.settings import Settings

SLACK_GROUP = re.compile(r"S[A-Z0-9]{8,}")


def make_connectors(settings: Settings, desk: Desk) -> Iterator[Connector]:
    """Raises SettingError for a connection whose settings can't work."""
    yield _page(settings, desk)
    if settings.slack_bot_token is not None:
        yield _slack(settings, desk, settings.slack_bot_token.get_secret_value())
    if settings.discord_token is not None:
        yield _discord(settings, desk, settings.discord_token.get_secret_value())


def _page(settings: Settings, desk: Desk) -> Connector:
    from connectors.web.config import WebConfig
    from connectors.web.connector import WebConnector

    password = settings.web_password.get_secret_value() if settings.web_password else None
    return WebConnector(WebConfig(host=settings.web_host, port=settings.web_port, password=password), desk, ENGLISH)


def _slack(settings: Settings, desk: Desk, bot_token: str) -> Connector:
    from connectors.slack.config import SlackConfig
    from connectors.slack.connector import SlackConnector

    app_token, signing_secret = settings.slack_app_token, settings.slack_signing_secret
    config = SlackConfig(
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
    return SlackConnector(config, desk, ENGLISH)


def _discord(settings: Settings, desk: Desk, token: str) -> Connector:
    from connectors.discord.config import DiscordConfig
    from connectors.discord.connector import DiscordConnector

    config = DiscordConfig(
        token=token,
        api_url=settings.discord_api_url,
        gateway_url=settings.discord_gateway_url,
        message_content=settings.discord_message_content,
        agents_mention=settings.discord_agents_mention,
        dev_guild=settings.discord_dev_guild,
    )
    return DiscordConnector(config, desk, ENGLISH)
