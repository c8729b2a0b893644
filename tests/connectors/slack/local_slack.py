"""A Slack workspace on loopback: the `local-slack` program, driven as people would use it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.connectors.slack.waiting import free_port, until_open

Json = dict[str, Any]

PROGRAM = Path("node_modules/local-slack-linux-x64/bin/local-slack")
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-local", "xapp-local", "local-signing-secret"
BOT, CUSTOMER, AGENT, ADMIN = "U0BOT", "U01CLEO", "U02ANA", "U03ADA"
CHANNEL, AGENTS_CHANNEL = "C01HELP", "C02AGENTS"


def program() -> Path:
    """Where it is. Without it the tests fail: a connector that nobody has seen connect is not tested."""
    root = Path(__file__).parents[3]
    path = Path(os.environ.get("LOCAL_SLACK", root / PROGRAM))
    if not path.is_file():
        pytest.fail(f"local-slack is not at {path}. `make peers` installs it.", pytrace=False)
    return path


@dataclass
class LocalSlack:
    """What the workspace shows stands in `messages`, `modal` and `errors`, kept up to date over its own socket."""

    url: str
    session: aiohttp.ClientSession
    screen: aiohttp.ClientWebSocketResponse
    messages: dict[str, Json] = field(default_factory=dict)
    modal: Json | None = None
    errors: dict[str, str] = field(default_factory=dict)
    homes: dict[str, Json] = field(default_factory=dict)
    """What each person's home tab shows."""
    is_connected: bool = False
    log: list[Json] = field(default_factory=list)
    """The traffic with the bot, as the workspace has noted it."""

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    # --- what people do --------------------------------------------------------------------------------------------

    async def say(self, user: str, text: str, channel: str = CHANNEL, thread: str | None = None) -> str:
        answer = await self._control("message", channel=channel, user=user, text=text, thread_ts=thread)
        return str(answer["message"]["ts"])

    async def command(self, user: str, text: str) -> None:
        await self._control("command", channel=CHANNEL, user=user, command="/mentee", text=text)

    async def react(self, user: str, message: Json, emoji: str, *, present: bool = True) -> None:
        await self._control(
            "reaction", channel=message["channel"], ts=message["ts"], user=user, name=emoji, present=present
        )

    async def press(self, user: str, message: Json, button: Json) -> None:
        action = {"type": "button", **{key: button[key] for key in ("action_id", "value")}}
        await self._control("interact", channel=message["channel"], messageTs=message["ts"], user=user, action=action)

    async def edit(self, message: Json, text: str) -> None:
        where = {key: message[key] for key in ("channel", "ts", "user")}
        await self._control("edit-message", **where, text=text)

    async def delete(self, message: Json) -> None:
        await self._control("delete-message", **{key: message[key] for key in ("channel", "ts", "user")})

    async def open_home(self, user: str) -> None:
        await self._control("open-home", user=user)

    async def feedback(self, user: str, message: Json, value: str) -> None:
        """One of the pair of feedback buttons."""
        action = {"type": "feedback_buttons", "action_id": "mentee_press_feedback", "value": value}
        await self._control("interact", channel=message["channel"], messageTs=message["ts"], user=user, action=action)

    async def submit(self, user: str, **typed: str | None) -> None:
        values = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in typed.items()}
        await self.screen.send_json({"t": "view_submit", "user": user, "values": values})

    # --- what people see -------------------------------------------------------------------------------------------

    def said(self, channel: str = CHANNEL) -> list[Json]:
        """The bot's messages for everybody, oldest first."""
        return [m for m in self._of_bot(channel) if m.get("subtype") != "ephemeral"]

    def whispered(self, to: str, channel: str = CHANNEL) -> list[Json]:
        """The bot's messages that only one person sees."""
        return [m for m in self._of_bot(channel) if m.get("ephemeral_to") == to]

    def sent(self, kind: str) -> list[Any]:
        """What the bot was sent of that kind; a string where it was a request of HTTP."""
        return [entry["detail"] for entry in self.log if (entry["direction"], entry["kind"]) == ("to_bot", kind)]

    def acknowledged(self) -> int:
        """How many envelopes of its socket the bot has acknowledged."""
        return sum(entry["kind"] == "ack" for entry in self.log)

    def _of_bot(self, channel: str) -> list[Json]:
        found = [m for m in self.messages.values() if m["channel"] == channel and m.get("user") == BOT]
        return sorted(found, key=lambda m: float(m["ts"]))

    # --- parts -----------------------------------------------------------------------------------------------------

    async def _control(self, what: str, **body: Any) -> Json:
        async with self.session.post(f"{self.url}/_control/{what}", json=body) as answer:
            told: Json = await answer.json()
            assert told.get("ok"), told
            return told

    async def watch(self) -> None:
        async for frame in self.screen:
            self._show(json.loads(frame.data))

    def _show(self, news: Json) -> None:
        match news["t"]:
            case "init":
                self.is_connected = any(app["connected"] for app in news["state"]["apps"])
            case "socket_status":
                self.is_connected = bool(news["connected"])
            case "message" | "message_update":
                self.messages[news["message"]["ts"]] = news["message"]
            case "home":
                self.homes[news["user"]] = news["view"]
            case "view":
                stack = news["stack"]
                self.modal, self.errors = (stack[-1] if stack else None), {}
            case "view_errors":
                self.errors = news["errors"]
            case "log":
                self.log.append(news["entry"])


@asynccontextmanager
async def local_slack(folder: Path, request_url: str | None = None) -> AsyncIterator[LocalSlack]:
    """Open a workspace: for Socket Mode, or with signed requests to `request_url`."""
    port = free_port()
    config = folder / "workspace.json"
    config.write_text(json.dumps(_workspace(request_url)))
    command = [str(program()), "--config", str(config), "--port", str(port), "--base-host", "127.0.0.1"]
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    try:
        async with aiohttp.ClientSession() as session:
            await until_open(port)
            screen = await session.ws_connect(f"ws://127.0.0.1:{port}/ui")
            slack = LocalSlack(f"http://127.0.0.1:{port}", session, screen)
            watching = asyncio.create_task(slack.watch())
            yield slack
            await screen.close()
            await watching
    finally:
        server.terminate()
        await server.wait()


def _workspace(request_url: str | None) -> Json:
    app = {
        "appId": "A01MENTEE",
        "botUserId": BOT,
        "botName": "mentee",
        "botToken": BOT_TOKEN,
        "appToken": APP_TOKEN,
        "signingSecret": SIGNING_SECRET,
        "mode": "events" if request_url else "socket",
    }
    people = {CUSTOMER: "Cleo", AGENT: "Ana", ADMIN: "Ada"}
    return {
        "workspace": {"name": "Studio", "domain": "studio", "teamId": "T01STUDIO"},
        "app": {**app, "requestUrl": request_url} if request_url else app,
        "users": [{"id": user, "name": name, "real_name": name} for user, name in people.items()],
        "channels": [
            {"id": CHANNEL, "name": "help", "members": [BOT, *people]},
            {"id": AGENTS_CHANNEL, "name": "agents", "members": [BOT, AGENT, ADMIN]},
        ],
    }
