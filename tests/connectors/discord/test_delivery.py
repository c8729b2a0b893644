"""What goes out, as it arrives: real discord.py posts into simcord's Discord."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import discord
import pytest

from bot.answers import Answer, AnswerKind, Candidate, Confirmation, Source, SourceKind
from bot.errors import AdminError, DeliveryFailed, SettingError
from bot.events import MessageRef, Place
from bot.handoff import Handoff, HandoffState
from bot.ids import EventId, FactId, LessonId, OutgoingId, RunId, first_id, new_id
from bot.outgoing import AnswerDraft, AnswerEdit, AnswerPost, CorrectionOffer, Notice, ProgressPost
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.discord import connector as connector_module
from connectors.discord.config import DiscordConfig
from connectors.discord.connector import DiscordConnector
from storage.codec import MESSAGE_REF, from_text, to_text
from tests.connectors.discord.conftest import AGENTS_ROLE, WritingDesk
from tests.connectors.discord.stage import SIMCORDS_NOW

ALICE = Person(Platform.DISCORD, "42", "Alice [x](https://evil.example)")


@pytest.fixture
async def question(channel: Any, alice: Any) -> discord.Message:
    sent = await alice.send(channel, "How do I get a refund?")
    assert isinstance(sent, discord.Message)
    return sent


def floor(env: Any, channel: Any, thread: object | None = None) -> Place:
    root = str(thread) if thread is not None else None
    return Place(Platform.DISCORD, str(env.guild.id), str(channel.id), root)


def answer(text: str = "Open Sales › Refund.", kind: AnswerKind = AnswerKind.KNOWN, **more: Any) -> Answer:
    return Answer(kind=kind, question="How do I get a refund?", text=text, confidence=1.0, latency_ms=1.0, **more)


def last_post(env: Any) -> dict[str, Any]:
    """What was sent over the wire for the latest message."""
    posts = [request for request in env.http_requests if request.method == "POST" and request.path.endswith("messages")]
    return dict(posts[-1].json)


async def test_an_answer_replies_to_the_message_that_opened_the_conversation(
    connector: DiscordConnector, env: Any, channel: Any, question: discord.Message
) -> None:
    confirmed = Confirmation(LessonId(new_id()), "Ann", datetime(2026, 5, 4, tzinfo=UTC))
    post = AnswerPost(place=floor(env, channel, question.id), answer=answer(confirmation=confirmed))

    ref = await connector.deliver(post)

    posted = channel.last_message
    assert posted.content == "Open Sales › Refund.\n-# Confirmed by Ann on 04 May 2026"
    assert posted.reference.message_id == question.id
    assert ref == MessageRef(Platform.DISCORD, str(env.guild.id), str(channel.id), str(posted.id))


async def test_nobody_is_called_nothing_is_embedded_and_a_retry_has_the_same_nonce(
    connector: DiscordConnector, env: Any, channel: Any
) -> None:
    post = AnswerPost(place=floor(env, channel), answer=answer("@everyone <@42> see [this](https://evil.example)"))

    await connector.deliver(post)
    first = last_post(env)
    await connector.deliver(post)

    assert first["allowed_mentions"] == {"parse": []}
    assert first["flags"] == discord.MessageFlags(suppress_embeds=True).value
    assert "](" not in first["content"].replace(r"]\(", "")
    assert first["enforce_nonce"]
    assert len(first["nonce"]) <= 25
    assert last_post(env)["nonce"] == first["nonce"]


async def test_a_handoff_calls_the_agents_role_alone(connector: DiscordConnector, env: Any, channel: Any) -> None:
    await connector.deliver(AnswerPost(place=floor(env, channel), answer=answer("No idea.", AnswerKind.HANDOFF)))

    sent = last_post(env)
    assert sent["content"] == f"No idea.\n<@&{AGENTS_ROLE}>"
    assert sent["allowed_mentions"] == {"parse": [], "roles": [int(AGENTS_ROLE)]}


async def test_sources_show_where_they_lead(connector: DiscordConnector, env: Any, channel: Any) -> None:
    sources = (
        Source(SourceKind.SECTION, "1", "Refunds › [How](x)", "https://help.example/refunds"),
        Source(SourceKind.SECTION, "2", "Payouts", "javascript:alert(1)"),
    )

    await connector.deliver(
        AnswerPost(place=floor(env, channel), answer=answer("So.", AnswerKind.GROUNDED, sources=sources))
    )

    assert channel.last_message.content == (
        "So.\n-# Sources: Refunds › [How]\\(x) (<https://help.example/refunds>), Payouts\n"
        "-# Written by the bot from the help pages"
    )


async def test_a_long_answer_becomes_several_messages_and_the_last_is_the_answers(
    connector: DiscordConnector, env: Any, channel: Any
) -> None:
    candidates = (Candidate(FactId(new_id()), "How do I get a refund for a class pass? " * 3),)
    long = answer("A sentence of some length. " * 200, AnswerKind.CLARIFY, candidates=candidates)

    ref = await connector.deliver(AnswerPost(place=floor(env, channel), answer=long))

    *earlier, last = channel.history()
    assert len(earlier) == 2
    assert ref is not None
    assert ref.id == str(last.id)
    assert not any(message.components for message in earlier)
    labels = [button.label for row in last.components for button in row.children]
    assert labels[0].startswith("How do I get a refund")
    assert labels[0].endswith("…")
    assert labels[1:] == [ENGLISH.none_of_these]


async def test_it_answers_in_a_thread_and_in_a_direct_message(
    connector: DiscordConnector, env: Any, channel: Any
) -> None:
    native = connector.client.get_channel(channel.id)
    assert isinstance(native, discord.TextChannel)
    thread = await native.create_thread(name="A case", type=discord.ChannelType.public_thread)
    user = env.create_user("bob")
    direct = Place(Platform.DISCORD, "@me", str(user.dm_channel.id), is_direct=True)

    in_thread = await connector.deliver(AnswerPost(place=floor(env, channel, thread.id), answer=answer("One.")))
    await connector.deliver(AnswerPost(place=direct, answer=answer("Two.", AnswerKind.HANDOFF)))

    assert channel.threads[0].last_message.content == "One."
    assert in_thread is not None
    assert in_thread.channel == str(thread.id)
    assert user.dm_channel.last_message.content == "Two."  # a direct message has no roles that could be called


async def test_an_answer_to_a_deleted_question_is_posted_all_the_same(
    connector: DiscordConnector, env: Any, channel: Any, question: discord.Message
) -> None:
    place = floor(env, channel, question.id)
    await question.delete()

    await connector.deliver(AnswerPost(place=place, answer=answer()))

    assert channel.last_message.content == "Open Sales › Refund."


async def test_what_is_for_one_person_names_them_and_vanishes(
    connector: DiscordConnector, env: Any, channel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = CorrectionOffer(
        place=floor(env, channel), answer=answer().id, to=ALICE, text="Correct it?", button="Correct this answer"
    )
    notice = Notice(place=floor(env, channel), text="Noted.", to=ALICE, in_reply_to=EventId("discord:unknown"))

    assert await connector.deliver(offer) is None
    assert channel.last_message.components
    assert await connector.deliver(notice) is None
    assert channel.last_message.content == "**Alice [x]\\(https://evil.example)**: Noted."

    monkeypatch.setattr(connector_module, "VANISHES_AFTER_S", 0.0)
    await connector.deliver(notice)
    async with asyncio.timeout(20):
        while len(channel.history()) > 2:  # noqa: ASYNC110  # simcord has no event for it
            await asyncio.sleep(0.01)


async def test_a_progress_post_is_edited(connector: DiscordConnector, env: Any, channel: Any) -> None:
    ref = await connector.deliver(ProgressPost(place=floor(env, channel), run=RunId(new_id()), text="Training: 1 %"))
    assert ref is not None

    await connector.update(ref, "Training: 50 %")

    assert [message.content for message in channel.history()] == ["Training: 50 %"]


async def test_updates_and_drafts_may_be_lost(connector: DiscordConnector, env: Any, channel: Any) -> None:
    gone = MessageRef(Platform.DISCORD, str(env.guild.id), str(channel.id), "123456789012345678")
    env.inject_error("POST", "/channels/*/typing", status=500)

    await connector.update(gone, "Training: 50 %")
    await connector.draft(AnswerDraft(place=floor(env, channel), in_reply_to=EventId("discord:1"), to=ALICE, text=""))
    await env.settle()

    assert [request.path.rsplit("/", 1)[1] for request in env.http_requests[-2:]] == [gone.id, "typing"]


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_discord_is_tried_again(connector: DiscordConnector, env: Any, channel: Any, status: int) -> None:
    post = AnswerPost(place=floor(env, channel), answer=answer())
    env.inject_error("POST", "/channels/*/messages", status=status)

    with pytest.raises(DeliveryFailed, match=str(status)):
        await connector.deliver(post)
    await connector.deliver(post)

    assert len(channel.history()) == 1


async def test_a_channel_that_is_gone_is_not_called_busy(connector: DiscordConnector, env: Any, channel: Any) -> None:
    gone = Place(Platform.DISCORD, str(env.guild.id), "123456789012345678")

    with pytest.raises(AdminError, match="is gone"):
        await connector.deliver(AnswerPost(place=gone, answer=answer()))


@pytest.mark.parametrize(
    ("status", "code", "who", "remedy"),
    [
        (403, 50013, AdminError, r"#support \(\d+\) \(code 50013\). Give the bot the permissions .*Send Messages"),
        (403, 50001, AdminError, "Give the bot the permission View Channel"),
        (403, 1, AdminError, "permissions"),
        (400, 160005, AdminError, "Unlock"),
        (401, 0, SettingError, "DISCORD_TOKEN"),
        (400, 50035, discord.HTTPException, "50035"),  # what Discord can't read is a mistake of ours
    ],
)
async def test_a_refusal_says_who_has_to_act(
    connector: DiscordConnector, env: Any, channel: Any, status: int, code: int, who: type[Exception], remedy: str
) -> None:
    env.inject_error("POST", "/channels/*/messages", status=status, code=code)

    with pytest.raises(who, match=remedy):
        await connector.deliver(AnswerPost(place=floor(env, channel), answer=answer()))


async def test_nothing_is_sent_before_the_login(connector: DiscordConnector) -> None:
    with pytest.raises(DeliveryFailed, match="isn't connected") as problem:
        await connector.deliver(Notice(place=Place(Platform.DISCORD, "1", "2"), text="Noted."))

    assert problem.value.retry_after_s is not None


async def test_a_solved_forum_post_gets_the_forums_tag(connector: DiscordConnector, env: Any) -> None:
    forum = connector.client.get_channel(env.create_guild().create_forum_channel("help").id)
    assert isinstance(forum, discord.ForumChannel)
    await forum.create_tag(name="Solved")
    await env.settle()
    opened = await forum.create_thread(name="Parrots", content="May I bring one?")
    place = Place(Platform.DISCORD, str(env.guild.id), str(forum.id), str(opened.thread.id))
    answer = Answer(kind=AnswerKind.HANDOFF, question="?", text="I don't know.", confidence=0.0, latency_ms=0.0)
    handoff = Handoff(
        answer=answer.id, place=place, question="?", tried=(), summary="", opened_at=datetime(2026, 11, 1, tzinfo=UTC)
    )
    message = await connector.deliver(AnswerPost(place=place, answer=answer, handoff=handoff))
    for state, tags in ((HandoffState.CLAIMED, []), (HandoffState.SOLVED, ["Solved"])):
        moved = replace(handoff, state=state, by_name="ann", changed_at=handoff.opened_at)
        edit = AnswerEdit(place=place, answer=answer, of=answer.id, handoff=moved, message=message)
        assert await connector.deliver(edit) == message
        await env.settle()
        post = await connector.client.fetch_channel(opened.thread.id)
        assert isinstance(post, discord.Thread)
        assert [tag.name for tag in post.applied_tags] == tags


async def test_a_secret_is_never_shown_to_others(connector: DiscordConnector, env: Any, channel: Any) -> None:
    place = floor(env, channel)
    for secret in (True, False):  # a plain notice is shown there for a while, where its person can't be told alone
        await connector.deliver(Notice(place=place, text=f"secret {secret}", to=ALICE, is_secret=secret))
    assert [message.content.endswith("secret False") for message in channel.history()] == [True]


# --- what stands there already is rewritten where it stands ----------------------------------------------------------


def piece(number: int) -> str:
    return f"Part {number}." + " A sentence." * 160


def long(*numbers: int) -> Answer:
    """An answer that takes a message for each part."""
    return answer("\n".join(piece(each) for each in numbers))


def id_then() -> OutgoingId:
    """Of what was meant when simcord's messages are posted: it knows no nonces, so these are looked for."""
    return OutgoingId(first_id(SIMCORDS_NOW)[:13] + new_id()[13:])


