"""Looks up what Slack says of a person. Decides no role: it reports groups, or that the look-up has failed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.people import Person
from connectors.slack.errors import code_of, describe

KEPT_S = 60.0
# Slack waits 3 s for an event to be taken, and takes a slow answer to a click for a broken app.
LOOK_UP_S = 2.0
MEMBERS_AT_ONCE = 200

_OUTSIDERS = ("deleted", "is_bot", "is_restricted", "is_stranger", "is_ultra_restricted")

log = structlog.get_logger()


@dataclass
class People:
    """Each answer is kept for a minute, so that a role given or taken in Slack holds soon."""

    client: AsyncWebClient
    team: str
    staff_groups: tuple[str, ...]
    clock: Callable[[], float] = time.monotonic
    """Seconds, from wherever."""
    _persons: dict[str, tuple[float, Person]] = field(default_factory=dict)
    _members: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)

    async def known(self, person: Person) -> Person:
        """The person with name, groups and admin mark; marked as unverified when Slack can't be asked.

        Guests, bots, people of other workspaces and those who have left get no groups either.
        """
        self._forget_old()
        if person.id in self._persons:
            return self._persons[person.id][1]
        try:
            async with asyncio.timeout(LOOK_UP_S):
                found = await self._look_up(person)
        except Exception as problem:  # whatever it is, it must not make anybody staff
            log.warning("slack look-up failed", error=describe(problem))
            return replace(person, is_unverified=True)
        self._persons[person.id] = (self.clock() + KEPT_S, found)
        return found

    async def _look_up(self, person: Person) -> Person:
        user = (await self.client.users_info(user=person.id, include_locale=True))["user"]
        named = replace(person, name=_name(user) or person.name, language=user.get("locale") or "")
        if self._is_outsider(user):
            return replace(named, is_outsider=True, is_bot=bool(user.get("is_bot")))
        members = await asyncio.gather(*(self._members_of(group) for group in self.staff_groups))
        groups = frozenset(group for group, ids in zip(self.staff_groups, members, strict=True) if person.id in ids)
        is_admin = bool(user.get("is_admin") or user.get("is_owner"))
        return replace(named, groups=groups, is_workspace_admin=is_admin)

    async def _members_of(self, group: str) -> frozenset[str]:
        if group not in self._members:
            self._members[group] = (self.clock() + KEPT_S, await self._listed(group))
        return self._members[group][1]

    async def _listed(self, group: str) -> frozenset[str]:
        """A group of another workspace has no members in this one."""
        try:
            answer = await self.client.usergroups_users_list(usergroup=group)
        except SlackApiError as problem:
            if code_of(problem) != "no_such_subteam":
                raise
            return frozenset()
        return frozenset(answer["users"])

    def _is_outsider(self, user: dict[str, Any]) -> bool:
        teams = (user.get("enterprise_user") or {}).get("teams") or [user.get("team_id")]
        return self.team not in teams or any(user.get(mark) for mark in _OUTSIDERS)

    def _forget_old(self) -> None:
        now = self.clock()
        self._persons = {user: kept for user, kept in self._persons.items() if kept[0] > now}
        self._members = {group: kept for group, kept in self._members.items() if kept[0] > now}


def _name(user: dict[str, Any]) -> str:
    profile = user.get("profile") or {}
    return profile.get("display_name") or user.get("real_name") or user.get("name") or ""


async def members(reading: AsyncWebClient) -> AsyncIterator[list[str]]:
    """What the members of a workspace are called, in all the ways that Slack knows, page by page. `reading`: one that
    waits when Slack asks it to, as it does of many pages. Raises what a call raises."""
    async for page in await reading.users_list(limit=MEMBERS_AT_ONCE):
        yield [name for user in page["members"] if not user.get("is_bot") for name in _names(user)]


def _names(user: dict[str, Any]) -> set[str]:
    profile = user.get("profile") or {}
    names = (user.get("real_name"), profile.get("real_name"), profile.get("display_name"))
    return {name for name in names if name}
