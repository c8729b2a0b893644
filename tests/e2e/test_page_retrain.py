"""The whole loop on the page, in a real browser: asked, corrected, asked again, retrained and watched."""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from bot import reporting
from bot.texts import ENGLISH
from tests.connectors.web.conftest import free_port
from tests.connectors.web.test_browser import answers, ask, become
from tests.e2e.waiting import PATIENCE_S
from tests.e2e.workshop import ANSWER, PARAPHRASE, QUESTION, TRAINED_HERE, open_workshop, workshop_settings

pytestmark = TRAINED_HERE


@asynccontextmanager
async def browsing(address: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await (await browser.new_context(base_url=address)).new_page()
        await page.goto("/")
        yield page
        await browser.close()


async def test_a_correction_is_served_at_once_and_trained_on_request(
    folder: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promotion is forced (see the fixture); everything else happens as it does before a page."""
    monkeypatch.setattr(reporting, "EVERY_S", 0.1)  # this training takes seconds
    port = free_port()
    async with (
        open_workshop(workshop_settings(folder, tiny, web_port=port)) as workshop,
        browsing(f"http://127.0.0.1:{port}") as page,
    ):
        await _correct(page)
        answer = await ask(page, PARAPHRASE)
        await expect(answer).to_contain_text(ANSWER)
        await expect(answer).to_contain_text("Confirmed by page agent on")

        await workshop.teach_enough()
        await become(page, "admin")
        await page.get_by_role("link", name="Adapters").click()
        await page.get_by_role("button", name="Retrain").click()
        await expect(page.get_by_role("log")).to_contain_text("Training a new adapter on ")
        await expect(page.get_by_role("progressbar", name="Retraining")).to_be_visible()
        patience_ms = PATIENCE_S * 1_000
        await expect(page.get_by_role("log")).to_contain_text(
            re.compile(r"(Training|Judging).* \d+ %"), timeout=patience_ms
        )
        await expect(page.get_by_role("log")).to_contain_text("✅ Adapter v1 was promoted", timeout=patience_ms)
        listed = page.get_by_role("region", name="Lineage").get_by_role("listitem").first
        await expect(listed).to_contain_text("v1")
        await expect(listed).to_contain_text("answers now")
        await expect(page.get_by_role("progressbar", name="Retraining")).to_have_count(0)
        assert (await workshop.promoted()).name == "v1"


async def _correct(page: Page) -> None:
    answer = await ask(page, QUESTION)
    await expect(answer).to_contain_text(ENGLISH.handoff)
    await become(page, "agent")
    await answers(page).last.get_by_role("button", name="Correct it").click()
    form = page.get_by_role("dialog", name="Correct this answer")
    await form.get_by_label("The right answer").fill(ANSWER)
    await form.get_by_role("button", name="Teach").click()
    await expect(page.get_by_role("log")).to_contain_text("From now on I answer")
    await become(page, "customer")
