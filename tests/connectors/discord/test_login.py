"""The login, over real HTTP and WebSocket on loopback: which addresses are used, and what a refusal tells."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.errors import OperatorError, SettingError
from bot.texts import ENGLISH
from connectors.discord.config import DiscordConfig, use_addresses
from connectors.discord.connector import DiscordConnector
from tests.connectors.discord.loopback import TOKEN, LoopbackDiscord
from tests.tasks import end

DEADLINE_S = 20.0
SERVER = "800000000000000001"


@pytest.fixture(autouse=True)
def _addresses_of_discord_afterwards() -> Any:
    yield
    use_addresses(DiscordConfig(token="unused"))


def connector_for(peer: LoopbackDiscord, **settings: Any) -> DiscordConnector:
    config = DiscordConfig(**({"token": TOKEN, "api_url": peer.api_url, "gateway_url": peer.gateway_url} | settings))
    return DiscordConnector(config, None, ENGLISH)  # type: ignore[arg-type]  # nothing happens that needs a desk


@asynccontextmanager
async def welcomed(connector: DiscordConnector, peer: LoopbackDiscord) -> AsyncIterator[None]:
    """Logged in and welcomed by the gateway, and afterwards cancelled."""
    peer.identified.clear()
    running = asyncio.create_task(connector.run())
    welcome = asyncio.create_task(peer.identified.wait())
    try:
        await asyncio.wait((running, welcome), timeout=DEADLINE_S, return_when=asyncio.FIRST_COMPLETED)
        assert peer.identified.is_set()
        yield
    finally:
        welcome.cancel()
        await end(running)


async def test_it_logs_in_at_the_given_addresses_and_closes_when_cancelled() -> None:
    async with LoopbackDiscord().serving() as peer:
        connector = connector_for(peer)

        async with welcomed(connector, peer):
            assert not connector.client.is_closed()

        assert connector.client.is_closed()


async def test_as_many_connections_as_discord_recommends_share_the_servers() -> None:
    async with LoopbackDiscord(shards=2).serving() as peer:
        connector = connector_for(peer)
        async with welcomed(connector, peer):
            await asyncio.wait_for(_both(peer), DEADLINE_S)
        assert sorted(peer.shards_seen) == [(0, 2), (1, 2)]


async def _both(peer: LoopbackDiscord) -> None:
    while len(peer.shards_seen) < 2:  # noqa: ASYNC110  # the peer has no event for it
        await asyncio.sleep(0.01)


async def test_the_operator_may_say_how_many() -> None:
    async with LoopbackDiscord(shards=2).serving() as peer, welcomed(connector_for(peer, shards=1), peer):
        assert peer.shards_seen == [(0, 1)]


async def test_a_connector_that_stopped_can_be_run_again() -> None:
    async with LoopbackDiscord().serving() as peer:
        connector = connector_for(peer)
        for _ in range(2):
            async with welcomed(connector, peer):
                assert not connector.client.is_closed()


async def test_commands_are_told_to_discord_only_when_they_changed() -> None:
    async with LoopbackDiscord().serving() as peer:
        for _ in range(2):
            async with welcomed(connector_for(peer), peer):
                assert peer.commands_put == ["everywhere"]
        assert [command["name"] for command in peer.commands] == [
                "mentee", ENGLISH.offer_button, ENGLISH.right_answer_menu, ENGLISH.why_menu,
            ]  # fmt: skip

        peer.commands[0]["options"].pop()
        async with welcomed(connector_for(peer), peer):
            assert len(peer.commands_put) == 2


async def test_commands_can_be_told_to_one_server_alone() -> None:
    async with LoopbackDiscord().serving() as peer:
        connector = connector_for(peer, dev_guild=SERVER)
        async with welcomed(connector, peer):
            assert peer.commands_put == [SERVER]


async def test_a_server_that_the_bot_is_not_on_is_a_setting_error() -> None:
    async with LoopbackDiscord(is_on_server=False).serving() as peer:
        with pytest.raises(SettingError, match=f"DISCORD_DEV_GUILD is '{SERVER}'"):
            await connector_for(peer, dev_guild=SERVER).run()


async def test_a_wrong_token_is_a_setting_error_that_keeps_the_token_to_itself() -> None:
    async with LoopbackDiscord().serving() as peer:
        with pytest.raises(SettingError, match=r"DISCORD_TOKEN.*Reset Token") as refusal:
            await connector_for(peer, token="wrong.token.value").run()

    assert "wrong.token.value" not in str(refusal.value)


async def test_a_missing_intent_is_a_setting_error_with_both_ways_out() -> None:
    async with LoopbackDiscord(grants_message_content=False).serving() as peer:
        with pytest.raises(SettingError, match=r"DISCORD_MESSAGE_CONTENT=true.*DISCORD_MESSAGE_CONTENT=false"):
            await connector_for(peer).run()


async def test_without_the_privileged_intent_it_needs_no_grant() -> None:
    async with LoopbackDiscord(grants_message_content=False).serving() as peer:
        connector = connector_for(peer, message_content=False)
        async with welcomed(connector, peer):
            assert not connector.client.is_closed()


async def test_an_address_where_nobody_answers_is_named() -> None:
    async with LoopbackDiscord().serving() as peer:
        address = peer.api_url

    with pytest.raises(OperatorError, match="DISCORD_API_URL") as problem:
        await connector_for(peer).run()

    assert address in str(problem.value)
