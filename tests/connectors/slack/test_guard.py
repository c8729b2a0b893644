"""What is let through in HTTP mode: signed by Slack, lately, once; and nothing that anybody sends breaks the server."""

import asyncio
import json
import random
import string
import time
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, make_mocked_request
from multidict import CIMultiDict
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.desk import Desk
from bot.errors import DatabaseError
from bot.events import Event
from bot.texts import ENGLISH
from connectors.slack.connector import EVENTS_PATH
from connectors.slack.guard import REMEMBERED_S, SIGNATURE, TIMESTAMP, Signatures, guard
from connectors.slack.listening import Listening, attach
from connectors.slack.people import People
from connectors.slack.posting import Posting
from tests.connectors.slack.listeners import always
from tests.connectors.slack.payloads import BOT, command, message
from tests.connectors.slack.web_api import web_api

SECRET = "a-signing-secret"
NOW = 1_800_000_000
Headers = CIMultiDict[str]


def signed(body: bytes, at: int = NOW, kind: str = "application/json") -> Headers:
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=str(at), body=body.decode())
    assert signature is not None
    return CIMultiDict({"Content-Type": kind, TIMESTAMP: str(at), SIGNATURE: signature})


def event(number: int = 1) -> bytes:
    happened = message(f"How {number}?", ts=f"1712345678.{number:06}")
    return json.dumps(
        {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{number}", "event": happened}
    ).encode()


class Door:
    """The middleware with a stub of bolt behind it."""

    def __init__(self) -> None:
        self.now = float(NOW)
        self.let_in: list[bytes] = []
        self.status = 200
        self._check = guard(SECRET, EVENTS_PATH, lambda: self.now)

    async def send(self, headers: Headers, body: bytes) -> int:
        async def bolt(request: web.Request) -> web.StreamResponse:
            self.let_in.append(await request.read())
            return web.Response(status=self.status)

        request = make_mocked_request("POST", EVENTS_PATH, headers=headers)
        request._read_bytes = body
        answer = await self._check(request, bolt)
        return cast(int, answer.status)


# --- one at a time ---------------------------------------------------------------------------------------------------


async def test_what_slack_signed_is_let_in_once() -> None:
    door = Door()
    assert await door.send(signed(event()), event()) == 200
    assert await door.send(signed(event()), event()) == 401
    assert door.let_in == [event()]


async def test_what_came_to_nothing_may_be_sent_again() -> None:
    door = Door()
    door.status = 500
    assert await door.send(signed(event()), event()) == 500
    door.status = 200
    assert await door.send(signed(event()), event()) == 200


@pytest.mark.parametrize("late", [-301, 301, 100_000])
async def test_old_and_future_requests_are_refused(late: int) -> None:
    assert await Door().send(signed(event(), NOW + late), event()) == 401


@pytest.mark.parametrize(
    "timestamp",
    ["", "x", "1e9", "-1", "+1", "１８００００００００", "9" * 13, "9" * 4_000, "0x1", f"{NOW}.0", f" {NOW}", "NaN"],
)
async def test_a_timestamp_that_is_no_time_is_refused(timestamp: str) -> None:
    headers = signed(event())
    headers[TIMESTAMP] = timestamp
    assert await Door().send(headers, event()) == 401


@pytest.mark.parametrize("signature", ["", "v0=", "v0=é", "v1=" + "0" * 64, "v0=" + "0" * 64, "v0=" + "F" * 64])
async def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    headers = signed(event())
    headers[SIGNATURE] = signature
    assert await Door().send(headers, event()) == 401


@pytest.mark.parametrize("name", [SIGNATURE, TIMESTAMP])
async def test_a_header_that_is_missing_or_twice_there_is_refused(name: str) -> None:
    twice, without = signed(event()), signed(event())
    twice.add(name, twice[name])
    del without[name]
    assert [await Door().send(headers, event()) for headers in (twice, without)] == [401, 401]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", event()),
        ("application/json; charset=utf-16", event()),
        ("application/json; charset=nonsense", event()),
        ("application/json", b"[]"),
        ("application/json", b"{"),
        ("application/json", b"[" * 100_000),
        ("application/x-www-form-urlencoded", b"payload=[1]"),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(200))),
    ],
)
async def test_what_the_signature_does_not_cover_must_be_slacks(kind: str, body: bytes) -> None:
    door = Door()
    assert await door.send(signed(body, kind=kind), body) == 400
    assert door.let_in == []


