"""Who is staff is looked up, kept for a minute, and nobody at all when the look-up fails."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.people import Person, Platform
from connectors.slack import people
from connectors.slack.people import People, members
from tests.connectors.slack.web_api import Reply, WebApi, web_api

ANN = Person(Platform.SLACK, "U1", "ann")
UNKNOWN = replace(ANN, is_unverified=True)


def user(**more: Any) -> dict[str, Any]:
    return {"user": {"id": "U1", "team_id": "T1", "name": "ann", "profile": {"display_name": "Ann A"}, **more}}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def api() -> AsyncIterator[WebApi]:
    async with web_api(users_info=user(is_admin=True)) as api:
        api.replies["usergroups.users.list"] = Reply({"ok": True, "users": ["U1", "U2"]})
        yield api


def people_of(api: WebApi, clock: Clock | None = None) -> People:
    client = AsyncWebClient(token="xoxb-1", base_url=api.url)
    return People(client, "T1", ("S0AGENTS",), clock or Clock())


async def test_groups_name_and_admin_mark_are_looked_up(api: WebApi) -> None:
    assert await people_of(api).known(ANN) == Person(Platform.SLACK, "U1", "Ann A", frozenset({"S0AGENTS"}), True)


async def test_in_which_language_somebody_sees_slack_is_asked_for(api: WebApi) -> None:
    api.replies["users.info"] = Reply({"ok": True, **user(locale="de-DE")})
    assert (await people_of(api).known(ANN)).language == "de-DE"
    (asked,) = api.called("users.info")
    assert asked["include_locale"] in ("1", "true", True)


async def test_who_is_in_no_group_has_none(api: WebApi) -> None:
    api.replies["usergroups.users.list"] = Reply({"ok": True, "users": ["U7"]})
    api.replies["users.info"] = Reply({"ok": True, **user(is_owner=False)})
    assert await people_of(api).known(ANN) == Person(Platform.SLACK, "U1", "Ann A")


@pytest.mark.parametrize(
    "mark",
    [
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_stranger": True},
        {"is_bot": True},
        {"deleted": True},
        {"team_id": "T2"},
        {"enterprise_user": {"teams": ["T2", "T3"]}},
    ],
)
async def test_outsiders_are_in_no_group_whatever_the_lists_say(api: WebApi, mark: dict[str, Any]) -> None:
    api.replies["users.info"] = Reply({"ok": True, **user(is_admin=True, **mark)})
    known = await people_of(api).known(ANN)
    assert known == Person(Platform.SLACK, "U1", "Ann A", is_outsider=True, is_bot="is_bot" in mark)


async def test_in_an_enterprise_the_home_may_be_another_workspace(api: WebApi) -> None:
    api.replies["users.info"] = Reply({"ok": True, **user(team_id="T2", enterprise_user={"teams": ["T2", "T1"]})})
    assert (await people_of(api).known(ANN)).groups == {"S0AGENTS"}


@pytest.mark.parametrize("method", ["users.info", "usergroups.users.list"])
@pytest.mark.parametrize(
    "reply",
    [
        Reply({"ok": False, "error": "missing_scope"}),
        Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "30"}),
        Reply("<h1>Bad gateway</h1>", 502),
        Reply({"ok": True}),
    ],
)
async def test_a_look_up_that_fails_makes_nobody_staff_and_is_not_kept(api: WebApi, method: str, reply: Reply) -> None:
    found, known = api.replies[method], people_of(api)
    api.replies[method] = reply
    assert await known.known(ANN) == UNKNOWN
    api.replies[method] = found
    assert (await known.known(ANN)).groups == {"S0AGENTS"}


async def test_nobody_is_staff_while_slack_is_away(api: WebApi) -> None:
    known = people_of(api)
    known.client.base_url = "http://127.0.0.1:1/"
    assert await known.known(ANN) == UNKNOWN


async def test_a_slow_slack_is_not_waited_for(api: WebApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "LOOK_UP_S", 0.0)
    assert await people_of(api).known(ANN) == UNKNOWN


async def test_what_was_found_is_kept_for_a_minute_and_no_longer(api: WebApi) -> None:
    clock = Clock()
    known = people_of(api, clock)
    await known.known(ANN)
    clock.now = people.KEPT_S - 1
    await known.known(ANN)
    assert len(api.calls) == 2  # the person and the group
    clock.now = people.KEPT_S + 1
    api.replies["usergroups.users.list"] = Reply({"ok": True, "users": []})
    assert (await known.known(ANN)).groups == frozenset()
    assert len(api.calls) == 4


async def test_a_groups_members_are_asked_for_once_for_all(api: WebApi) -> None:
    known = people_of(api)
    await known.known(ANN)
    await known.known(Person(Platform.SLACK, "U2"))
    assert len(api.called("usergroups.users.list")) == 1


async def test_members_are_listed_by_all_their_names(api: WebApi) -> None:
    ann = {"id": "U1", "real_name": "Ann Archer", "profile": {"real_name": "Ann Archer", "display_name": "annie"}}
    bot = {"id": "U2", "real_name": "Robot", "is_bot": True}
    api.replies["users.list"] = Reply({"ok": True, "members": [ann, bot, {"id": "U3", "real_name": None}]})
    listed = [sorted(names) async for names in members(people_of(api).client)]
    assert listed == [["Ann Archer", "annie"]]