def parts(channel: Any) -> list[str]:
    return [message.content.split(".")[0] for message in channel.history()]


async def test_an_answer_of_several_messages_is_rewritten_in_all_of_them(
    connector: DiscordConnector, env: Any, channel: Any
) -> None:
    place, first = floor(env, channel), long(1, 2, 3)
    ref = await connector.deliver(AnswerPost(place=place, answer=first))
    assert parts(channel) == ["Part 1", "Part 2", "Part 3"]
    last = channel.last_message.id

    for numbers in ((4, 5, 6), (7, 8), (9,), (1, 2, 3)):
        edit = AnswerEdit(place=place, answer=long(*numbers), of=first.id, message=ref, id=id_then())
        for _ in range(2):  # the same again changes nothing
            ref = await connector.deliver(edit)
            assert parts(channel) == [f"Part {each}" for each in numbers]
            assert ref is not None
            ref = from_text(MESSAGE_REF, to_text(MESSAGE_REF, ref))  # as it is kept
            assert [*ref.earlier, ref.id] == [str(message.id) for message in channel.history()]
    assert channel.history()[0].id == last  # people react to the last message: what is too much goes above it


async def test_a_long_card_does_not_grow_with_its_states(connector: DiscordConnector, env: Any, channel: Any) -> None:
    place = floor(env, channel)
    asked = replace(long(1, 2), kind=AnswerKind.HANDOFF)
    card = Handoff(
        answer=asked.id, place=place, question="?", tried=(), summary="", opened_at=datetime(2026, 11, 1, tzinfo=UTC)
    )
    ref = await connector.deliver(AnswerPost(place=place, answer=asked, handoff=card))
    for state in (HandoffState.CLAIMED, HandoffState.SOLVED):
        moved = replace(card, state=state, by_name="ann", changed_at=card.opened_at)
        ref = await connector.deliver(AnswerEdit(place=place, answer=asked, of=asked.id, handoff=moved, message=ref))
        assert parts(channel)[:2] == ["Part 1", "Part 2"]
        assert len(channel.history()) == 3


