"""The lines to Slack's Web API: kept while they are asked on, and left alone once nobody has for a while."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connectors.slack import connector


@pytest.mark.parametrize(("pause_s", "lines"), [(0.0, 1), (0.6, 2)])
async def test_a_line_that_nothing_was_asked_on_is_not_asked_on_again(
    pause_s: float, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector, "IDLE_S", 0.2)
    seen: set[object] = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        seen.add(request.transport.get_extra_info("peername"))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server, connector.lines() as session:
        for _ in range(2):
            async with session.get(server.make_url("/")) as reply:
                await reply.read()
            await asyncio.sleep(pause_s)
    assert len(seen) == lines
