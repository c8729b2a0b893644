"""The workspaces that the bot speaks in, each with its own token: the one of the settings, or those that installed it.

What belongs to one workspace (who the bot is there, who its people are, what is on its way) never serves another.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.desk import Desk
from bot.errors import DeliveryFailed
from bot.people import Platform
from bot.texts import Texts
from connectors.slack.config import SlackConfig
from connectors.slack.errors import library_log
from connectors.slack.listening import Listening
from connectors.slack.parsing import Identity
from connectors.slack.people import People
from connectors.slack.posting import Posting


@dataclass(frozen=True)
class Workspace:
    posting: Posting
    listening: Listening

    @property
    def people(self) -> People:
        return self.listening.people


class Workspaces:
    def __init__(self, config: SlackConfig, desk: Desk, texts: Texts) -> None:
        self._config, self._desk, self._texts = config, desk, texts
        self._session: aiohttp.ClientSession | None = None
        self._known: dict[str, Workspace] = {}
        self._only = self._make_posting(config.bot_token) if config.bot_token is not None else None
        """Of the settings' token: it can be spoken with before Slack has said which workspace it is for."""

    def use(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._known.clear()
        if self._only is not None:
            self._only.client.session = session

    def identify(self, bot: Identity) -> None:
        """Who the settings' token is."""
        assert self._only is not None, "there is such a token"
        self._known[bot.team] = self._make(bot, self._only)

    def forget(self, team: str) -> None:
        """It has another token, or none any more."""
        if self._only is None:
            self._known.pop(team, None)

    async def of(self, team: str) -> Workspace | None:
        """None where the app isn't installed. The settings' token serves all that Slack sends with it."""
        if self._only is not None:
            return next(iter(self._known.values()), None)
        if team not in self._known:
            found = await self._desk.installation(Platform.SLACK, team)
            if found is not None:
                workspace = self._make(Identity(team, found.bot_user), self._make_posting(found.token))
                self._known.setdefault(team, workspace)  # others may have looked, too
        return self._known.get(team)

    async def posting(self, team: str) -> Posting:
        """Raises DeliveryFailed."""
        if self._only is not None:
            return self._only
        found = await self.of(team)
        if found is None:
            raise DeliveryFailed(f"The app isn't installed in the Slack workspace {team} any more.")
        return found.posting

    async def all(self) -> AsyncIterator[Workspace]:
        if self._only is None:
            for installation in await self._desk.installations(Platform.SLACK):
                await self.of(installation.workspace)
        for workspace in list(self._known.values()):
            yield workspace

    def _make_posting(self, token: str) -> Posting:
        client = AsyncWebClient(
            token=token, base_url=self._config.api_url, session=self._session, retry_handlers=[], logger=library_log()
        )
        return Posting(client, self._texts, self._config.agents_mention)

    def _make(self, bot: Identity, posting: Posting) -> Workspace:
        """Looking up may be tried again by the library, posting may not."""
        looking = AsyncWebClient(
            token=posting.client.token, base_url=self._config.api_url, session=self._session, logger=library_log()
        )
        people = People(looking, bot.team, self._config.staff_groups)
        return Workspace(posting, Listening(self._desk, bot, people, posting, posting.client, self._texts))
