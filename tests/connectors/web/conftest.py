"""A page over a whole working bot, and a client that speaks to it as the page's own JavaScript would."""

import asyncio
import contextlib
import html
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from bot.passes import form_token
from bot.policy import Policy
from bot.texts import ENGLISH
from connectors.web.config import WebConfig
from connectors.web.connector import WebConnector
from connectors.web.parsing import RoleName
from connectors.web.visitor import CONVERSATION, FORM_HEADER, ROLE, SESSION
from tests.house import House, open_house
from tests.tasks import beside

CONVERSATION_ID = "0190b2f4-0000-4000-8000-0000000000aa"


@dataclass
class Site:
    house: House
    connector: WebConnector
    client: httpx.AsyncClient
    conversation: str = CONVERSATION_ID
    """As the page names it to whoever is before it."""

    @property
    def address(self) -> str:
        return f"http://{self.connector.config.host}:{self.connector.config.port}"

    def restart(self) -> None:
        """As if the process had ended: a new page before the same database."""
        self.connector = WebConnector(self.connector.config, self.house.desk, ENGLISH)
        self.client = client_of(self.connector)

    def plain_http(self) -> None:
        """As behind a proxy that the test leaves out: the client keeps cookies that are for TLS alone."""
        self.client.base_url = "https://bot.example"
        self.client.headers["origin"] = "https://bot.example"

    @property
    def form_token(self) -> str:
        return form_token(self.client.cookies.get(SESSION) or "")

    def become(self, role: RoleName) -> None:
        self.client.cookies.set(ROLE, role)

    async def post(self, path: str, *, id: str | None = None, **body: object) -> httpx.Response:
        """Send an event and wait until all that it causes has been shown."""
        message = {"id": id or str(uuid4()), "conversation": self.conversation, **body}
        response = await self.client.post(path, json=message, headers={FORM_HEADER: self.form_token})
        await self.house.settle()
        return response

    async def ask(self, text: str) -> str:
        """Ask, and return the conversation's HTML with the answer."""
        assert (await self.post("/messages", text=text)).status_code == 202
        return await self.html("/")

    async def html(self, path: str) -> str:
        response = await self.client.get(path)
        assert response.status_code == 200
        return response.text

    async def words(self, path: str) -> str:
        """The page with its characters as one reads them."""
        return html.unescape(await self.html(path))


@contextlib.asynccontextmanager
async def open_site(
    tmp_path: Path, config: WebConfig | None = None, policy: Policy | None = None
) -> AsyncIterator[Site]:
    config = config or WebConfig()
    async with open_house(tmp_path, lambda desk: [WebConnector(config, desk, ENGLISH)], policy=policy) as house:
        connector = house.bot.connectors[WebConnector.platform]
        assert isinstance(connector, WebConnector)
        async with client_of(connector) as client:
            yield Site(house, connector, client)


def client_of(connector: WebConnector) -> httpx.AsyncClient:
    """A browser that has the page open."""
    address = f"http://{connector.config.host}:{connector.config.port}"
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(connector.app), base_url=address, headers={"origin": address},
        cookies={CONVERSATION: CONVERSATION_ID},
    )  # fmt: skip


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        yield opened


@contextlib.asynccontextmanager
async def serving(site: Site) -> AsyncIterator[str]:
    """Serve it on its port; its address."""
    async with beside(site.connector.run()):
        await asyncio.sleep(0)  # it listens from its first step on; who connects earlier than it serves waits in line
        yield site.address


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


async def next_event(lines: AsyncIterator[str]) -> tuple[str, str]:
    """The next event of a stream: its name and its data."""
    name = ""
    async for line in lines:
        key, _, value = line.partition(": ")
        if key == "event":
            name = value
        elif key == "data":
            return name, json.loads(value)
    raise AssertionError("the stream has ended")
