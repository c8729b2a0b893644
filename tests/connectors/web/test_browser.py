"""The page in a real browser: what people do with it, by mouse, by keyboard, and on a phone."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, Route, async_playwright, expect

from bot.lineage import Progress
from bot.texts import ENGLISH
from connectors.web.config import WebConfig
from tests.connectors.web.conftest import Site, free_port, open_site, serving

pytestmark = pytest.mark.slow
expect.set_options(timeout=20_000)  # a machine that is busy is slow, not wrong

LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 3


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, WebConfig(port=free_port())) as site, serving(site):
        yield site


@pytest.fixture
async def page(live: Site) -> AsyncIterator[Page]:
    """The page in a browser. Whatever the browser complains of, a breach of the content policy too, is a failure."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = await browser.new_context(base_url=live.address, viewport={"width": 1280, "height": 800})
        page = await context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(error.message))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        await page.goto("/")
        yield page
        await browser.close()
    expected = ("net::ERR_INTERNET_DISCONNECTED", "status of 403", "status of 502")
    assert [each for each in complaints if not any(part in each for part in expected)] == []


def answers(page: Page) -> Locator:
    return page.locator("#log .answer")


async def ask(page: Page, text: str) -> Locator:
    """Ask, and return the answer."""
    before = await answers(page).count()
    await page.get_by_label("Your question").fill(text)
    await page.get_by_role("button", name="Send").click()
    await expect(answers(page)).to_have_count(before + 1)
    return answers(page).nth(before)


async def become(page: Page, role: str) -> None:
    await page.get_by_role("group", name="You are").get_by_role("button", name=role).click()
    await expect(page.get_by_role("button", name=role, pressed=True)).to_be_visible()


async def test_a_correction_answers_the_next_customer(page: Page) -> None:
    answer = await ask(page, "Do you ship parcels to Norway?")
    await expect(answer).to_contain_text("Hand-off")
    await become(page, "agent")
    await answers(page).last.get_by_role("button", name="Correct it").click()
    form = page.get_by_role("dialog", name="Correct this answer")
    await expect(form.get_by_label("The question")).to_have_value("Do you ship parcels to Norway?")
    await form.get_by_label("The right answer").fill("Yes, within five days.")
    await form.get_by_role("button", name="Teach").click()
    await expect(form).to_be_hidden()
    await expect(page.get_by_role("log")).to_contain_text("From now on I answer")
    await expect(page.locator("#status")).to_contain_text("1 fact")
    await become(page, "customer")
    answer = await ask(page, "Parcels to Norway, do you ship them?")
    await expect(answer).to_contain_text("Known")
    await expect(answer).to_contain_text("Yes, within five days.")
    await expect(answer).to_contain_text("Confirmed by page agent on")


async def test_a_customer_cannot_correct(page: Page) -> None:
    answer = await ask(page, "Do you ship parcels to Norway?")
    await answer.get_by_role("button", name="Correct it").click()
    await expect(page.get_by_role("alert")).to_have_text(ENGLISH.not_agent)
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_staff_see_why(page: Page) -> None:
    answer = await ask(page, "Do you ship parcels to Norway?")
    await expect(answer.get_by_role("button", name="Why this answer?")).to_have_count(0)
    await become(page, "agent")
    await answers(page).get_by_role("button", name="Why this answer?").click()
    await expect(page.get_by_role("log")).to_contain_text("What can be done:")


async def test_the_keyboard_is_enough(page: Page) -> None:
    async def press(*keys: str) -> None:
        for key in keys:
            await page.keyboard.press(key)

    await page.goto("/lessons")
    await press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await press(*["Tab"] * 7)  # past the pages, and what stands before the agent
    await expect(page.get_by_role("button", name="agent")).to_be_focused()
    await press("Enter")
    await expect(page.get_by_role("button", name="agent", pressed=True)).to_be_visible()
    await page.goto("/")
    await expect(page.get_by_label("Your question")).to_be_focused()
    await page.keyboard.type("Do you ship")
    await press("Shift+Enter")
    await page.keyboard.type("to Norway?")
    await press("Enter")
    await expect(answers(page)).to_have_count(1)
    await expect(page.get_by_label("Your question")).to_be_focused()
    await expect(page.get_by_label("Your question")).to_have_value("")
    await press("Shift+Tab")
    correct = answers(page).get_by_role("button", name="Correct it")
    await expect(correct).to_be_focused()
    await press("Enter")
    await expect(page.get_by_label("The right answer")).to_be_focused()
    await press("Escape")
    await expect(correct).to_be_focused()
    await press("Enter")
    await expect(page.get_by_label("The right answer")).to_be_focused()
    await page.keyboard.type("Yes.")
    await press("Tab", "Tab", "Enter")
    await expect(page.get_by_role("log")).to_contain_text("From now on I answer")
    await press("Shift+Tab", "Shift+Tab", "Space")
    right = answers(page).get_by_role("button", name="Right")
    await expect(right).to_have_attribute("aria-pressed", "true")
    await expect(right).to_be_focused()


async def test_what_was_refused_is_not_lost(page: Page) -> None:
    await become(page, "agent")
    answer = await ask(page, "Do you ship parcels to Norway?")
    await answer.get_by_role("button", name="Correct it").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("The question").fill("  ")
    await form.get_by_label("The right answer").fill("Yes, within five days.")
    await form.get_by_role("button", name="Teach").click()
    await expect(form.get_by_role("alert")).to_have_text(ENGLISH.empty_lesson)
    await expect(form.get_by_label("The right answer")).to_have_value("Yes, within five days.")


