"""The connector on simcord's Discord, with a desk that only writes down what comes in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import discord
import pytest

from bot.events import Event, MessageRef, Reacted
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.discord.config import DiscordConfig
from connectors.discord.connector import DiscordConnector

AGENTS_ROLE = "700000000000000001"


@dataclass
class WritingDesk:
    received: list[Event] = field(default_factory=list)
    uninstalled: list[str] = field(default_factory=list)

    marks: frozenset[str] = frozenset()

    def may_mark(self, person: Person) -> bool:
        return True

    def meet(self, names: Iterable[str]) -> None:
        self.met = list(names)

    async def uninstall(self, platform: Platform, workspace: str) -> int:
        self.uninstalled.append(workspace)
        return 0

    def connected(self) -> None:
        self.was_connected = True

    async def receive(self, event: Event) -> bool:
        self.received.append(event)
        return True

    async def reactions(self, message: MessageRef) -> list[Reacted]:
        heard = [each for each in self.received if isinstance(each, Reacted) and each.message == message]
        latest = {(each.person.id, each.emoji): each for each in heard}
        return [each for each in latest.values() if each.added]


@pytest.fixture
def desk() -> WritingDesk:
    return WritingDesk()


@pytest.fixture
def config() -> DiscordConfig:
    return DiscordConfig(token="unused", shards=1, agents_mention=AGENTS_ROLE)


@pytest.fixture
def connector(config: DiscordConfig, desk: WritingDesk) -> DiscordConnector:
    return DiscordConnector(config, desk, ENGLISH)  # type: ignore[arg-type]  # as much of a desk as is needed


@pytest.fixture
def simcord_bot(connector: DiscordConnector) -> discord.Client:
    return connector.client


@pytest.fixture
def env(simcord_env: Any) -> Any:
    return simcord_env


@pytest.fixture
def channel(env: Any) -> Any:
    return env.create_guild().create_text_channel("support")


@pytest.fixture
def alice(env: Any, channel: Any) -> Any:
    return env.guild.add_member(env.create_user("alice"))
