"""The page as a server: the stream of news, starting, stopping."""

import asyncio
from pathlib import Path

import httpx
import pytest

from bot.errors import SettingError
from bot.texts import ENGLISH
from connectors.web.config import WebConfig
from tests.connectors.web.conftest import CONVERSATION_ID, Site, free_port, next_event, open_site, serving

STREAM = f"/events/{CONVERSATION_ID}"


async def test_news_arrive_on_the_stream_and_a_late_comer_gets_them_too(tmp_path: Path) -> None:
    async with (
        open_site(tmp_path, WebConfig(port=free_port())) as site,
        serving(site) as address,
        httpx.AsyncClient(base_url=address) as browser,
        asyncio.timeout(20),
    ):
        text = "Single sign-on comes with the Business plan. All others have passwords."
        await site.house.add_section("Plans", "Sign-on", text)
        async with browser.stream("GET", STREAM) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.aiter_lines()
            await site.post("/messages", text="Which plan has single sign-on?")
            events = [await next_event(lines)]
            while 'class="entry answer"' not in events[-1][1]:
                events.append(await next_event(lines))
        drafts = [data for name, data in events if name == "draft"]
        entries = [data for name, data in events if name == "entry"]
        assert drafts[0] == ""
        assert drafts[-1] == "Single sign-on comes with the Business plan."
        assert "Which plan has single sign-on?" in entries[0]
        async with browser.stream("GET", STREAM) as stream:
            lines = stream.aiter_lines()
            assert [await next_event(lines) for _ in entries] == [("entry", entry) for entry in entries]


async def test_it_stops_while_a_browser_is_listening(tmp_path: Path) -> None:
    async with (
        open_site(tmp_path, WebConfig(port=free_port())) as site,
        httpx.AsyncClient() as browser,
        asyncio.timeout(20),
    ):
        async with serving(site) as address:
            await site.ask("How?")
            stream = await browser.send(browser.build_request("GET", f"{address}{STREAM}"), stream=True)
            lines = stream.aiter_lines()
            assert (await next_event(lines))[0] == "entry"
        rest = [line async for line in lines]
        assert any(ENGLISH.handoff[:5] in line for line in rest)
        with pytest.raises(httpx.ConnectError):
            await browser.get(f"{address}/healthz")


async def test_a_taken_port_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with open_site(tmp_path / "other", WebConfig(port=free_port())) as first, serving(first):
        site.connector.config = first.connector.config
        with pytest.raises(SettingError, match="MENTEE_WEB_PORT"):
            await site.connector.run()


async def test_the_page_is_all_ours(site: Site) -> None:
    """Every address in the pages and in our own files leads to this server."""
    await site.house.teach("How?", "So.")
    await site.ask("How?")
    static = Path(__file__).parents[3] / "connectors" / "web" / "static"
    sources = [path.read_text() for path in static.iterdir()]
    sources += [await site.html(path) for path in ("/", "/lessons", "/adapters")]
    for source in sources:
        assert "://" not in source.replace("http://www.w3.org/2000/svg", "")
        assert " style=" not in source
    served = [await site.client.get(f"/static/{path.name}") for path in static.iterdir()]
    assert {response.status_code for response in served} == {200}
    assert {response.headers["cache-control"] for response in served} == {"no-cache"}