async def test_did_you_mean_is_answered_by_a_click(page: Page, live: Site) -> None:
    await live.house.teach("How do I change my mail address?", "Under Profile.")
    await live.house.teach("How do I change my billing address?", "Under Billing.")
    answer = await ask(page, "change address please today")
    await answer.get_by_role("button", name="How do I change my billing address?").click()
    await expect(answers(page).last).to_contain_text("Under Billing.")
    await expect(answer.get_by_role("button", name=ENGLISH.none_of_these)).to_be_disabled()


async def test_right_and_wrong_exclude_each_other_and_survive_a_reload(page: Page, live: Site) -> None:
    await live.house.teach("How do I reset my password?", "Open Settings.")
    answer = await ask(page, "How do I reset my password?")
    await answer.get_by_role("button", name="Right").click()
    await answer.get_by_role("button", name="Wrong").click()
    await expect(answer.get_by_role("button", name="Right")).to_have_attribute("aria-pressed", "false")
    await expect(answer.get_by_role("button", name="Wrong")).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(answers(page).last.get_by_role("button", pressed=True)).to_have_text("Wrong")


async def test_all_tabs_show_the_same_conversation_until_a_new_one_begins(page: Page) -> None:
    other = await page.context.new_page()
    await other.goto("/")
    await ask(page, "Do you ship parcels to Norway?")
    await expect(other.get_by_role("log")).to_contain_text("Do you ship parcels to Norway?")
    await expect(answers(other)).to_have_count(1)
    await page.get_by_role("button", name="New conversation").click()
    await expect(page.get_by_text("What would you like to know?")).to_be_visible()
    await expect(answers(page)).to_have_count(0)


async def test_a_retraining_can_be_watched(page: Page, live: Site) -> None:
    await become(page, "admin")
    await page.get_by_role("link", name="Adapters").click()
    await page.get_by_role("button", name="Dry run").click()
    await expect(page.get_by_role("log")).to_contain_text("Dry run: 40 facts")
    await page.get_by_role("button", name="Retrain").click()
    await expect(page.get_by_role("log")).to_contain_text("Training a new adapter on 40 facts")
    await expect(page.get_by_role("heading", name="Waiting for the trainer")).to_be_visible()
    now = live.house.desk.clock()
    run = (await live.house.desk.runs())[0].id
    await live.house.store.run(lambda unit: unit.runs.claim("trainer", now, 60.0))
    await live.house.store.run(lambda unit: unit.runs.beat(run, "trainer", Progress("Training", 1, 4, 90.0), now))
    await expect(page.get_by_role("heading", name="Training", exact=True)).to_be_visible()
    await expect(page.get_by_role("progressbar")).to_have_js_property("value", 25)
    message = await live.house.store.run(lambda unit: unit.outbox.message_of(run))
    assert message is not None
    await live.connector.update(message, "Training: a quarter done")
    await expect(page.get_by_role("log")).to_contain_text("Training: a quarter done")


async def test_a_click_before_the_script_has_come_is_not_lost(page: Page) -> None:
    async def late(route: Route) -> None:
        await asyncio.sleep(1.0)
        await route.continue_()

    await become(page, "admin")
    await page.route("**/*.js", late)
    await page.goto("/adapters", wait_until="commit")
    await page.get_by_role("button", name="Dry run").click()
    await expect(page.get_by_role("log")).to_contain_text("Dry run: 40 facts")
    await page.goto("/", wait_until="commit")
    await page.get_by_label("Your question").fill("Do you ship parcels to Norway?")
    await page.get_by_role("button", name="Send").click()
    await expect(answers(page)).to_have_count(1)


async def test_lessons_can_be_filtered(page: Page, live: Site) -> None:
    await live.house.teach("How do I reset my password?", "Open Settings.")
    await live.house.teach("Can I pay by invoice?", "Yes.")
    await page.goto("/lessons")
    await page.get_by_role("searchbox").fill("INVOICE")
    await expect(page.get_by_role("row")).to_have_count(2)
    await expect(page.get_by_role("status")).to_have_text("1 of 2 lessons")


async def test_a_phone_needs_no_sideways_scrolling(page: Page, live: Site) -> None:
    await live.house.teach(f"What is {LONG_WORD}?", LONG_WORD)
    await page.set_viewport_size({"width": 360, "height": 740})
    await ask(page, f"What is {LONG_WORD}?")
    for path in ("/", "/lessons", "/data", "/adapters"):
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_a_lost_line_is_told_and_the_question_kept(page: Page) -> None:
    await page.context.set_offline(True)
    await page.get_by_label("Your question").fill("Do you ship?")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_contain_text("can’t be reached")
    await expect(page.get_by_label("Your question")).to_have_value("Do you ship?")


async def test_a_line_that_a_proxy_refused_is_opened_again(page: Page) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=502, body="the bot is being started")

    await page.route("**/events/*", refuse)
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("line to the bot is down")
    await page.unroute("**/events/*")
    await expect(page.locator("#trouble")).to_be_hidden()
    await expect(await ask(page, "Do you ship?")).to_contain_text("Hand-off")


async def test_the_systems_wishes_are_followed(page: Page) -> None:
    async def style(name: str) -> str:
        value: str = await page.locator("body").evaluate(f"body => getComputedStyle(body).{name}")
        return value

    light = await style("backgroundColor")
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert await style("backgroundColor") != light
    await ask(page, "How?")
    assert await answers(page).last.evaluate("entry => getComputedStyle(entry).animationName") == "none"
