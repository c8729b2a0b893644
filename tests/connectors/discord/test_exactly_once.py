"""What is said once, however often the line breaks. Against a Discord of our own: simcord has no lines to break."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.errors import DeliveryFailed
from bot.events import Place
from bot.outgoing import Notice
from bot.people import Platform
from bot.texts import ENGLISH
from connectors.discord.config import DiscordConfig, use_addresses
from connectors.discord.connector import DiscordConnector
from tests.connectors.discord.loopback import TOKEN, LoopbackDiscord
from tests.connectors.exactly_once import counted, deliver
from tests.house import House, open_house

SERVER = "800000000000000001"


@asynccontextmanager
async def house_on(peer: LoopbackDiscord, folder: Path) -> AsyncIterator[House]:
    """Logged in for sending; nothing is received here."""
    config = DiscordConfig(token=TOKEN, api_url=peer.api_url, gateway_url=peer.gateway_url)
    async with open_house(folder, lambda desk: [DiscordConnector(config, desk, ENGLISH)]) as house:
        connector = house.bot.connectors[Platform.DISCORD]
        assert isinstance(connector, DiscordConnector)
        try:
            async with connector.client:
                await connector.client.login(TOKEN)
                connector.client.is_ready = lambda: True  # type: ignore[method-assign]
                yield house
        finally:
            use_addresses(DiscordConfig(token="unused"))


def notices(count: int) -> list[Notice]:
    first = 900_000_000_000_000_000
    return [Notice(place=Place(Platform.DISCORD, SERVER, str(first + i)), text=f"Message {i}.") for i in range(count)]


async def resets(folder: Path, count: int) -> tuple[int, int, int]:
    async with LoopbackDiscord().serving() as peer, house_on(peer, folder) as house:
        peer.breaks = count
        outgoing = notices(count)
        await deliver(house, outgoing)
        return peer.resets, *counted((message["content"] for message in peer.messages), outgoing)


async def test_a_line_that_breaks_after_a_message_was_taken_brings_no_second_one(tmp_path: Path) -> None:
    assert await resets(tmp_path, 5) == (5, 0, 0)


@pytest.mark.slow
async def test_a_thousand_resets_after_accept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken, double, missing = await resets(tmp_path, 1_000)
    with capsys.disabled():
        print(f"\n{broken} connections reset after accept: {double} double posts, {missing} missing")
    assert (broken, double, missing) == (1_000, 0, 0)


async def test_what_a_dead_process_has_sent_is_not_sent_again_hours_later(tmp_path: Path) -> None:
    """The process dies between Discord's taking it and the note that it did; by then the nonce is forgotten."""
    twice = [Notice(place=notices(1)[0].place, text="Said twice.") for _ in range(2)]
    async with LoopbackDiscord().serving() as peer:
        async with house_on(peer, tmp_path) as first:
            await first.bot.connectors[Platform.DISCORD].deliver(twice[0])
        peer.nonces.clear()
        async with house_on(peer, tmp_path) as second:
            await deliver(second, twice)
        assert [message["content"] for message in peer.messages] == ["Said twice."] * 2


async def test_a_long_wait_that_discord_asks_for_is_the_outboxs(tmp_path: Path) -> None:
    """The library would sleep in the call, and everything else that is to be delivered with it."""
    async with LoopbackDiscord(asks_to_wait_s=3_600.0).serving() as peer, house_on(peer, tmp_path) as house:
        with pytest.raises(DeliveryFailed) as problem:
            async with asyncio.timeout(20):
                await house.bot.connectors[Platform.DISCORD].deliver(notices(1)[0])
        assert problem.value.retry_after_s == 3_600.0
