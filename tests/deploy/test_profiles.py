"""Profiles from a file that may change, and from an address that may misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.errors import SettingError
from bot.people import Person, Platform
from bot.profile import Profile
from deploy.profiles import MAX_ANSWER_BYTES, make_profiles

CARA = Person(Platform.SLACK, "U1", "Cara")


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl"])
async def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path, name: str) -> None:
    def write(plan: str) -> None:
        row = {"person": "slack:U1", "plan": plan, "language": "de"}
        as_csv = f"person,plan,language\nslack:U1,{plan},de\n"
        (tmp_path / name).write_text(as_csv if name.endswith("csv") else json.dumps(row) + "\n")

    write("Pro")
    profiles = make_profiles(str(tmp_path / name))
    assert profiles is not None
    assert await profiles.of(CARA) == Profile("Pro", "", "de")
    assert await profiles.of(Person(Platform.DISCORD, "U1")) == Profile()
    write("Enterprise")
    assert (await profiles.of(CARA)).plan == "Enterprise"


@pytest.mark.parametrize("content", ["name,plan\nx,y\n", None])
def test_a_file_that_is_none_is_told_at_the_start(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "people.csv").write_text(content)
    with pytest.raises(SettingError, match="MENTEE_PROFILES"):
        make_profiles(str(tmp_path / "people.csv"))


@asynccontextmanager
async def service(answer: web.Response) -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    asked: list[dict[str, str]] = []

    async def tell(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return answer

    app = web.Application()
    app.router.add_get("/profile", tell)
    async with TestServer(app) as server:
        yield str(server.make_url("/profile")), asked


async def test_an_address_is_told_the_id_and_nothing_else() -> None:
    async with service(web.json_response({"plan": "Pro", "product": "Grove", "mail": "x"})) as (address, asked):
        profiles = make_profiles(address)
        assert profiles is not None
        assert await profiles.of(CARA) == Profile("Pro", "Grove")
    assert asked == [{"person": "slack:U1"}]


async def test_an_answer_may_come_in_pieces() -> None:
    async def tell(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for piece in (b'{"plan": ', b'"Pro"}'):
            await answer.write(piece)
            await asyncio.sleep(0.05)
        return answer

    app = web.Application()
    app.router.add_get("/profile", tell)
    async with TestServer(app) as server:
        profiles = make_profiles(str(server.make_url("/profile")))
        assert profiles is not None
        assert await profiles.of(CARA) == Profile("Pro")


async def test_a_stranger_has_no_profile() -> None:
    async with service(web.Response(status=404)) as (address, _):
        profiles = make_profiles(address)
        assert profiles is not None
        assert await profiles.of(CARA) == Profile()


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500), web.json_response(["Pro"]), web.Response(text="<html>"),
        web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        web.json_response({"plan": "Pro" * MAX_ANSWER_BYTES}),
    ],
)  # fmt: skip
async def test_what_goes_wrong_there_is_raised(answer: web.Response) -> None:
    async with service(answer) as (address, _):
        profiles = make_profiles(address)
        assert profiles is not None
        with pytest.raises((aiohttp.ClientError, ValueError)):
            await profiles.of(CARA)
