"""The workspaces that the bot speaks in, each with its own token: the one of the settings, or those that installed it.

What belongs to one workspace (who the bot is there, who its people are, what is on its way) never serves another.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.desk import Desk
from bot.errors import DeliveryFailed, SettingError
from bot.events import Place
from bot.history import Seen
from bot.people import Person, Platform
from bot.texts import Texts
from connectors.slack.config import SlackConfig
from connectors.slack.errors import describe, is_transient, library_log
from connectors.slack.history import Budget, SlackArchive
from connectors.slack.listening import Listening
from connectors.slack.parsing import Identity
from connectors.slack.people import People
from connectors.slack.posting import Posting

READ_RETRIES = 3

log = structlog.get_logger()


@dataclass(frozen=True)
class Workspace:
    posting: Posting
    listening: Listening
    archive: SlackArchive


class Workspaces:
    def __init__(self, config: SlackConfig, desk: Desk, texts: Texts, budget: Budget) -> None:
        self._config, self._desk, self._texts, self._budget = config, desk, texts, budget
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
        listening = Listening(self._desk, bot, people, posting, posting.client, self._texts)
        patient = AsyncRateLimitErrorRetryHandler(max_retry_count=READ_RETRIES)
        reading = AsyncWebClient(
            token=posting.client.token, base_url=self._config.api_url, session=self._session, retry_handlers=[patient],
            logger=library_log(),
        )  # fmt: skip
        return Workspace(posting, listening, SlackArchive(reading, bot, people, self._budget, self._desk.marks))


@dataclass(frozen=True)
class Archives:
    """The histories of all workspaces. Implements bot.ports.Archive."""

    workspaces: Workspaces
    _listed: dict[str, Sequence[Place]] = field(default_factory=dict)
    """By workspace, the channels that were listed last."""

    async def channels(self) -> Sequence[Place]:
        """Of all workspaces. Where one can't be asked (its token is void, or lacks a right that came later), those of
        the last time: a channel that isn't named any more loses its watermark."""
        found: list[Place] = []
        async for workspace in self.workspaces.all():
            team = workspace.archive.bot.team
            try:
                self._listed[team] = await workspace.archive.channels()
            except SettingError as problem:
                log.warning("slack history not read", workspace=team, remedy=str(problem))
            except SlackApiError as problem:
                if is_transient(problem) and team not in self._listed:
                    raise
                log.warning("slack history not read", workspace=team, error=describe(problem))
            found += self._listed.get(team, ())
        return found

    async def look(
        self, place: Place, since: datetime, read_until: datetime, threads: Collection[str] = ()
    ) -> AsyncIterator[Seen]:
        workspace = await self.workspaces.of(place.workspace)
        if workspace is not None:
            async for seen in workspace.archive.look(place, since, read_until, threads):
                yield seen

    async def identify(self, person: Person, place: Place) -> Person:
        workspace = await self.workspaces.of(place.workspace)
        return await workspace.archive.identify(person, place) if workspace is not None else person