async def test_a_process_that_died_between_two_messages_is_followed_by_one_that_posts_the_rest(
    connector: DiscordConnector, config: DiscordConfig, desk: WritingDesk, env: Any, channel: Any
) -> None:
    post = AnswerPost(place=floor(env, channel), answer=long(1, 2, 3), id=id_then())
    send, posted = discord.PartialMessageable.send, 0

    async def dies(self: Any, *args: Any, **options: Any) -> Any:
        nonlocal posted
        posted += 1
        if posted == 3:
            raise ConnectionResetError
        return await send(self, *args, **options)

    with pytest.MonkeyPatch.context() as dying:
        dying.setattr(discord.PartialMessageable, "send", dies)
        with pytest.raises(DeliveryFailed):
            await connector.deliver(post)
    await env.advance_time(60.0)
    restarted = DiscordConnector(config, desk, ENGLISH)  # type: ignore[arg-type]  # as in conftest
    await env.restart_bot(restarted.client)

    for _ in range(2):
        ref = await restarted.deliver(post)

    assert parts(channel) == ["Part 1", "Part 2", "Part 3"]
    assert ref is not None
    assert [*ref.earlier, ref.id] == [str(message.id) for message in channel.history()]


# --- in threads that Discord has archived ----------------------------------------------------------------------------


