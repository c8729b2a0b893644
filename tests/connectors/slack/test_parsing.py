"""Slack's payloads become events, and what is nobody's question becomes nothing."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.events import MessageRef, Place, Reply
from bot.people import Platform
from connectors.slack import parsing
from connectors.slack.markup import readable
from tests.connectors.slack.payloads import BOT, click, command, message, reaction

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def test_a_new_message_opens_a_thread_for_its_answer() -> None:
    posted = parsing.message_posted(message(), BOT)
    assert posted is not None
    assert posted.id == "slack:T1:C1:1712345678.000100"
    assert posted.place == Place(Platform.SLACK, "T1", "C1", "1712345678.000100")
    assert posted.message == MessageRef(Platform.SLACK, "T1", "C1", "1712345678.000100")
    assert posted.at == datetime(2024, 4, 5, 19, 34, 38, 100, UTC)
    assert (posted.opens_thread, posted.mentions_bot, posted.text) == (True, False, "How do I cancel a class?")


def test_a_reply_belongs_to_its_thread() -> None:
    posted = parsing.message_posted(message(thread_ts="1712345000.000100"), BOT)
    assert posted is not None
    assert posted.place.thread == "1712345000.000100"
    assert not posted.opens_thread


def test_a_mention_comes_twice_and_is_one_event() -> None:
    text = "<@U0BOT>: how do I cancel?"
    twice = [parsing.message_posted(message(text, type=kind), BOT) for kind in ("message", "app_mention")]
    assert twice[0] == twice[1]
    assert twice[0] is not None
    assert twice[0].mentions_bot
    assert twice[0].text == "how do I cancel?"


def test_a_direct_message_is_answered_without_a_thread_unless_it_stands_in_one() -> None:
    floor = parsing.message_posted(message(channel="D1", channel_type="im"), BOT)
    within = parsing.message_posted(message(channel="D1", channel_type="im", thread_ts="1.2"), BOT)
    assert floor is not None
    assert within is not None
    assert (floor.place.thread, floor.place.is_direct) == (None, True)
    assert (within.place.thread, within.place.is_direct) == ("1.2", True)


@pytest.mark.parametrize(
    "more",
    [
        {"user": "U0BOT"},
        {"user": None},
        {"user": "USLACKBOT"},
        {"bot_id": "B7"},
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
    ],
)
def test_what_no_person_asked_is_ignored(more: dict[str, Any]) -> None:
    assert parsing.message_posted(message(**more), BOT) is None


@pytest.mark.parametrize("author", [{"user": "U0BOT", "bot_id": "B0BOT"}, {"user": "U7", "bot_id": "B7"}])
def test_a_bots_message_that_grows_or_is_rewritten_is_no_edited_question(author: dict[str, str]) -> None:
    before, now = message("Payouts arrive", **author), message("Payouts arrive on Tuesdays.", **author)
    changed = {"subtype": "message_changed", "channel": "C1", "ts": "2.2", "message": now, "previous_message": before}
    assert parsing.message_posted(changed, BOT) is None
    assert parsing.message_edited(changed, BOT) is None
    assert parsing.message_deleted(changed, BOT) is None


def test_an_answer_that_somebody_deletes_is_named_by_where_it_stood() -> None:
    gone = {"subtype": "message_deleted", "channel": "C1", "deleted_ts": "5.5", "ts": "6.6", "event_ts": "6.6"}
    deleted = parsing.message_deleted({**gone, "previous_message": {"user": "U0BOT", "thread_ts": "4.4"}}, BOT)
    assert deleted is not None
    assert deleted.message == MessageRef(Platform.SLACK, "T1", "C1", "5.5")
    assert deleted.place.thread == "4.4"


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast"])
def test_a_question_with_a_screenshot_or_sent_to_the_channel_too_is_a_question(subtype: str) -> None:
    assert parsing.message_posted(message(subtype=subtype), BOT) is not None


@pytest.mark.parametrize(
    ("slack", "read"),
    [
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("ask <@U7|ann> or <@U8>", "ask @ann or @U8"),
        ("in <#C9|general> and <#C8>", "in #general and #C8"),
        ("<https://example.com|example.com>", "example.com"),
        ("<https://example.com/a>", "https://example.com/a"),
        ("<https://example.com|our page>", "our page (https://example.com)"),
        ("<mailto:ann@example.com|ann@example.com>", "ann@example.com"),
        ("<!here> <!subteam^S1|@agents> <!date^1392734382^{date}|18 Feb>", "@here @agents 18 Feb"),
    ],
)
def test_markup_becomes_what_a_person_reads(slack: str, read: str) -> None:
    assert readable(slack) == read


def test_a_reaction_names_the_message_and_loses_its_skin_tone() -> None:
    reacted = parsing.reacted(reaction("thumbsup::skin-tone-3"), BOT)
    assert reacted is not None
    assert (reacted.id, reacted.emoji, reacted.added) == ("slack:Ev123", "thumbsup", True)
    assert reacted.message == MessageRef(Platform.SLACK, "T1", "C1", "1712345600.000200")


def test_a_reaction_taken_away_is_no_reaction_given() -> None:
    reacted = parsing.reacted(reaction(type="reaction_removed"), BOT)
    assert reacted is not None
    assert not reacted.added


@pytest.mark.parametrize("more", [{"user": "U0BOT"}, {"item": {"type": "file", "file": "F1"}}])
def test_the_bots_own_reactions_and_those_on_files_are_ignored(more: dict[str, Any]) -> None:
    assert parsing.reacted(reaction(**more), BOT) is None


@pytest.mark.parametrize("author", ["U7", None])
def test_reactions_on_what_others_wrote_are_told_apart(author: str | None) -> None:
    assert parsing.is_on_own(reaction(), BOT)
    assert not parsing.is_on_own(reaction(item_user=author), BOT)


def test_a_marked_reply_says_where_it_stands_and_by_whom() -> None:
    heard = parsing.reacted(reaction("dart", item_user="U7"), BOT)
    assert heard is not None
    said = {"user": "U7", "text": "Press <https://a.example|Cancel> &amp; confirm.", "thread_ts": "1.2", "ts": "3.4"}
    marked = parsing.with_reply(heard, said, BOT)
    assert marked.place == Place(Platform.SLACK, "T1", "C1", "1.2")
    assert marked.reply == Reply(text="Press Cancel (https://a.example) & confirm.", author="slack:U7")
    by_bots = [parsing.with_reply(heard, {**said, **more}, BOT) for more in ({"user": "U0BOT"}, {"bot_id": "B7"})]
    assert [each.reply.by_bot for each in by_bots if each.reply is not None] == [True, True]
    gone, hidden = parsing.with_reply(heard, {}, BOT), parsing.with_reply(heard, None, BOT)
    assert (gone.reply, hidden.reply) == (Reply(), Reply(is_hidden=True))


def test_a_command_can_be_answered_in_private() -> None:
    given, interaction = parsing.command_given(command("why <https://t.slack.com/archives/C1/p1>"), BOT, NOW)
    assert (given.id, given.text, given.at) == ("slack:13.37.abc", "why https://t.slack.com/archives/C1/p1", NOW)
    assert given.person.name == "ann"
    assert interaction.response_url == "https://hooks.slack.com/commands/1/2/3"


@pytest.mark.parametrize(
    ("fields", "fact", "section"),
    [({"fact": "fact-1"}, "fact-1", None), ({"fact": None, "section": "s1"}, None, "s1"), ({"fact": None}, None, None)],
)
def test_a_choice_carries_answer_and_what_was_chosen(
    fields: dict[str, str | None], fact: str | None, section: str | None
) -> None:
    chosen = parsing.candidate_chosen(click(json.dumps({"answer": "answer-1", **fields})), BOT, NOW)
    assert (chosen.answer, chosen.fact, chosen.section) == ("answer-1", fact, section)
    assert chosen.place == Place(Platform.SLACK, "T1", "C1", "1712345500.000100")


def test_the_thread_of_a_message_menu_stands_in_the_message() -> None:
    body = click("", container=None, message={"ts": "5.5", "thread_ts": "4.4"})
    assert parsing.interaction(body, BOT).place.thread == "4.4"
    assert parsing.message_of_menu(body, BOT) == MessageRef(Platform.SLACK, "T1", "C1", "5.5")