def test_signatures_are_forgotten_when_they_hold_no_more() -> None:
    now = 0.0
    signatures = Signatures(lambda: now)
    assert signatures.is_new("a")
    now = REMEMBERED_S - 1
    assert not signatures.is_new("a")
    now = REMEMBERED_S
    assert signatures.is_new("b")
    assert list(signatures._seen) == ["b"]


# --- very many -------------------------------------------------------------------------------------------------------


def _flip(rng: random.Random, data: bytes) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]


def _noise(rng: random.Random) -> str:
    return "".join(rng.choice(string.printable[:95] + "é０\u202e") for _ in range(rng.randrange(90)))


def mutate(rng: random.Random, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """A signed request of which something was changed that the signature covers."""
    given = headers[SIGNATURE]
    place = 3 + rng.randrange(64)
    other = rng.choice([digit for digit in "0123456789abcdef" if digit != given[place]])
    changed_body = [_flip(rng, body), body[: rng.randrange(len(body))], body + rng.randbytes(1 + rng.randrange(9))]
    changed_headers = [
        {TIMESTAMP: str(NOW + rng.choice([-1, 1]) * rng.randrange(1, 10**9))},
        {TIMESTAMP: _noise(rng)},
        {SIGNATURE: given[:place] + other + given[place + 1 :]},
        {SIGNATURE: _noise(rng)},
    ]
    what = rng.randrange(8)
    if what < 3:
        body = changed_body[what]
    elif what < 7:
        headers.update(changed_headers[what - 3])
    else:
        del headers[rng.choice([SIGNATURE, TIMESTAMP])]
    if rng.random() < 0.2:
        headers["Content-Type"] = _noise(rng)
    return headers, body


async def test_forgeries() -> None:
    await forge(500)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_ten_thousand_forgeries() -> None:
    await forge(10_000)


async def forge(count: int) -> None:
    door, rng = Door(), random.Random(1)
    answers = set()
    for number in range(count):
        body = event(number)
        answers.add(await door.send(*mutate(rng, signed(body), body)))
    assert door.let_in == []
    assert answers == {401}


class Inbox:
    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.is_full = False

    async def receive(self, event: Event) -> bool:
        if self.is_full:
            raise DatabaseError("The disk is full.")
        self.taken.append(event)
        return True

    def clock(self) -> datetime:
        return datetime.fromtimestamp(NOW, UTC)


async def test_a_thousand_replays_over_the_wire_have_one_effect_each() -> None:
    """Real sockets, real bolt: ten requests, each taken once and sent a hundred times more, ten at once."""
    inbox, now = Inbox(), int(time.time())
    who = {"team_id": "T1", "user_id": BOT.user, "bot_id": "B0BOT", "url": "https://t1.slack.com/", "team": "t"}
    async with web_api(auth_test=who) as api:
        client = AsyncWebClient(token="xoxb-1", base_url=api.url)
        app = AsyncApp(client=client, signing_secret=SECRET, process_before_response=True)
        posting = Posting(client, ENGLISH, None)
        listening = Listening(cast(Desk, inbox), BOT, People(client, "T1", ()), posting, client, ENGLISH)
        attach(app, always(listening), cast(Desk, inbox), lambda _: None)
        served = app.web_app(path=EVENTS_PATH)
        served.middlewares.append(guard(SECRET, EVENTS_PATH))
        forms = [
            (urlencode(command(trigger_id=f"1.{n}")).encode(), "application/x-www-form-urlencoded") for n in range(5)
        ]
        events = [(event(number), "application/json") for number in range(5)]
        sent = [(body, signed(body, now, kind)) for body, kind in (*forms, *events)]
        async with TestServer(served) as server, aiohttp.ClientSession() as session:

            async def send(body: bytes, headers: Headers) -> int:
                async with session.post(server.make_url(EVENTS_PATH), data=body, headers=headers) as answer:
                    return answer.status

            inbox.is_full = True
            assert {await send(*each) for each in sent} == {500}
            inbox.is_full = False
            assert {await send(*each) for each in sent} == {200}
            answers = set()
            for _ in range(100):
                answers |= set(await asyncio.gather(*(send(*each) for each in sent)))
    assert answers == {401}
    assert len(inbox.taken) == len(sent)
