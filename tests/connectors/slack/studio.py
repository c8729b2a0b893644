"""A Slack workspace and a whole bot in it, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs

from bot.access import Staff
from bot.desk import Desk
from bot.people import Platform
from bot.policy import Policy
from bot.texts import ENGLISH
from connectors.slack.config import SlackConfig
from connectors.slack.connector import EVENTS_PATH, SlackConnector
from connectors.slack.history import Budget
from tests.connectors.slack import local_slack as peer
from tests.connectors.slack.local_slack import ADMIN, AGENT, BOT, CHANNEL, CUSTOMER, LocalSlack, local_slack
from tests.connectors.slack.waiting import free_port, until, until_open
from tests.house import House, open_house
from tests.tasks import end

Json = dict[str, Any]
Mode = Literal["socket", "http"]


@dataclass
class Studio:
    slack: LocalSlack
    house: House
    events_url: str
    running: asyncio.Task[None] | None = None

    async def connect(self, is_there: Callable[[], Awaitable[object]]) -> None:
        self.running = asyncio.create_task(self.house.bot.connectors[Platform.SLACK].run())
        await is_there()

    async def disconnect(self) -> None:
        assert self.running is not None
        await end(self.running)

    async def ask(self, text: str) -> Json:
        """A customer mentions the bot; what it says for everybody, once it has said all."""
        before = len(self.slack.said())
        await self.slack.say(CUSTOMER, f"<@{BOT}> {text}")
        await self.house.settle()
        said = await until(lambda: self.slack.said()[before:], "an answer")
        assert len(said) == 1
        return said[0]


@asynccontextmanager
async def open_studio(
    folder: Path, mode: Mode, hearing: Callable[[Desk], Desk] = lambda desk: desk, policy: Policy | None = None
) -> AsyncIterator[Studio]:
    """`hearing`: what the connector hands events to, in place of the bot's own desk."""
    port = free_port()
    events_url = f"http://127.0.0.1:{port}{EVENTS_PATH}"
    async with local_slack(folder, events_url if mode == "http" else None) as slack:
        config = SlackConfig(
            bot_token=peer.BOT_TOKEN,
            app_token=peer.APP_TOKEN,
            signing_secret=peer.SIGNING_SECRET,
            mode=mode,
            api_url=slack.api_url,
            http_port=port,
            agents_mention="S0AGENTS",
        )
        staff = Staff(agents=frozenset({AGENT}), admins=frozenset({ADMIN}))
        async with open_house(
            folder,
            connectors=lambda desk: [SlackConnector(config, hearing(desk), ENGLISH, Budget(calls=100_000))],
            policy=policy or Policy(staff=staff),
        ) as house:
            studio = Studio(slack, house, events_url)
            try:
                await studio.connect(partial(connected, slack) if mode == "socket" else partial(until_open, port))
                yield studio
            finally:
                await studio.disconnect()


async def connected(slack: LocalSlack) -> None:
    await until(lambda: slack.is_connected, "the bot's socket")


def words(message: Json) -> str:
    """The message's first section, as a person reads it."""
    text = str(message["blocks"][0]["text"]["text"])
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def buttons(message: Json) -> list[Json]:
    return [each for block in message["blocks"] if block["type"] == "actions" for each in block["elements"]]


async def menu(slack: LocalSlack, shortcut: str, user: str, message: Json) -> Json:
    """What the message menu sends. The workspace hands out the trigger, which opens a form, only with a command."""
    await slack.command(AGENT, "help")
    given = parse_qs(slack.sent("slash_commands")[-1])
    return {
        "type": "message_action",
        "callback_id": shortcut,
        "team": {"id": "T01STUDIO"},
        "user": {"id": user, "name": user},
        "channel": {"id": CHANNEL, "name": "help"},
        "message": message,
        "trigger_id": given["trigger_id"][0],
    }
