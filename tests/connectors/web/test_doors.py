"""The ways in: the operator's password, and links from the chat."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid5

import httpx
import pytest

from bot.access import Staff
from bot.ids import SHARED, Tenant
from bot.letting_in import LINK_FOR, SESSION_FOR
from bot.people import Person, Platform
from bot.policy import Policy
from bot.texts import ENGLISH
from connectors.web import posts
from connectors.web.board import Entry, Said
from connectors.web.config import WebConfig
from connectors.web.login import GUESSES
from connectors.web.visitor import SESSION
from tests.connectors.web.conftest import CONVERSATION_ID, Site, free_port, next_event, open_site, serving
from tests.house import STAFF

ANN = Person(Platform.SLACK, "U-ann", "Ann", groups=frozenset({"agents"}))
CARL = Person(Platform.SLACK, "U-carl", "Carl")
ON_THE_NET = WebConfig(host="0.0.0.0", url="https://bot.example")


async def link_of(site: Site, person: Person, tenant: Tenant = SHARED) -> str:
    letting_in = site.house.desk.routing.commands.letting_in
    return await site.house.store.run(lambda unit: letting_in.link(unit, person, site.house.desk.clock(), tenant))


async def enter(site: Site, person: Person, tenant: Tenant = SHARED) -> None:
    site.conversation = str(uuid5(UUID(CONVERSATION_ID), tenant)) if tenant else CONVERSATION_ID
    response = await site.client.post("/enter", data={"link": await link_of(site, person, tenant)})
    assert (response.status_code, response.headers["location"]) == (303, "/")


async def test_a_password_opens_the_page_until_one_leaves(tmp_path: Path) -> None:
    async with open_site(tmp_path, WebConfig(password="open sesame")) as site:
        assert (await site.client.get("/", headers={"accept": "text/html"})).headers["location"] == "/login"
        wrong = await site.client.post("/login", data={"password": "open"})
        assert (wrong.status_code, "That is not the password." in wrong.text) == (403, True)
        assert (await site.client.get("/lessons")).status_code == 401
        right = await site.client.post("/login", data={"password": "open sesame"})
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        html = await site.html("/lessons")
        assert "Log out" in html
        assert 'name="role"' in html
        secret = site.client.cookies[SESSION]
        await site.client.post("/logout", data={"csrf": site.form_token})
        assert (await site.client.get("/lessons")).status_code == 401
        site.client.cookies.set(SESSION, secret)
        assert (await site.client.get("/lessons")).status_code == 401


async def test_a_session_outlives_the_process_and_no_more_than_half_a_day(tmp_path: Path) -> None:
    async with open_site(tmp_path, WebConfig(password="open sesame")) as site:
        await site.client.post("/login", data={"password": "open sesame"})
        secret = site.client.cookies[SESSION]
        site.restart()
        site.client.cookies.set(SESSION, secret)
        assert "Log out" in await site.html("/lessons")
        late = site.house.desk.clock() + SESSION_FOR
        object.__setattr__(site.house.desk, "clock", lambda: late)
        assert (await site.client.get("/lessons")).status_code == 401


async def test_a_session_over_tls_is_for_tls_alone(tmp_path: Path) -> None:
    async with open_site(tmp_path, WebConfig(password="open sesame")) as site:
        site.client.base_url = "https://bot.example"
        site.client.headers["origin"] = "https://bot.example"
        right = await site.client.post("/login", data={"password": "open sesame"})
        assert "; secure" in right.headers["set-cookie"].lower()


async def test_guessing_is_stopped(tmp_path: Path) -> None:
    async with open_site(tmp_path, WebConfig(password="open sesame")) as site:
        object.__setattr__(site.connector.login, "pause_s", 0.0)
        for _ in range(GUESSES):
            assert (await site.client.post("/login", data={"password": "x"})).status_code == 403
        assert (await site.client.post("/login", data={"password": "open sesame"})).status_code == 429


async def test_a_link_opens_one_session_as_who_asked_for_it(tmp_path: Path) -> None:
    async with open_site(tmp_path, ON_THE_NET) as site:
        link = await link_of(site, ANN)
        looked = await site.client.get("/enter", params={"link": link})  # a preview or a scanner uses nothing up
        assert (looked.status_code, link in looked.text) == (200, True)
        first = await site.client.post("/enter", data={"link": link})
        assert (first.status_code, "; secure" in first.headers["set-cookie"].lower()) == (303, True)
        again = await site.client.post("/enter", data={"link": link})
        assert (again.status_code, ENGLISH.link_used in again.text) == (403, True)


async def test_an_old_link_opens_nothing(tmp_path: Path) -> None:
    async with open_site(tmp_path, ON_THE_NET) as site:
        link, now = await link_of(site, ANN), site.house.desk.clock()
        object.__setattr__(site.house.desk, "clock", lambda: now + LINK_FOR + timedelta(seconds=1))
        assert (await site.client.post("/enter", data={"link": link})).status_code == 403
        assert (await site.client.post("/enter", data={"link": ""})).status_code == 403


async def test_whoever_signed_in_teaches_under_their_own_name_whatever_role_the_browser_names(tmp_path: Path) -> None:
    async with open_site(tmp_path, ON_THE_NET) as site:
        site.plain_http()
        await enter(site, ANN)
        site.become("admin")
        html = await site.html("/")
        assert 'name="role"' not in html
        assert "Ann" in html
        html = await site.ask("Do you ship parcels to Norway?")
        answer = re.findall(r'data-answer="([^"]+)"', html)[0]
        await site.post("/corrections", answer=answer, question="Do you ship?", text="Yes, within five days.")
        (lesson,) = await site.house.desk.lessons()
        assert (lesson.author, lesson.author_name) == ("slack:U-ann", "Ann")
        await site.post("/commands", text="retrain")
        assert "Only admins can use <code>retrain</code>" in await site.html("/")


async def test_who_came_from_a_workspace_sees_what_was_taught_there(tmp_path: Path) -> None:
    policy = Policy(staff=STAFF, separate=True)
    async with open_site(tmp_path, ON_THE_NET, policy) as site:
        site.plain_http()
        await enter(site, ANN, Tenant("slack:T1"))
        html = await site.ask("Do you ship parcels to Norway?")
        answer = re.findall(r'data-answer="([^"]+)"', html)[0]
        await site.post("/corrections", answer=answer, question="Do you ship?", text="Yes, within five days.")
        assert "within five days" in await site.html("/lessons")
        await enter(site, ANN, Tenant("slack:T2"))
        for path in ("/", "/lessons", "/adapters"):
            assert "within five days" not in await site.html(path)
        assert "within five days" not in await site.ask("Do you ship?")
        assert (await site.client.get(f"/corrections/{answer}")).status_code == 400
        await enter(site, ANN, Tenant("slack:T1"))
        assert "within five days" in await site.ask("Do you ship?")


async def test_who_is_no_agent_any_more_is_out(tmp_path: Path) -> None:
    async with open_site(tmp_path, ON_THE_NET) as site:
        site.plain_http()
        await enter(site, ANN)
        assert (await site.client.get("/lessons")).status_code == 200
        object.__setattr__(site.house.desk.routing.commands.policy, "staff", Staff())
        assert (await site.client.get("/lessons")).status_code == 401
        object.__setattr__(site.house.desk.routing.commands.policy, "staff", STAFF)


async def test_a_line_ends_with_what_let_it_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "LOOK_AGAIN_S", 0.05)
    async with (
        open_site(tmp_path, WebConfig(password="open sesame", port=free_port())) as site,
        serving(site) as address,
        httpx.AsyncClient(base_url=address, headers={"origin": address}) as browser,
        asyncio.timeout(20),
    ):
        assert (await browser.post("/login", data={"password": "open sesame"})).status_code == 303
        secret = browser.cookies[SESSION]
        async with browser.stream("GET", f"/events/{CONVERSATION_ID}") as stream:
            assert stream.status_code == 200
            await asyncio.sleep(0.2)  # the pass holds, and so does the line
            site.connector._board.put(CONVERSATION_ID, Entry("first", site.house.desk.clock(), Said("While it holds.")))
            lines = stream.aiter_lines()
            assert "While it holds." in (await next_event(lines))[1]
            await site.house.desk.leave(secret)
            site.connector._board.put(CONVERSATION_ID, Entry("second", site.house.desk.clock(), Said("Not for them.")))
            assert not any("Not for them." in line for line in [line async for line in lines])
        assert (await browser.get(f"/events/{CONVERSATION_ID}")).status_code == 401


async def test_a_customers_link_is_none(tmp_path: Path) -> None:
    async with open_site(tmp_path, ON_THE_NET) as site:
        assert (await site.client.post("/enter", data={"link": await link_of(site, CARL)})).status_code == 403
