"""Discord's gateway and REST API behind a bad network: the bot, the way, and simcord on lines that can break."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.events import MessageRef
from bot.people import Platform
from bot.texts import ENGLISH
from connectors.discord import client
from connectors.discord.config import DiscordConfig
from connectors.discord.connector import DiscordConnector
from deploy.serve import keep_up
from tests.chaos.network import Street, schedules
from tests.chaos.proxy import proxy
from tests.chaos.simcord_line import SimcordLine, serving
from tests.chaos.tally import Tally
from tests.chaos.traffic import GROUNDED, HELP
from tests.e2e.waiting import until
from tests.house import House, open_house

FORGETS_S = 1.0
"""How soon a Discord forgets a nonce for which a network was away for minutes: here troubles last for seconds."""

_port = ContextVar[int]("port")


async def network(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """`count`: how many schedules."""
    with _one_address_each():
        return await schedules("Discord", _street, folder, count, seed, mutant)


@dataclass(frozen=True)
class Server:
    discord: SimcordLine

    async def ask(self) -> None:
        self.discord.say(GROUNDED)

    def asked(self) -> list[str]:
        return self.discord.asked()

    def replies(self) -> Counter[str]:
        return self.discord.replies()

    def place(self, question: str) -> MessageRef:
        return MessageRef(Platform.DISCORD, str(self.discord.server), str(self.discord.channel), question)


@asynccontextmanager
async def _street(folder: Path, rng: random.Random) -> AsyncIterator[Street]:
    """Of the sessions that lost their socket, half can't be resumed; half of the nonces are forgotten soon."""
    folder.mkdir(parents=True)
    line = SimcordLine(forgets_sessions=rng.random() < 0.5, remembers_s=rng.choice((FORGETS_S, 300.0)))
    config = DiscordConfig(token="a.b.c")
    async with serving(line) as port, proxy(port, rng) as way:
        line.gateway_port = way.port
        _port.set(way.port)
        async with open_house(folder, lambda desk: [DiscordConnector(config, desk, ENGLISH)]) as house:
            await house.add_section(HELP.title, HELP.heading, HELP.text)
            connector = house.bot.connectors[Platform.DISCORD]
            parts = [keep_up(Platform.DISCORD, connector.run), house.bot.sweeping.run()]
            running = [asyncio.create_task(part) for part in parts]
            try:
                await until(lambda: _has_looked(house), "a first look at the history: from there on, nothing is lost")
                yield Street(Server(line), (way,), house, rng)
            finally:
                for each in running:
                    each.cancel()
                await asyncio.gather(*running, return_exceptions=True)


def _has_looked(house: House) -> bool:
    return bool(house.store.run_sync(lambda unit: unit.watermarks.of(Platform.DISCORD)))


# --- addresses --------------------------------------------------------------------------------------------------------


class _Base(str):
    def __add__(self, path: str) -> str:
        return f"http://127.0.0.1:{_port.get()}/api/v10{path}"


class _Gateway:
    def with_query(self, **query: object) -> yarl.URL:
        return yarl.URL(f"ws://127.0.0.1:{_port.get()}/gateway").with_query({key: str(query[key]) for key in query})


@contextmanager
def _one_address_each() -> Iterator[None]:
    """The library keeps Discord's address for the whole process; here, each schedule has a Discord of its own."""
    with (
        patch.object(client, "use_addresses", lambda config: None),
        patch.object(Route, "BASE", _Base()),
        patch.object(DiscordWebSocket, "DEFAULT_GATEWAY", _Gateway()),
    ):
        yield
