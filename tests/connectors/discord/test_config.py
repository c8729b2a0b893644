"""Settings are refused with their name and the remedy, and the token is never shown."""

from typing import Any

import pytest

from bot.errors import SettingError
from connectors.discord.config import DiscordConfig

GOOD: dict[str, Any] = {"token": "abc.def.ghi"}


@pytest.mark.parametrize(
    ("change", "setting", "remedy"),
    [
        ({"token": ""}, "DISCORD_TOKEN", "Copy it"),
        ({"token": "Bot abc.def"}, "DISCORD_TOKEN", "bare token"),
        ({"token": "abc\n"}, "DISCORD_TOKEN", "bare token"),
        ({"token": "äbc"}, "DISCORD_TOKEN", "bare token"),
        ({"api_url": "discord.com/api/v10"}, "DISCORD_API_URL", "as https://discord.com/api/v10"),
        ({"gateway_url": "https://gateway.discord.gg"}, "DISCORD_GATEWAY_URL", "as wss://gateway.discord.gg"),
        ({"agents_mention": "@agents"}, "DISCORD_AGENTS_MENTION", "Copy ID"),
        ({"dev_guild": "my server"}, "DISCORD_DEV_GUILD", "Copy ID"),
    ],
)
def test_a_wrong_setting_is_refused(change: dict[str, Any], setting: str, remedy: str) -> None:
    with pytest.raises(SettingError, match=setting) as refusal:
        DiscordConfig(**(GOOD | change))

    assert remedy in str(refusal.value)


def test_good_settings_are_taken_and_the_token_is_not_shown() -> None:
    config = DiscordConfig(
        **GOOD, api_url="http://127.0.0.1:9/api/v10", gateway_url="ws://127.0.0.1:9/", agents_mention="1" * 18
    )

    assert config.message_content
    assert config.token not in repr(config)
