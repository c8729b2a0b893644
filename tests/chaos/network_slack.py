"""Slack's socket and Web API behind a bad network: the bot, the way, and local-slack."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.events import MessageRef
from bot.people import Platform
from bot.texts import ENGLISH
from connectors.slack.config import SlackConfig
from connectors.slack.connector import SlackConnector
from connectors.slack.history import Budget
from tests.chaos.front import front
from tests.chaos.network import Street, schedules
from tests.chaos.proxy import proxy
from tests.chaos.tally import Tally
from tests.chaos.traffic import GROUNDED, HELP
from tests.connectors.slack import local_slack as peer
from tests.connectors.slack.local_slack import AGENTS_CHANNEL, BOT, CHANNEL, CUSTOMER, LocalSlack, local_slack
from tests.e2e.waiting import until
from tests.house import House, open_house

STAMP_S = 1.0
"""The peer stamps messages with whole seconds: one of the same second would seem to be older than the first look."""
TEAM = "T01STUDIO"


async def network(folder: Path, count: int, seed: int, mutant: str = "") -> Tally:
    """`count`: how many schedules."""
    return await schedules("Slack", _street, folder, count, seed, mutant)


@dataclass(frozen=True)
class Workspace:
    slack: LocalSlack

    async def ask(self) -> None:
        await self.slack.say(CUSTOMER, f"<@{BOT}> {GROUNDED}")

    def asked(self) -> list[str]:
        return [ts for ts, message in self.slack.messages.items() if message.get("user") == CUSTOMER]

    def replies(self) -> Counter[str]:
        return Counter(str(message.get("thread_ts")) for message in self.slack.said())

    def place(self, question: str) -> MessageRef:
        return MessageRef(Platform.SLACK, TEAM, CHANNEL, question)


@asynccontextmanager
async def _street(folder: Path, rng: random.Random) -> AsyncIterator[Street]:
    folder.mkdir(parents=True)
    async with (
        local_slack(folder) as slack,
        proxy(int(slack.url.rpartition(":")[2]), rng) as to_socket,
        front(slack, to_socket.port) as port,
        proxy(port, rng) as to_api,
    ):
        api = f"http://127.0.0.1:{to_api.port}/api/"
        config = SlackConfig(bot_token=peer.BOT_TOKEN, app_token=peer.APP_TOKEN, api_url=api)
        async with open_house(
            folder, lambda desk: [SlackConnector(config, desk, ENGLISH, Budget(calls=100_000))]
        ) as house:
            await house.add_section(HELP.title, HELP.heading, HELP.text)
            parts = [house.bot.connectors[Platform.SLACK].run(), house.bot.sweeping.run()]
            running = [asyncio.create_task(part) for part in parts]
            try:
                await until(lambda: _has_looked(house), "a first look at the history: from there on, nothing is lost")
                await asyncio.sleep(STAMP_S)
                yield Street(Workspace(slack), (to_socket, to_api), house, rng)
            finally:
                for each in running:
                    each.cancel()
                await asyncio.gather(*running, return_exceptions=True)


def _has_looked(house: House) -> bool:
    channels = {CHANNEL, AGENTS_CHANNEL}
    return len(house.store.run_sync(lambda unit: unit.watermarks.of(Platform.SLACK))) == len(channels)
