"""Discord keeps to the contract of connectors: discord.py speaks to simcord."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from bot.events import Event, MessageRef, Place, Reacted
from bot.ids import EventId
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.discord.config import DiscordConfig
from connectors.discord.connector import DiscordConnector
from tests.connectors.discord.conftest import AGENTS_ROLE, WritingDesk
from tests.connectors.discord.stage import SIMCORDS_NOW
from tests.contracts.connector_contract import ChatContract, OnceContract


@dataclass
class DiscordStand:
    connector: DiscordConnector
    config: DiscordConfig
    desk: WritingDesk
    env: Any
    channel: Any
    user: Any
    place: Place
    command: Any = None
    agents: str = f"<@&{AGENTS_ROLE}>"
    now: datetime = SIMCORDS_NOW

    @property
    def person(self) -> Person:
        return Person(Platform.DISCORD, str(self.user.id), "alice")

    @property
    def nowhere(self) -> Place:
        return Place(Platform.DISCORD, self.place.workspace, "123456789012345678")

    async def seen(self) -> Sequence[str]:
        me = self.env.bot.user.id
        return [message.content for message in self.channel.history() if message.author.id == me]

    async def whispered(self) -> Sequence[str]:
        """To the command that waits for its answer; an offer has none, and is shown to everybody for a while."""
        answers = [self.command.response, *self.command.followups] if self.command is not None else []
        return [*(each.content for each in answers if each is not None and each.ephemeral), *await self.seen()]

    async def asks_in_private(self) -> EventId:
        self.command = await self.user.slash(self.channel, "mentee status")
        event: Event = self.desk.received[-1]
        return event.id

    async def called(self) -> set[str]:
        found: set[str] = set()
        for request in self.env.http_requests:
            if request.method in ("POST", "PATCH") and "/messages" in request.path:
                allowed = request.json["allowed_mentions"]
                found |= {f"<@&{role}>" for role in allowed.get("roles", ())}
                found |= {f"<@{user}>" for user in allowed.get("users", ())} | set(allowed["parse"])
        return found

    async def delete(self, message: MessageRef) -> None:
        channel = self.connector.client.get_partial_messageable(int(message.channel))
        await channel.get_partial_message(int(message.id)).delete()

    async def restart(self) -> None:
        await self.env.advance_time(60.0)
        self.connector = DiscordConnector(self.config, self.desk, ENGLISH)  # type: ignore[arg-type]
        await self.env.restart_bot(self.connector.client)

    async def say(self, text: str) -> MessageRef:
        message = await self.user.send(self.channel, text)
        return MessageRef(Platform.DISCORD, self.place.workspace, self.place.channel, str(message.id))

    async def reply(self, text: str) -> MessageRef:
        question = next(each for each in self.channel.history() if str(each.id) == self.place.thread)
        message = await self.user.send(self.channel, text, reply_to=question)
        return MessageRef(Platform.DISCORD, self.place.workspace, self.place.channel, str(message.id))

    async def mark(self, reply: MessageRef, *, present: bool = True) -> Reacted:
        self.desk.marks = frozenset({"🎯"})
        said = next(each for each in self.channel.history() if str(each.id) == reply.id)
        await self.user.set_reaction(said, "🎯", reacted=present)
        heard = self.desk.received[-1]
        assert isinstance(heard, Reacted)
        return heard

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[float | None]:
        """simcord names no time."""
        self.env.inject_error("POST", "/channels/*/messages", status=429)
        yield None

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        faults = self.env.backend.faults
        self.env.inject_error("*", "/channels/*", status=503, times=None)
        yield
        faults.clear()


class TestDiscord(ChatContract, OnceContract):
    @pytest.fixture
    async def stand(
        self, connector: DiscordConnector, config: DiscordConfig, desk: WritingDesk, env: Any, channel: Any, alice: Any
    ) -> DiscordStand:
        question = await alice.send(channel, "How long does it take?")
        place = Place(Platform.DISCORD, str(env.guild.id), str(channel.id), str(question.id))
        return DiscordStand(connector, config, desk, env, channel, alice, place)
