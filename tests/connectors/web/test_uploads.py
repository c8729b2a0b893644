"""Files sent from the page: an admin's alone, within limits, read like any other file."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bot.access import Staff
from connectors.web import posts
from deploy.parts import open_kept
from deploy.settings import Settings
from deploy.uploads import Uploads, safe_name
from tests.connectors.web.conftest import Site, open_site

FAQ = b"question,answer\nHow do I pause?,Open Plans.\n"


@pytest.fixture
async def loading(tmp_path: Path) -> AsyncIterator[Site]:
    """A page that takes files."""
    settings = Settings(data_dir=tmp_path, cache_dir=tmp_path / "cache")
    async with open_site(tmp_path) as site:
        with open_kept(settings) as kept:
            site.connector._desk = replace(site.house.desk, library=Uploads(kept))
            site.house.bot = replace(site.house.bot, desk=site.connector._desk)
            site.restart()
            yield site


async def send(site: Site, name: str, content: bytes) -> httpx.Response:
    return await site.client.post("/uploads", params={"name": name}, content=content)


async def test_an_admins_file_is_loaded_and_loaded_anew(loading: Site, tmp_path: Path) -> None:
    loading.become("admin")
    assert 'type="file"' in await loading.html("/lessons")
    response = await send(loading, "../../faq.csv", FAQ)
    assert "faq.csv: 0 help sections and 1 FAQ entries" in response.json()["message"]
    assert [lesson.answer for lesson in await loading.house.desk.lessons()] == ["Open Plans."]
    assert (await send(loading, "faq.csv", FAQ.replace(b"Open", b"Close"))).status_code == 200
    newest = [lesson.answer for lesson in await loading.house.desk.lessons() if lesson.withdrawn_at is None][-1]
    assert newest == "Close Plans."
    assert list((tmp_path / "ingest" / "uploads").iterdir()) == []  # it may hold what nobody has redacted
    acts = await loading.house.store.run(lambda unit: [(entry.act, entry.subject) for entry in unit.audit.entries()])
    assert acts == [("loaded", "faq.csv")] * 2


async def test_who_may_load_sees_the_field_whatever_role_the_browser_names(loading: Site) -> None:
    loading.become("customer")
    may = Staff(admins=frozenset({"web:customer"}))
    commands = loading.house.desk.routing.commands
    object.__setattr__(commands, "policy", replace(commands.policy, staff=may))
    answering = loading.house.desk.routing.answering
    object.__setattr__(answering, "policy", replace(answering.policy, staff=may))
    assert 'type="file"' in await loading.html("/lessons")


@pytest.mark.parametrize("role", ["customer", "agent"])
async def test_nobody_else_sends_files(loading: Site, tmp_path: Path, role: str) -> None:
    loading.become(role)  # type: ignore[arg-type]
    assert 'type="file"' not in await loading.html("/lessons")
    response = await send(loading, "faq.csv", FAQ)
    assert response.status_code == 403
    assert not (tmp_path / "ingest" / "uploads").exists()


async def test_what_cannot_be_loaded_is_told(loading: Site, tmp_path: Path) -> None:
    loading.become("admin")
    for name, content, said in (
        ("virus.exe", b"MZ", "neither help page nor FAQ"), ("faq.csv", b"nothing", "Nothing to load"),
        ("", FAQ, "no name"), ("..", FAQ, "no name"), ("bomb.docx", b"PK\3\4 nothing", "Nothing to load"),
    ):  # fmt: skip
        response = await send(loading, name, content)
        assert response.status_code == 400, name
        assert said in response.json()["error"]
    assert await loading.house.desk.lessons() == []


async def test_another_page_cannot_send_files(loading: Site) -> None:
    loading.become("admin")
    loading.client.headers["origin"] = "http://evil.example"
    assert (await send(loading, "faq.csv", FAQ)).status_code == 403


async def test_a_file_that_is_too_large_is_cut_off(loading: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    loading.become("admin")
    monkeypatch.setattr(posts, "UPLOAD_BYTES", 300_000)
    loading.restart()
    rows = b"".join(b"How do I pause number %d of them?,Open Plans %d.\n" % (n, n) for n in range(8_000))
    assert len(rows) > 300_000
    assert (await send(loading, "faq.csv", b"question,answer\n" + rows)).status_code == 413
    assert await loading.house.desk.lessons() == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("faq.csv", "faq.csv"), ("/etc/passwd.csv", "passwd.csv"), ("..\\..\\a.csv", "a.csv"),
        (".hidden.csv", "hidden.csv"), ("a b-ü.md", "a b-ü.md"), ("a\0b/../c<d>.csv", "c_d_.csv"),
        ("x" * 300 + ".csv", "x" * 96 + ".csv"),
    ],
)  # fmt: skip
def test_names_lead_nowhere(given: str, kept: str) -> None:
    assert safe_name(given) == kept


DROPPED = b"question,answer\nHow do I pause?,Open Plans.\nHow do I stop?,TBD\nhow do i pause,Close Plans.\n"


async def test_an_admin_sees_what_was_dropped_and_restores_it(loading: Site) -> None:
    assert "Only admins" in await loading.html("/data")
    assert (await loading.client.post("/restorations", data={"row": "x"})).status_code == 403
    loading.become("admin")
    assert "Nothing was loaded yet" in await loading.html("/data")
    await send(loading, "faq.csv", DROPPED)
    html = await loading.html("/data")
    for said in (
        "3 FAQ entries came in, 1 remain",
        "was never filled in",
        "held: Close Plans.",
        "good 1, fair 0, poor 0",
    ):
        assert said in html
    found = re.search(r'name="row" value="(\w+)" aria-label="Restore: How do I stop\?"', html)
    assert found is not None
    restored = await loading.client.post("/restorations", data={"row": found[1]})
    assert "1 FAQ entries" in restored.text
    assert {lesson.answer for lesson in await loading.house.desk.lessons()} == {"Open Plans.", "TBD"}
    assert "restored" in (await loading.html("/data")).partition("How do I stop?")[2]
    assert "not among those" in (await loading.client.post("/restorations", data={"row": "gone"})).text
    acts = await loading.house.store.run(lambda unit: [(entry.act, entry.subject) for entry in unit.audit.entries()])
    assert acts[-1] == ("restored", found[1])
