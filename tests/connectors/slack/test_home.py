"""The home tab, the suggestions, the status: what local-slack lacks is played by our own scripted Web API."""

import asyncio
from pathlib import Path

import pytest
from slack_bolt.async_app import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.events import Place
from bot.outgoing import Notice
from bot.people import Platform
from bot.texts import ENGLISH
from connectors.slack.listening import Listening
from connectors.slack.parsing import Identity
from connectors.slack.people import People
from connectors.slack.posting import Posting
from tests.connectors.slack.local_slack import ADMIN, AGENT, CUSTOMER
from tests.connectors.slack.studio import Studio
from tests.connectors.slack.waiting import until
from tests.connectors.slack.web_api import Reply, WebApi, web_api
from tests.house import open_house

THREAD = Place(Platform.SLACK, "T1", "C1", "100.1")


async def home_of(studio: Studio, user: str) -> str:
    await studio.slack.open_home(user)
    view = await until(lambda: studio.slack.homes.get(user), "the home tab")
    return "\n".join(block["text"]["text"] for block in view["blocks"])


async def test_everybody_has_a_home_and_admins_see_what_waits_the_adapters_and_settings(socket_studio: Studio) -> None:
    customers = await home_of(socket_studio, CUSTOMER)
    assert customers.replace("&lt;", "<") == f"{ENGLISH.home_title}\n{ENGLISH.help}"
    agents = await home_of(socket_studio, AGENT)
    assert agents.startswith(f"{ENGLISH.home_title}\nAnswering, adapter base model.")
    assert agents.endswith(ENGLISH.home_no_lessons)
    for_admins = (ENGLISH.nothing_held, ENGLISH.no_adapters, "served from a probability of 0.90", "Workspaces share")
    assert [text for text in for_admins if text in agents] == []
    admins = await home_of(socket_studio, ADMIN)
    assert [text for text in for_admins if text not in admins] == []


def posting_to(api: WebApi) -> Posting:
    return Posting(AsyncWebClient("xoxb-1", base_url=api.url, retry_handlers=[]), ENGLISH, None)


async def test_an_empty_conversation_suggests_what_was_taught_last(tmp_path: Path) -> None:
    async with web_api(assistant_threads_setSuggestedPrompts={}) as api, open_house(tmp_path) as house:
        for number in range(6):
            await house.teach(f"Question {number} of the studio?", f"Answer {number} of it.")
        posting = posting_to(api)
        people = People(posting.client, "T1", ())
        listening = Listening(house.desk, Identity("T1", "U0BOT"), people, posting, posting.client, ENGLISH)
        body = {"event": {"tab": "messages", "user": "U1", "channel": "D1"}}
        await listening._on_home(AsyncAck(), body)  # type: ignore[no-untyped-call]
        (sent,) = api.called("assistant.threads.setSuggestedPrompts")
    assert sent["channel_id"] == "D1"
    prompts = [prompt["message"] for prompt in sent["prompts"]]
    assert prompts == [f"Question {number} of the studio?" for number in (5, 4, 3, 2)]


async def test_the_thread_shows_that_an_answer_is_looked_for_before_it_comes() -> None:
    async with web_api(assistant_threads_setStatus={}, chat_postMessage={"channel": "C1", "ts": "1.2"}) as api:
        posting = posting_to(api)
        posting.show_writing(THREAD)
        await posting.deliver(Notice(place=THREAD, text="Here."))
        assert [method for method, _ in api.calls] == ["assistant.threads.setStatus", "chat.postMessage"]
        assert api.calls[0][1]["status"] == ENGLISH.writing
        assert api.calls[0][1]["loading_messages"] == list(ENGLISH.loading)


async def test_an_app_without_the_agent_view_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with web_api(chat_postMessage={"channel": "C1", "ts": "1.2"}) as api:
        api.replies["assistant.threads.setStatus"] = Reply({"ok": False, "error": "missing_scope"})
        posting = posting_to(api)
        for _ in range(3):
            posting.show_writing(THREAD)
            await posting.deliver(Notice(place=THREAD, text="Here."))
            await asyncio.sleep(0)
        assert len(api.called("assistant.threads.setStatus")) == 1
