"""Installing the app in workspaces by OAuth: bolt's own flow, kept behind the desk.

`/slack/install` sends the installer to Slack, `/slack/oauth_redirect` takes the code that Slack sends back. A state
goes along, which is good once, for ten minutes, and only in the browser that it was given to. Tokens go from Slack to
the desk; no log sees one, nor a code.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from slack_sdk.oauth.installation_store import Installation as SlackInstallation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient

from bot.desk import Desk
from bot.installations import Installation
from bot.installing import STATE_FOR
from bot.people import Person, Platform
from connectors.slack.config import SlackConfig
from connectors.slack.surface import SCOPES

INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"

log = structlog.get_logger()


@dataclass
class States(AsyncOAuthStateStore):
    """bolt's store, over the desk: a restart between leaving and coming back changes nothing."""

    desk: Desk

    async def async_issue(self, *_: object, **__: object) -> str:
        return await self.desk.begin_installing()

    async def async_consume(self, state: str) -> bool:
        return await self.desk.came_back(state)


@dataclass
class Installations(AsyncInstallationStore):
    """bolt's store, over the desk. Only workspaces that the operator named may install."""

    desk: Desk
    allowed: tuple[str, ...]
    changed: Callable[[str], None]
    """Hears of a workspace whose token is another one."""

    async def async_save(self, installation: SlackInstallation) -> None:
        team = installation.team_id or ""
        if team not in self.allowed or installation.bot_token is None:
            log.warning(
                "slack installation refused", workspace=team, remedy="SLACK_WORKSPACES names who may install it"
            )
            raise BoltError("This workspace may not install the app.")
        await self.desk.install(
            Installation(
                platform=Platform.SLACK,
                workspace=team,
                name=installation.team_name or "",
                bot_user=installation.bot_user_id or "",
                bot=installation.bot_id or "",
                token=installation.bot_token,
                scopes=tuple(installation.bot_scopes or ()),
                by=Person(Platform.SLACK, installation.user_id).key,
                at=datetime.fromtimestamp(installation.installed_at, UTC),
            )
        )
        self.changed(team)
        log.info("slack installed", workspace=team)


@dataclass
class Authorizing(AsyncAuthorize):
    """Whose workspace a request is from: what was kept when it installed the app, without asking Slack.

    bolt's own takes a store that fails for a workspace that isn't installed, and answers 200: Slack would forget an
    event that is on no disk. Here the failure comes through, and bolt answers 500.
    """

    desk: Desk

    async def __call__(self, *, team_id: str | None, **_: object) -> AuthorizeResult | None:
        """None for a workspace that isn't installed. Raises what the store raises."""
        found = await self.desk.installation(Platform.SLACK, team_id or "")
        if found is None:
            return None
        return AuthorizeResult(
            enterprise_id=None, team_id=found.workspace, bot_id=found.bot, bot_user_id=found.bot_user,
            bot_token=found.token, bot_scopes=found.scopes,
        )  # fmt: skip


def oauth_flow(config: SlackConfig, client: AsyncWebClient, store: Installations) -> AsyncOAuthFlow:
    """bolt's flow with everything that it would take from the environment, or keep in files, said here."""
    silent = logging.getLogger("mentee.slack.oauth")
    silent.setLevel(logging.CRITICAL)  # bolt would name the code that Slack refused
    settings = AsyncOAuthSettings(
        client_id=config.client_id,
        client_secret=config.client_secret,
        scopes=sorted(SCOPES),
        user_scopes=[],
        install_path=INSTALL_PATH,
        redirect_uri_path=REDIRECT_PATH,
        installation_store=store,
        state_store=States(store.desk),
        state_expiration_seconds=int(STATE_FOR.total_seconds()),
        callback_options=AsyncCallbackOptions(success=_installed, failure=_failed),
        logger=silent,
    )
    settings.authorize = Authorizing(store.desk)
    return AsyncOAuthFlow(client=client, logger=silent, settings=settings)


async def _installed(args: AsyncSuccessArgs) -> BoltResponse:
    return await args.default.success(args)


async def _failed(args: AsyncFailureArgs) -> BoltResponse:
    log.warning("slack installation failed", reason=args.reason)
    return await args.default.failure(args)
