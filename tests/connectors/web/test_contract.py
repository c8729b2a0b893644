"""The page keeps to the contract of connectors, read as a browser reads it. What is for one person needs no hiding
there, since nobody else reads their conversation."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser

import pytest

from bot.events import MessageRef, Place
from bot.ids import EventId
from bot.people import Person, Platform
from connectors.web.connector import WebConnector
from connectors.web.parsing import person_as
from tests.connectors.web.conftest import CONVERSATION_ID, Site
from tests.contracts.connector_contract import ConnectorContract, OnceContract, utc_now


class Entries(HTMLParser):
    """The words of each entry."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[list[str]] = []
        self._is_within = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag == "article":
            self.found.append([])
        self._is_within = self._is_within or (tag == "div" and dict(attrs).get("class") == "prose")

    def handle_endtag(self, tag: str) -> None:
        self._is_within = self._is_within and tag != "div"

    def handle_data(self, data: str) -> None:
        if self._is_within:
            self.found[-1].append(data)


@dataclass
class PageStand:
    site: Site
    place: Place = field(default_factory=lambda: Place(Platform.WEB, "page", CONVERSATION_ID, is_direct=True))
    person: Person = field(default_factory=lambda: person_as("customer"))

    @property
    def connector(self) -> WebConnector:
        return self.site.connector

    @property
    def now(self) -> datetime:
        return utc_now()

    async def seen(self) -> Sequence[str]:
        return ["".join(words) for words in Entries(await self.site.html("/")).found]

    async def whispered(self) -> Sequence[str]:
        return await self.seen()

    async def asks_in_private(self) -> EventId:
        return EventId("web:1")

    async def delete(self, message: MessageRef) -> None:
        """Nobody can on the page; it has scrolled away."""
        self.connector._board._entries[message.channel].pop(message.id)

    async def restart(self) -> None:
        self.site.restart()


class TestPage(ConnectorContract, OnceContract):
    @pytest.fixture
    def stand(self, site: Site) -> PageStand:
        return PageStand(site)
