"""The connection to Slack: over a socket of the bot's own making, or as a server that Slack calls."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.desk import Desk
from bot.errors import DeliveryFailed, SettingError
from bot.events import MessageRef
from bot.outgoing import AnswerDraft, Outgoing
from bot.people import Platform
from bot.ports import Archive
from bot.texts import Texts
from connectors.slack.config import SlackConfig
from connectors.slack.errors import NETWORK_ERRORS, describe, is_transient, library_log, setting_error
from connectors.slack.guard import guard
from connectors.slack.history import Budget
from connectors.slack.installing import Installations, oauth_flow
from connectors.slack.listening import Listening, attach
from connectors.slack.parsing import Identity
from connectors.slack.people import members
from connectors.slack.workspaces import Archives, Workspaces

EVENTS_PATH = "/slack/events"
TRY_AGAIN_S = 5.0
CALL_S = 15.0
"""After a line has died unnoticed, the next call over it finds out so late; a post is looked for before it is tried
again."""
IDLE_S = 5.0
"""A line that nothing was asked on for longer is not asked on again: where the network was away it may be dead."""
BEAT_S = 5
"""The socket's. One that isn't answered within half of it ends the line; with the library's 10, a network that was away
is noticed up to 15 s later."""
MEMBERS_EVERY_S = 6 * 3_600.0

log = structlog.get_logger()


class SlackConnector:
    """One app, in one workspace or in several. Implements bot.ports.Connector."""

    platform = Platform.SLACK

    def __init__(self, config: SlackConfig, desk: Desk, texts: Texts, budget: Budget | None = None) -> None:
        self._config, self._desk = config, desk
        self._workspaces = Workspaces(config, desk, texts, budget or Budget())
        self.archive: Archive | None = None

    async def run(self) -> None:
        """Raises SettingError for a token that Slack refuses, or an address that can't be listened on."""
        async with lines() as session:
            self._workspaces.use(session)
            app = self._make_app(session)
            if self._config.bot_token is not None:
                who = await _patiently("SLACK_BOT_TOKEN", app.client.auth_test)
                self._workspaces.identify(Identity(who["team_id"], who["user_id"]))
            attach(app, self._listening, self._desk, self._workspaces.forget)
            self.archive = Archives(self._workspaces)
            meeting = asyncio.create_task(self._meet_members())
            try:
                await (self._run_socket(app) if self._config.mode == "socket" else self._run_server(app))
            finally:
                self.archive = None
                meeting.cancel()

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        return await (await self._workspaces.posting(outgoing.place.workspace)).deliver(outgoing)

    async def update(self, message: MessageRef, text: str) -> None:
        with contextlib.suppress(DeliveryFailed):
            await (await self._workspaces.posting(message.workspace)).update(message, text)

    async def draft(self, draft: AnswerDraft) -> None:
        await (await self._workspaces.posting(draft.place.workspace)).draft(draft)

    def _make_app(self, session: aiohttp.ClientSession) -> AsyncApp:
        """Everything that bolt would take from the environment is said."""
        client = AsyncWebClient(base_url=self._config.api_url, session=session, logger=library_log())
        options: dict[str, Any] = {"token": self._config.bot_token}
        if self._config.bot_token is None:
            store = Installations(self._desk, self._config.workspaces, self._workspaces.forget)
            flow = oauth_flow(self._config, client, store)
            options = {"oauth_flow": flow, "oauth_settings": flow.settings}
        app = AsyncApp(
            name="mentee",
            signing_secret=self._config.signing_secret or "",
            process_before_response=True,
            logger=library_log(),
            **options,
        )
        app.client.base_url, app.client.session = client.base_url, session
        return app

    async def _listening(self, team: str) -> Listening | None:
        workspace = await self._workspaces.of(team)
        return workspace.listening if workspace is not None else None

    async def _meet_members(self) -> None:
        """Tell the desk who is in the workspaces, again from time to time, so that their names are redacted."""
        while True:
            async for workspace in self._workspaces.all():
                try:
                    async for names in members(workspace.archive.client):
                        self._desk.meet(names)
                except Exception as problem:  # names of those who write are known anyway
                    log.warning("slack members not listed", error=describe(problem))
            await asyncio.sleep(MEMBERS_EVERY_S)

    async def _run_socket(self, app: AsyncApp) -> None:
        handler = AsyncSocketModeHandler(
            app, self._config.app_token, logger=library_log(), web_client=app.client, ping_interval=BEAT_S
        )
        await handler.client.aiohttp_client_session.close()  # it would wait five minutes for a greeting that got lost
        handler.client.aiohttp_client_session = lines()
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
        served = app.web_app(path=EVENTS_PATH)
        served.middlewares.append(guard(self._config.signing_secret or "", EVENTS_PATH))
        runner = web.AppRunner(served, access_log=None)
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


def lines() -> aiohttp.ClientSession:
    """The library's own session waits five minutes for an answer, and asks on lines of any age."""
    connector = aiohttp.TCPConnector(keepalive_timeout=IDLE_S)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=CALL_S))


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
