"""Who may send requests to the page, by host name, origin and session."""

from dataclasses import dataclass
from typing import cast

import httpx
import pytest
from starlette.responses import PlainTextResponse

from bot.desk import Desk
from bot.passes import PassKind
from bot.texts import ENGLISH, Texts
from connectors.web.config import WebConfig
from connectors.web.guard import Guard
from connectors.web.limits import Limits

OURS = {"origin": "http://127.0.0.1:8080"}


@dataclass(frozen=True)
class EmptyDesk:
    texts: Texts = ENGLISH

    async def holder(self, _: str, __: PassKind) -> None:
        return None


NOBODY = cast(Desk, EmptyDesk())


def client(config: WebConfig | None = None, host: str = "127.0.0.1:8080") -> httpx.AsyncClient:
    guard = Guard(PlainTextResponse("inside"), config or WebConfig(), NOBODY)
    return httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=f"http://{host}")


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "localhost"])
async def test_names_of_this_machine_are_let_in(host: str) -> None:
    async with client() as browser:
        assert (await browser.get("/", headers={"host": host})).text == "inside"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "[::", "127.0.0.2"]
)
async def test_a_foreign_name_that_points_here_is_not(host: str) -> None:
    async with client() as browser:
        response = await browser.get("/", headers={"host": host})
        healthz = await browser.get("/healthz", headers={"host": host})
    assert response.status_code == 421
    assert healthz.text == "inside"


@pytest.mark.parametrize(
    "headers",
    [
        OURS,
        {"sec-fetch-site": "same-origin"},
        OURS | {"sec-fetch-site": "same-origin"},
    ],
)
async def test_our_own_page_may_post(headers: dict[str, str]) -> None:
    async with client() as browser:
        assert (await browser.post("/", headers=headers)).text == "inside"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "http://localhost:8080"},
        {"origin": "http://127.0.0.1:8080.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        OURS | {"sec-fetch-site": "cross-site"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nobody_else_may(method: str, headers: dict[str, str]) -> None:
    async with client() as browser:
        assert (await browser.request(method, "/", headers=headers)).status_code == 403


async def test_where_people_sign_in_nothing_is_shown_without_a_session() -> None:
    async with client(WebConfig(password="hello world")) as browser:
        page = await browser.get("/", headers={"accept": "text/html"})
        stream = await browser.get("/events/x", headers={"accept": "text/event-stream"})
        post = await browser.post("/messages", headers=OURS)
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    assert (stream.status_code, post.status_code) == (401, 401)


@pytest.mark.parametrize("path", ["/login", "/enter", "/healthz", "/static/page.css"])
async def test_the_door_itself_is_open(path: str) -> None:
    async with client(WebConfig(password="hello world")) as browser:
        assert (await browser.get(path)).text == "inside"


async def test_too_much_is_refused_and_reading_is_free() -> None:
    guard = Guard(PlainTextResponse("inside"), WebConfig(), NOBODY, Limits(2))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url="http://127.0.0.1:8080") as browser:
        posts = [await browser.post("/", headers=OURS) for _ in range(3)]
        reads = [await browser.get("/") for _ in range(3)]
    assert [post.status_code for post in posts] == [200, 200, 429]
    assert int(posts[-1].headers["retry-after"]) >= 1
    assert {read.status_code for read in reads} == {200}


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "evil.example"])
async def test_every_response_carries_the_headers(host: str) -> None:
    async with client() as browser:
        headers = (await browser.get("/", headers={"host": host})).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
