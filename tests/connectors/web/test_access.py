"""Who may do what on the page: every route that changes something, from everybody who shouldn't send it; tokens by
scope; and the table of access for whoever signed in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pysqlite3.dbapi2 as sqlite
import pytest

from bot.access import COMMANDS
from bot.errors import BadInput
from bot.passes import PassKind, Scope, form_token
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.web.config import WebConfig
from connectors.web.connector import WebConnector
from connectors.web.visitor import SCOPES, SESSION
from storage import writer
from tests.connectors.access import Who, decisions, staff_naming, wanted
from tests.connectors.web.conftest import CONVERSATION_ID, Site, open_site

ANN = Person(Platform.SLACK, "U-ann", "Ann", groups=frozenset({"agents"}))
OPEN = {"/login", "/enter"}
"""They are what gives a session; a password or a link is needed for them."""
BODIES: dict[str, dict[str, Any]] = {
    "/messages": {"text": "How?"},
    "/reactions": {"message": "m", "emoji": "✅", "added": True},
    "/choices": {"answer": "a", "fact": None},
    "/presses": {"code": "claim:a:"},
    "/corrections": {"answer": "a", "question": "q", "text": "t"},
    "/commands": {"text": "pause"},
}
FORMS: dict[str, dict[str, str]] = {
    "/role": {"role": "admin"}, "/conversation": {}, "/logout": {},
    "/login": {"password": "x"}, "/enter": {"link": "x"}, "/uploads": {},
    "/restorations": {"row": "x"},
}  # fmt: skip
ASKED_FOR = {"/uploads": {"name": "faq.csv"}}
"""In the address."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, WebConfig(host="0.0.0.0", password="open sesame", posts_a_minute=0)) as opened:
        yield opened


def unsafe_routes(connector: WebConnector) -> Iterator[str]:
    for path, methods in connector.app.openapi()["paths"].items():
        if not methods.keys() <= {"get", "head", "options"}:
            yield path


async def send(site: Site, path: str, session: str = "", **headers: str) -> httpx.Response:
    site.client.cookies.clear()
    if session:
        site.client.cookies.set(SESSION, session)
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    if path in FORMS:
        return await site.client.post(path, data=FORMS[path], headers=given, params=ASKED_FOR.get(path))
    body = {"id": str(uuid4()), "conversation": CONVERSATION_ID, **BODIES[path]}
    return await site.client.post(path, json=body, headers=given)


async def session_of(site: Site, person: Person = ANN) -> str:
    return await site.house.desk.sign_in(person)


async def test_nothing_that_changes_something_is_open(site: Site) -> None:
    """Each unsafe route × no session, one that was ended, no form token, another's, another site."""
    ours, theirs, ended = [await session_of(site) for _ in range(3)]
    await site.house.desk.leave(ended)
    routes = sorted(set(unsafe_routes(site.connector)))
    assert set(routes) == {*BODIES, *FORMS}
    answers: dict[tuple[str, str], int] = {}
    for path in routes:
        good = {"x_csrf_token": form_token(ours)}
        attempts = {
            "foreign origin": await send(site, path, ours, origin="https://evil.example", **good),
            "foreign site": await send(site, path, ours, sec_fetch_site="cross-site", **good),
        }
        if path not in OPEN:
            attempts |= {
                "no session": await send(site, path),
                "ended session": await send(site, path, ended, x_csrf_token=form_token(ended)),
                "made up session": await send(site, path, "x" * 43, x_csrf_token=form_token("x" * 43)),
                "no form token": await send(site, path, ours),
                "another's form token": await send(site, path, ours, x_csrf_token=form_token(theirs)),
            }
        answers |= {(path, name): answer.status_code for name, answer in attempts.items()}
    assert {cell for cell, status in answers.items() if status not in (401, 403)} == set()
    assert await site.house.store.run(lambda unit: unit.inbox.pending()) == []
    assert (await send(site, "/messages", ours, x_csrf_token=form_token(ours))).status_code == 202


async def test_a_form_brings_its_token_along(site: Site) -> None:
    session = await session_of(site)
    site.client.cookies.set(SESSION, session)
    html = await site.html("/")
    sent_by_scripts = 2  # the question and the correction: a header goes along
    assert html.count(f'name="csrf" value="{form_token(session)}"') == html.count("<form") - sent_by_scripts
    left = await site.client.post("/logout", data={"csrf": form_token(session)})
    assert left.status_code == 303
    assert await site.house.desk.holder(session, PassKind.SESSION) is None


