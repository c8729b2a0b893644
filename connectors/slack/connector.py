"""The connection to Slack: over a socket of the bot's own making, or as a server that Slack calls."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.desk import Desk
from bot.errors import SettingError
from bot.events import MessageRef, Place
from bot.outgoing import Outgoing
from bot.people import Platform
from bot.ports import Archive
from bot.texts import Texts
from connectors.slack.config import SlackConfig
from connectors.slack.errors import NETWORK_ERRORS, describe, is_transient, setting_error
from connectors.slack.history import Budget, SlackArchive
from connectors.slack.listening import Listening
from connectors.slack.parsing import Identity
from connectors.slack.people import People
from connectors.slack.posting import Posting

EVENTS_PATH = "/slack/events"
TRY_AGAIN_S = 5.0
CALL_S = 30.0
MEMBERS_EVERY_S = 6 * 3_600.0
READ_RETRIES = 3

log = structlog.get_logger()


class SlackConnector:
    """One workspace. Implements bot.ports.Connector."""

    platform = Platform.SLACK

    def __init__(self, config: SlackConfig, desk: Desk, texts: Texts, budget: Budget | None = None) -> None:
        self._config, self._desk, self._texts = config, desk, texts
        self._posts = AsyncWebClient(
            token=config.bot_token, base_url=config.api_url, retry_handlers=[], logger=_library_log()
        )
        self._posting = Posting(self._posts, texts, config.agents_mention)
        self._budget = budget or Budget()
        self.archive: Archive | None = None

    async def run(self) -> None:
        """Raises SettingError for a token that Slack refuses, or an address that can't be listened on."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_S)) as session:
            self._posts.session = session
            app = self._make_app(session)
            who = await _patiently("SLACK_BOT_TOKEN", app.client.auth_test)
            bot = Identity(who["team_id"], who["user_id"])
            people = self._listen(app, bot)
            self.archive = SlackArchive(self._make_reader(session), bot, people, self._budget)
            meeting = asyncio.create_task(self._meet_members(people))
            try:
                await (self._run_socket(app) if self._config.mode == "socket" else self._run_server(app))
            finally:
                self.archive = None
                meeting.cancel()

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        return await self._posting.deliver(outgoing)

    async def update(self, message: MessageRef, text: str) -> None:
        await self._posting.update(message, text)

    async def draft(self, place: Place, text: str) -> None:
        """Slack's own "is looking it up…" in the thread, once for an answer. Its words are posted when they have been
        checked against their sources: what a stream has shown can't be taken back."""
        if text == "" and place.thread is not None:
            self._posting.show_writing(place)

    def _make_app(self, session: aiohttp.ClientSession) -> AsyncApp:
        app = AsyncApp(
            name="mentee",
            token=self._config.bot_token,
            signing_secret=self._config.signing_secret or "",
            process_before_response=True,
            logger=_library_log(),
        )
        app.client.base_url = self._posts.base_url
        app.client.session = session
        return app

    def _make_reader(self, session: aiohttp.ClientSession) -> AsyncWebClient:
        """For what may be asked again when Slack says that it was asked too often."""
        patient = AsyncRateLimitErrorRetryHandler(max_retry_count=READ_RETRIES)
        client = AsyncWebClient(
            token=self._config.bot_token, base_url=self._config.api_url, retry_handlers=[patient],
            logger=_library_log(),
        )  # fmt: skip
        client.session = session
        return client

    async def _meet_members(self, people: People) -> None:
        """Tell the desk who is in the workspace, again from time to time, so that their names are redacted."""
        while True:
            try:
                self._desk.meet([name async for name in people.names()])
            except Exception as problem:  # names of those who write are known anyway
                log.warning("slack members not listed", error=describe(problem))
            await asyncio.sleep(MEMBERS_EVERY_S)

    def _listen(self, app: AsyncApp, bot: Identity) -> People:
        people = People(app.client, bot.team, self._config.staff_groups)
        listening = Listening(self._desk, bot, people, self._posting, self._posts, self._texts)
        listening.attach(app, self._config.command)
        return people

    async def _run_socket(self, app: AsyncApp) -> None:
        handler = AsyncSocketModeHandler(app, self._config.app_token, logger=_library_log(), web_client=app.client)
        try:
            # The library asks for the address itself, but with a refused token it would ask for ever.
            opened = await _patiently(
                "SLACK_APP_TOKEN", lambda: app.client.apps_connections_open(app_token=handler.app_token)
            )
            handler.client.wss_uri = opened["url"]
            handler.client.message_listeners.append(self._on_socket_message)
            await handler.connect_async()  # type: ignore[no-untyped-call]
            log.info("slack connected", mode="socket")
            await asyncio.Event().wait()
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]

    async def _on_socket_message(self, _: object, message: dict[str, Any], __: str | None = None) -> None:
        """Slack greets every new connection, also those that the library makes by itself."""
        if message.get("type") == "hello":
            self._desk.connected()

    async def _run_server(self, app: AsyncApp) -> None:
        host, port = self._config.http_host, self._config.http_port
        runner = web.AppRunner(app.web_app(path=EVENTS_PATH), access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            log.info("slack connected", mode="http", host=host, port=port)
            self._desk.connected()
            await asyncio.Event().wait()
        except OSError as problem:
            raise SettingError(
                f"SLACK_HTTP_HOST and SLACK_HTTP_PORT are {host} and {port}, which can't be listened on "
                f"({problem.strerror}). Stop the other program, or choose another port."
            ) from None
        finally:
            await runner.cleanup()


async def _patiently(setting: str, call: Callable[[], Awaitable[AsyncSlackResponse]]) -> AsyncSlackResponse:
    """Call until Slack can be reached. Raises SettingError when it was reached and refuses the token."""
    while True:
        try:
            return await call()
        except SlackApiError as problem:
            if not is_transient(problem):
                raise setting_error(setting, problem) from None
            reason = describe(problem)
        except NETWORK_ERRORS as problem:
            reason = describe(problem)
        log.warning("slack can't be reached", error=reason, next_try_s=TRY_AGAIN_S)
        await asyncio.sleep(TRY_AGAIN_S)


def _library_log() -> logging.Logger:
    """For bolt and the SDK. At their debug level they would quote messages."""
    logger = logging.getLogger("mentee.slack")
    logger.setLevel(logging.WARNING)
    return logger
