"""Which platforms the bot is on, from the settings: the page always, Slack and Discord when their tokens are set."""

import asyncio
import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bot.desk import Desk
from bot.errors import SettingError
from bot.ports import Connector
from deploy import metrics
from deploy.own_texts import read_texts
from deploy.settings import Settings

if TYPE_CHECKING:
    from connectors.discord.config import DiscordConfig
    from connectors.slack.config import SlackConfig
    from connectors.web.config import WebConfig

READY_WITHIN_S = 2.0
SLACK_GROUP = re.compile(r"S[A-Z0-9]{8,}")


def make_connectors(settings: Settings, desk: Desk) -> Iterator[Connector]:
    """Raises SettingError for a connection whose settings can't work."""
    from connectors.web.connector import WebConnector
    from connectors.web.signs import Signs

    signs = Signs(partial(problem_of, desk), partial(metrics.exposition, desk.store, desk.clock))
    texts = read_texts(settings.texts_file)
    yield WebConnector(page_config(settings), desk, texts, signs)
    if has_slack(settings):
        from connectors.slack.connector import SlackConnector

        yield SlackConnector(slack_config(settings), desk, texts)
    if settings.discord_token is not None:
        from connectors.discord.connector import DiscordConnector

        yield DiscordConnector(discord_config(settings, settings.discord_token.get_secret_value()), desk, texts)


async def problem_of(desk: Desk) -> str:
    """Why the bot can't answer now; empty when it can. The models are loaded before the page opens."""
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            await desk.store.run(lambda unit: unit.revision())
    except TimeoutError:
        return f"The database has not answered for {READY_WITHIN_S:.0f} s: another program may be holding it."
    except Exception as problem:
        metrics.failed(problem)
        return f"The database can't be used ({type(problem).__name__}). See the log, and `mentee doctor`."
    return ""


def page_config(settings: Settings) -> "WebConfig":
    """Raises SettingError."""
    from connectors.web.config import WebConfig

    password = settings.web_password.get_secret_value() if settings.web_password else None
    if settings.web_url and not password and not has_slack(settings) and settings.discord_token is None:
        raise SettingError(
            "MENTEE_WEB_URL is set, so that people sign in to the page by links from a chat, but no chat is connected: "
            "set MENTEE_WEB_PASSWORD too, or connect Slack or Discord."
        )
    return WebConfig(host=settings.web_host, port=settings.web_port, password=password, url=settings.web_url)


def has_slack(settings: Settings) -> bool:
    return settings.slack_bot_token is not None or settings.slack_client_id is not None


def slack_config(settings: Settings) -> "SlackConfig":
    """Raises SettingError."""
    from connectors.slack.config import SlackConfig

    return SlackConfig(
        bot_token=_said(settings.slack_bot_token),
        app_token=_said(settings.slack_app_token),
        signing_secret=_said(settings.slack_signing_secret),
        client_id=settings.slack_client_id,
        client_secret=_said(settings.slack_client_secret),
        workspaces=tuple(sorted(settings.slack_workspaces)),
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
        shards=settings.discord_shards or None,
        servers=settings.discord_servers,
        dev_guild=settings.discord_dev_guild,
    )


def _said(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