async def test_a_token_is_good_for_its_scopes_alone(site: Site) -> None:
    """Each route × each scope: only the one that the table names, and none for people's routes."""
    letting_in, now = site.house.desk.routing.commands.letting_in, site.house.desk.clock()

    async def token(*scopes: Scope) -> str:
        return await site.house.store.run(
            lambda unit: letting_in.token(unit, "a program", frozenset(scopes), 1, "cli:operator", now)
        )

    allowed, named = {}, {}
    del site.client.headers["origin"]
    for scope in Scope:
        secret = await token(scope)
        for path in (*BODIES, *FORMS):
            answer = await send(site, path, authorization=f"Bearer {secret}")
            allowed[path, scope] = answer.status_code < 400
            named[path, scope] = SCOPES.get(("POST", path)) is scope
    assert allowed == named
    everything = await token(*Scope)
    assert (await send(site, "/role", authorization=f"Bearer {everything}")).status_code == 403
    for wrong in ("Bearer x", "Basic x", "Bearer ", f"Basic {everything}"):
        assert (await send(site, "/messages", authorization=wrong)).status_code == 401
    site.client.cookies.clear()
    assert (await site.client.get("/lessons", headers={"authorization": f"Bearer {everything}"})).status_code == 200
    session = await session_of(site)
    assert (await send(site, "/messages", authorization=f"Bearer {session}")).status_code == 401
    own = {"x_csrf_token": form_token(everything), "sec_fetch_site": "same-origin"}
    assert (await send(site, "/messages", everything, **own)).status_code == 401


async def test_a_token_has_the_rights_of_the_scope_that_it_uses(site: Site) -> None:
    letting_in, now = site.house.desk.routing.commands.letting_in, site.house.desk.clock()
    both = frozenset({Scope.ASK, Scope.COMMAND})
    secret = await site.house.store.run(lambda unit: letting_in.token(unit, "p", both, 1, "cli:operator", now))
    del site.client.headers["origin"]
    await send(site, "/commands", authorization=f"Bearer {secret}")
    await site.house.settle()
    assert (await site.house.desk.status()).paused
    await send(site, "/reactions", authorization=f"Bearer {secret}")
    await site.house.settle()
    with pytest.raises(BadInput):
        await site.house.store.run(lambda unit: letting_in.revoke(unit, "nothing", "cli:operator", now))
    (given,) = [each for each in await site.house.store.run(lambda unit: unit.passes.all()) if each.scopes]
    await site.house.store.run(lambda unit: letting_in.revoke(unit, given.id[-8:], "cli:operator", now))
    assert (await send(site, "/messages", authorization=f"Bearer {secret}")).status_code == 401


async def test_secrets_are_kept_as_hashes(site: Site, tmp_path: Path) -> None:
    session = await session_of(site)
    kept = await asyncio.to_thread(lambda: b"".join(file.read_bytes() for file in tmp_path.glob("mentee.db*")))
    assert session.encode() not in kept


# --- the table -------------------------------------------------------------------------------------------------------

IDS = {who: f"U-{who}" for who in Who}
MARKS = {
    Who.GUEST: "is_outsider", Who.STRANGER: "is_outsider", Who.EX_MEMBER: "is_outsider", Who.UNKNOWN: "is_unverified",
    Who.BOT: "is_bot", Who.ADMIN: "is_workspace_admin",
}  # fmt: skip


async def enter(site: Site, person: Person) -> Person | None:
    """As whom the page takes them after `/mentee login`; None when it doesn't."""
    letting_in, now = site.house.desk.routing.commands.letting_in, site.house.desk.clock()
    link = await site.house.store.run(lambda unit: letting_in.link(unit, person, now))
    session = await site.house.desk.enter(link)
    held = await site.house.desk.holder(session, PassKind.SESSION) if session is not None else None
    return held.person if held is not None else None


async def test_only_staff_signs_in_and_is_who_they_are_in_the_chat(site: Site) -> None:
    staff = staff_naming(IDS)
    object.__setattr__(site.house.desk.routing.commands.policy, "staff", staff)
    heard: dict[tuple[Who, str], Person | None] = {}
    for who in Who:
        person = Person(Platform.SLACK, IDS[who], who.value)
        marks: dict[str, Any] = {MARKS[who]: True} if who in MARKS else {}
        inside = await enter(site, replace(person, **marks))
        heard |= {(who, name): inside for name in sorted(COMMANDS)}
    decided = decisions(staff, heard)
    expected = {(who, name): may and who in (Who.AGENT, Who.ADMIN) for (who, name), may in wanted(heard).items()}
    assert decided == expected


async def test_while_another_program_holds_the_database_nobody_is_let_in_and_all_are_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(writer.PATIENCE_S, writer.AHEAD, 0.0)
    session = await site.house.desk.sign_in(ANN)
    assert site.house.store.file is not None
    with closing(sqlite.connect(site.house.store.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for path in BODIES:
            answer = await send(site, path, session)
            assert (answer.status_code, answer.json()) == (503, {"error": ENGLISH.not_kept}), path
            assert "retry-after" in answer.headers


async def test_what_can_not_be_kept_is_answered_with_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(writer.PATIENCE_S, writer.AHEAD, 0.0)
    question = {"id": str(uuid4()), "conversation": CONVERSATION_ID, "text": "How?"}
    async with open_site(tmp_path) as site:
        assert site.house.store.file is not None
        with closing(sqlite.connect(site.house.store.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = await site.client.post("/messages", json=question)
            assert (answer.status_code, answer.json()) == (503, {"error": ENGLISH.not_kept})
        again = await site.client.post("/messages", json=question)
        assert (again.status_code, again.json()) == (202, {"new": True})
        await site.house.settle()
