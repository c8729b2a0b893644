"""What is said arrives in the right place, at most once, and Slack's refusals say what to do."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.answers import Answer, AnswerKind
from bot.errors import AdminError, DeliveryFailed, MenteeError, SettingError
from bot.events import MessageRef, Place
from bot.ids import AnswerId, EventId, RunId
from bot.outgoing import AnswerPost, CorrectionOffer, Notice, ProgressPost
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.slack.interactions import OPEN_S, OpenInteractions
from connectors.slack.parsing import Interaction
from connectors.slack.posting import Posting
from tests.connectors.slack.web_api import Reply, WebApi, web_api

THREAD = Place(Platform.SLACK, "T1", "C1", "1.2")
ANN = Person(Platform.SLACK, "U1", "Ann")
REFUSED = Reply({"ok": False, "error": "not_in_channel"})


@pytest.fixture
async def api() -> AsyncIterator[WebApi]:
    async with web_api(chat_postMessage={"channel": "C1", "ts": "3.4"}, chat_postEphemeral={}, chat_update={}) as api:
        yield api


def posting_of(api: WebApi) -> Posting:
    return Posting(AsyncWebClient(token="xoxb-1", base_url=api.url, retry_handlers=[]), ENGLISH, None)


def notice(**more: Any) -> Notice:
    return Notice(**{"place": THREAD, "text": "Noted.", **more})


async def test_a_post_goes_into_its_thread_quietly_and_carries_its_id(api: WebApi) -> None:
    said = notice()
    assert await posting_of(api).deliver(said) == MessageRef(Platform.SLACK, "T1", "C1", "3.4")
    [call] = api.called("chat.postMessage")
    assert (call["channel"], call["thread_ts"], call["text"]) == ("C1", "1.2", "Noted.")
    assert (call["unfurl_links"], call["unfurl_media"]) == (False, False)
    assert call["metadata"] == {"event_type": "mentee", "event_payload": {"outgoing": said.id}}


async def test_what_is_for_one_person_is_shown_to_that_person_only(api: WebApi) -> None:
    offer = CorrectionOffer(place=THREAD, answer=AnswerId("a"), to=ANN, text="Correct it.", button="Correct")
    assert await posting_of(api).deliver(offer) is None
    [call] = api.called("chat.postEphemeral")
    assert (call["channel"], call["user"], call["thread_ts"]) == ("C1", "U1", "1.2")
    assert api.called("chat.postMessage") == []


async def test_who_is_not_in_the_channel_is_told_directly(api: WebApi) -> None:
    api.replies["chat.postEphemeral"] = Reply({"ok": False, "error": "user_not_in_channel"})
    await posting_of(api).deliver(notice(to=ANN))
    [call] = api.called("chat.postMessage")
    assert call["channel"] == "U1"
    assert "thread_ts" not in call


async def test_in_a_direct_conversation_private_words_stay(api: WebApi) -> None:
    direct = Place(Platform.SLACK, "T1", "D1", is_direct=True)
    assert await posting_of(api).deliver(notice(place=direct, to=ANN)) is not None
    assert api.called("chat.postEphemeral") == []


async def test_a_command_is_answered_where_it_was_given_for_half_an_hour(api: WebApi) -> None:
    api.replies["hook"] = Reply({"ok": True})
    posting, told = posting_of(api), notice(to=ANN, in_reply_to=EventId("e"))
    now = 0.0
    posting.open = OpenInteractions(lambda: now)
    posting.open.keep(EventId("e"), Interaction(THREAD, ANN, "t", f"{api.url}hook"))
    assert await posting.deliver(told) is None
    [call] = api.called("hook")
    assert (call["response_type"], call["replace_original"], call["text"]) == ("ephemeral", False, "Noted.")
    now = OPEN_S + 1
    await posting.deliver(told)
    assert len(api.called("hook")) == 1
    assert len(api.called("chat.postEphemeral")) == 1


async def test_an_interaction_that_slack_has_closed_costs_no_words(api: WebApi) -> None:
    api.replies["hook"] = Reply("used_url", 404)
    posting = posting_of(api)
    posting.open.keep(EventId("e"), Interaction(THREAD, ANN, "t", f"{api.url}hook"))
    await posting.deliver(notice(to=ANN, in_reply_to=EventId("e")))
    assert len(api.called("chat.postEphemeral")) == 1


async def test_progress_of_a_command_given_where_the_bot_is_not_goes_to_its_giver(api: WebApi) -> None:
    posting = posting_of(api)
    posting.open.keep(EventId("e"), Interaction(THREAD, ANN, "t", None))
    api.replies["chat.postMessage"] = REFUSED
    progress = ProgressPost(place=THREAD, in_reply_to=EventId("e"), run=RunId("r"), text="Training.")
    with pytest.raises(AdminError):
        await posting.deliver(progress)
    assert [call["channel"] for call in api.called("chat.postMessage")] == ["C1", "U1"]


async def test_an_edit_replaces_text_and_blocks(api: WebApi) -> None:
    await posting_of(api).update(MessageRef(Platform.SLACK, "T1", "C1", "3.4"), "50 %")
    [call] = api.called("chat.update")
    assert (call["channel"], call["ts"], call["text"]) == ("C1", "3.4", "50 %")
    assert call["blocks"][0]["text"]["text"] == "50 %"


async def test_a_lost_edit_is_no_failure(api: WebApi) -> None:
    api.replies["chat.update"] = Reply({"ok": False, "error": "message_not_found"})
    await posting_of(api).update(MessageRef(Platform.SLACK, "T1", "C1", "3.4"), "50 %")
    assert len(api.called("chat.update")) == 1


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        (Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "17"}), DeliveryFailed, "ratelimited"),
        (Reply({"ok": False, "error": "internal_error"}, 500), DeliveryFailed, "internal_error. It is tried again"),
        (Reply({"ok": False, "error": "service_unavailable"}), DeliveryFailed, "service_unavailable"),
        (Reply("<h1>Bad gateway</h1>", 502), DeliveryFailed, "http_502"),
        (REFUSED, AdminError, "not_in_channel. Invite the bot"),
        (Reply({"ok": False, "error": "is_archived"}), AdminError, "is_archived. The channel is archived"),
        (Reply({"ok": False, "error": "restricted_action_thread_locked"}), AdminError, "Ask a workspace admin"),
        (Reply({"ok": False, "error": "missing_scope"}), SettingError, "missing_scope. Reinstall the Slack app"),
        (Reply({"ok": False, "error": "invalid_auth"}), SettingError, "invalid_auth. Mend SLACK_BOT_TOKEN"),
        (Reply("<h1>Not found</h1>", 404), SettingError, "SLACK_API_URL"),
        (Reply({"ok": False, "error": "invalid_blocks"}), MenteeError, "invalid_blocks. Please report it"),
    ],
)
async def test_a_refusal_names_slacks_code_and_who_must_act_and_is_tried_once_only(
    api: WebApi, reply: Reply, kind: type[MenteeError], told: str
) -> None:
    api.replies["chat.postMessage"] = reply
    with pytest.raises(kind, match=told) as failed:
        await posting_of(api).deliver(notice())
    assert type(failed.value) is kind
    assert getattr(failed.value, "retry_after_s", None) == (17.0 if reply.status == 429 else None)
    assert len(api.calls) == 1


async def test_an_answer_does_not_wait_for_a_look_at_what_an_earlier_process_left(api: WebApi) -> None:
    left = {"ts": "2.0", "user": "UBOT", "text": "You can"}
    slower = Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "60"})
    api.before["conversations.replies"] = [slower]
    api.replies["conversations.replies"] = Reply({"ok": True, "messages": [left]})
    for method in ("auth.test", "chat.stopStream", "chat.delete"):
        api.replies[method] = Reply({"ok": True, "user_id": "UBOT"})
    posting = posting_of(api)
    for removed in ([], ["2.0"]):
        answer = Answer(kind=AnswerKind.KNOWN, question="?", text="Yes.", confidence=0.9, latency_ms=1.0)
        assert await posting.deliver(AnswerPost(place=THREAD, answer=answer)) is not None
        assert [call["ts"] for call in api.called("chat.delete")] == removed


async def test_a_slack_that_is_away_is_a_failure_to_try_again(api: WebApi) -> None:
    posting = posting_of(api)
    posting.client.base_url = "http://127.0.0.1:1/"
    with pytest.raises(DeliveryFailed, match="could not be reached"):
        await posting.deliver(notice())