@pytest.fixture
async def archived(connector: DiscordConnector, env: Any, channel: Any) -> tuple[AnswerPost, MessageRef, Any]:
    """An answer in a thread that was archived since."""
    native = connector.client.get_channel(channel.id)
    assert isinstance(native, discord.TextChannel)
    thread = await native.create_thread(name="A case", type=discord.ChannelType.public_thread)
    post = AnswerPost(place=floor(env, channel, thread.id), answer=answer())
    ref = await connector.deliver(post)
    assert ref is not None
    await thread.edit(archived=True)
    env.inject_error("PATCH", f"/channels/{thread.id}/messages/*", status=400, code=50083)
    return post, ref, channel.threads[0]


async def test_a_message_in_an_archived_thread_is_rewritten(
    connector: DiscordConnector, env: Any, archived: tuple[AnswerPost, MessageRef, Any]
) -> None:
    post, ref, thread = archived
    edit = AnswerEdit(place=post.place, answer=answer("Amended."), of=post.answer.id, message=ref)

    assert await connector.deliver(edit) == ref

    assert thread.last_message.content == "Amended."
    opened = await connector.client.fetch_channel(thread.id)
    assert isinstance(opened, discord.Thread)
    assert not opened.archived


async def test_an_archived_thread_that_the_bot_may_not_open_is_an_admins(
    connector: DiscordConnector, env: Any, archived: tuple[AnswerPost, MessageRef, Any]
) -> None:
    post, ref, thread = archived
    env.inject_error("PATCH", f"/channels/{thread.id}", status=403, code=50013)

    with pytest.raises(AdminError, match="Manage Threads"):
        await connector.deliver(AnswerEdit(place=post.place, answer=answer("No."), of=post.answer.id, message=ref))
