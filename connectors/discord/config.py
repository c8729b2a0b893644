"""What the operator sets for Discord, checked before anything connects. Knows nothing of where settings come from."""

import re
from dataclasses import dataclass, field

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.errors import SettingError

_SNOWFLAKE = re.compile(r"[0-9]{15,20}")
DEFAULT_API_URL = Route.BASE
DEFAULT_GATEWAY_URL = str(DiscordWebSocket.DEFAULT_GATEWAY)


@dataclass(frozen=True, kw_only=True)
class DiscordConfig:
    """Raises SettingError, naming the setting and what to do about it."""

    token: str = field(repr=False)
    api_url: str | None = None
    """Base of the REST API; None: Discord's own."""
    gateway_url: str | None = None
    """None: Discord's own."""
    message_content: bool = True
    """Whether the privileged intent is asked for. Off, the bot reads mentions, replies and direct messages alone."""
    agents_mention: str | None = None
    """Id of the role that a hand-off calls."""
    shards: int | None = None
    """How many connections share the servers; None: as many as Discord recommends, which is one for a few servers."""
    servers: frozenset[str] = frozenset()
    """Ids of the servers whose roles and rights count; none: the one that the bot joined first."""
    dev_guild: str | None = None
    """Id of the one server that gets the commands, at once; None: all servers."""

    def __post_init__(self) -> None:
        if not self.token:
            raise SettingError(
                "DISCORD_TOKEN is missing. Copy it from your application's page at discord.com/developers: Bot › Token."
            )
        if not self.token.isascii() or any(char.isspace() for char in self.token):
            raise SettingError(
                "DISCORD_TOKEN holds blanks or foreign characters. Set the bare token, without `Bot ` before it."
            )
        _check_address("DISCORD_API_URL", self.api_url, ("https://", "http://"), DEFAULT_API_URL)
        _check_address("DISCORD_GATEWAY_URL", self.gateway_url, ("wss://", "ws://"), DEFAULT_GATEWAY_URL)
        _check_id("DISCORD_AGENTS_MENTION", self.agents_mention, "role")
        _check_id("DISCORD_DEV_GUILD", self.dev_guild, "server")
        for server in sorted(self.servers):
            _check_id("DISCORD_SERVERS", server, "server")


def use_addresses(config: DiscordConfig) -> None:
    """Point discord.py at the configured addresses.

    The library keeps both on classes and takes neither as an argument, so the last client made decides for the
    process; there is one Discord client in a process.
    """
    Route.BASE = (config.api_url or DEFAULT_API_URL).rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(config.gateway_url or DEFAULT_GATEWAY_URL)


def setting_error(problem: discord.LoginFailure | discord.PrivilegedIntentsRequired) -> SettingError:
    """What Discord refused, and what the operator does about it. Holds nothing that the library says."""
    if isinstance(problem, discord.LoginFailure):
        return SettingError(
            "Discord refuses DISCORD_TOKEN. Make a new one on your application's page at discord.com/developers "
            "(Bot › Reset Token) and set it."
        )
    return SettingError(
        "Discord refuses DISCORD_MESSAGE_CONTENT=true: the application lacks the Message Content intent. Switch it on "
        "at discord.com/developers (Bot › Privileged Gateway Intents), or set DISCORD_MESSAGE_CONTENT=false; the bot "
        "then reads mentions, replies to it and direct messages alone."
    )


def _check_address(setting: str, value: str | None, schemes: tuple[str, ...], example: str) -> None:
    if value is not None and not value.startswith(schemes):
        raise SettingError(f"{setting} is {value!r}. It must be an address, as {example}.")


def _check_id(setting: str, value: str | None, what: str) -> None:
    if value is not None and not _SNOWFLAKE.fullmatch(value):
        raise SettingError(
            f"{setting} is {value!r}. It takes the {what}'s id, a long number: switch on Discord's developer mode "
            f"(Settings › Advanced), then right-click the {what} › Copy ID."
        )
