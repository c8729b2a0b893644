"""Slack keeps to the contract of connectors: over real sockets to local-slack. It doesn't refuse, and keeps no
metadata: what needs that is tried on a Slack of our own."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.desk import Desk
from bot.events import MessageRef, Place, Reacted
from bot.ids import EventId
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.slack.config import SlackConfig
from connectors.slack.connector import SlackConnector
from connectors.slack.history import Budget
from tests.connectors.slack.local_slack import AGENT, BOT, BOT_TOKEN, CHANNEL, CUSTOMER
from tests.connectors.slack.our_slack import OurSlack, our_slack
from tests.connectors.slack.studio import Studio, connected, open_studio
from tests.connectors.slack.test_marking import MARKING
from tests.connectors.slack.waiting import until
from tests.connectors.slack.web_api import Reply, web_api
from tests.contracts.connector_contract import ChatContract, OnceContract, utc_now
from tests.house import open_house

_CALL = re.compile(r"<[!@][^>]*>")


def texts_of(node: Any) -> list[str]:
    """All that is shown, in whatever block it stands."""
    if isinstance(node, dict):
        own = [node["text"]] if isinstance(node.get("text"), str) else []
        return own + [text for value in node.values() for text in texts_of(value)]
    return [text for each in node for text in texts_of(each)] if isinstance(node, list) else []


def words(message: dict[str, Any]) -> str:
    sections = [block["text"]["text"] for block in message.get("blocks", ()) if block["type"] == "section"]
    return " ".join(sections) or str(message["text"])


@dataclass
class SlackStand:
    studio: Studio
    place: Place
    person: Person = field(default_factory=lambda: Person(Platform.SLACK, CUSTOMER, "Cleo"))
    agents: str = "<!subteam^S0AGENTS>"

    @property
    def connector(self) -> SlackConnector:
        connector = self.studio.house.bot.connectors[Platform.SLACK]
        assert isinstance(connector, SlackConnector)
        return connector

    @property
    def nowhere(self) -> Place:
        return Place(Platform.SLACK, self.place.workspace, "C404NONE")

    @property
    def now(self) -> datetime:
        return utc_now()

    async def seen(self) -> Sequence[str]:
        """Slack lists no ephemeral messages, local-slack does."""
        return [words(each) for each in await self._standing() if each.get("subtype") != "ephemeral"]

    async def whispered(self) -> Sequence[str]:
        return [words(each) for each in await until(lambda: self.studio.slack.whispered(CUSTOMER), "a whisper")]

    async def asks_in_private(self) -> EventId:
        return EventId("slack:1")

    async def called(self) -> set[str]:
        return {call for each in await self._standing() for text in texts_of(each) for call in _CALL.findall(text)}

    async def delete(self, message: MessageRef) -> None:
        await self._client.chat_delete(channel=message.channel, ts=message.id)

    async def restart(self) -> None:
        await self.studio.disconnect()
        house = self.studio.house
        again = SlackConnector(self.connector._config, house.desk, ENGLISH, Budget(calls=100_000))
        house.bot.connectors[Platform.SLACK] = again
        self.studio.slack.is_connected = False
        await self.studio.connect(partial(connected, self.studio.slack))

    async def say(self, text: str) -> MessageRef:
        return MessageRef(Platform.SLACK, "T01STUDIO", CHANNEL, await self.studio.slack.say(CUSTOMER, text))

    async def reply(self, text: str) -> MessageRef:
        ts = await self.studio.slack.say(CUSTOMER, text, thread=self.place.thread)
        return MessageRef(Platform.SLACK, "T01STUDIO", CHANNEL, ts)

    async def mark(self, reply: MessageRef, *, present: bool = True) -> Reacted:
        await self.studio.slack.react(AGENT, {"channel": CHANNEL, "ts": reply.id}, "dart", present=present)
        store = self.studio.house.store

        def heard() -> Sequence[Reacted]:
            found = store.run_sync(lambda unit: unit.inbox.reactions([reply])).get(reply.key, [])
            return [each for each in found if each.added is present]

        return (await until(heard, "the mark"))[-1]

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[float | None]:
        async with web_api() as api:
            api.replies["chat.postMessage"] = Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "17"})
            with self._elsewhere(api.url):
                yield 17.0

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        with self._elsewhere("http://127.0.0.1:1/"):
            yield

    @contextmanager
    def _elsewhere(self, url: str) -> Iterator[None]:
        posting = self.connector._workspaces._only
        assert posting is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(posting.client, "base_url", url)
            yield

    @property
    def _client(self) -> AsyncWebClient:
        return AsyncWebClient(token=BOT_TOKEN, base_url=self.studio.slack.api_url)

    async def _standing(self) -> list[dict[str, Any]]:
        found = await self._client.conversations_replies(channel=self.place.channel, ts=self.place.thread or "")
        return [each for each in found["messages"] if each.get("user") == BOT]


class TestSlack(ChatContract):
    @pytest.fixture
    async def stand(self, tmp_path: Path) -> AsyncIterator[SlackStand]:
        async with open_studio(tmp_path, "socket", policy=MARKING) as studio:
            root = await studio.slack.say(CUSTOMER, "How long does it take?")
            yield SlackStand(studio, Place(Platform.SLACK, "T01STUDIO", CHANNEL, root))


@dataclass
class OurStand:
    """Nothing is heard here, only said."""

    slack: OurSlack
    desk: Desk
    place: Place = Place(Platform.SLACK, "T1", "C1", "100.1")  # noqa: RUF009  # frozen
    connector: SlackConnector = field(init=False)

    def __post_init__(self) -> None:
        config = SlackConfig(bot_token=BOT_TOKEN, app_token="xapp-1", api_url=self.slack.url)
        self.connector = SlackConnector(config, self.desk, ENGLISH)

    @property
    def now(self) -> datetime:
        return utc_now()

    async def seen(self) -> Sequence[str]:
        return self.slack.texts

    async def restart(self) -> None:
        self.__post_init__()


class TestOurSlack(OnceContract):
    @pytest.fixture
    async def stand(self, tmp_path: Path) -> AsyncIterator[OurStand]:
        async with our_slack() as slack, open_house(tmp_path) as house:
            yield OurStand(slack, house.desk)
