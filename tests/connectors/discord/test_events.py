"""What happens on Discord, as the desk gets it: real discord.py parses what simcord's gateway sends."""

import asyncio
from typing import Any

import discord
import pytest

from bot.events import MessagePosted, MessageRef, Place, Reacted
from bot.ids import EventId
from bot.people import Person, Platform
from bot.texts import ENGLISH
from connectors.discord.config import DiscordConfig
from connectors.discord.connector import DiscordConnector
from connectors.discord.people import People
from connectors.discord.reaction_ids import ReactionIds
from tests.connectors.discord.conftest import AGENTS_ROLE, WritingDesk


def only_message(desk: WritingDesk) -> MessagePosted:
    (event,) = desk.received
    assert isinstance(event, MessagePosted)
    return event


def mention(connector: DiscordConnector) -> str:
    assert connector.client.user is not None
    return connector.client.user.mention


async def bot_says(connector: DiscordConnector, channel: Any, text: str, root: discord.Message | None = None) -> Any:
    """A message of the bot, replying to the root of its conversation as its answers do."""
    native = connector.client.get_partial_messageable(channel.id, guild_id=channel.guild.id)
    return await native.send(text) if root is None else await native.send(text, reference=root)


# --- messages ---------------------------------------------------------------------------------------------------------


async def test_a_mention_on_a_channels_floor(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any
) -> None:
    role = env.guild.create_role("agents", permissions=discord.Permissions(manage_guild=True))
    ann = env.guild.add_member(env.create_user("ann"), roles=[role], nick="Ann")

    sent = await ann.send(channel, f"{mention(connector)} How do I get a refund? {mention(connector)}")

    guild, floor = str(env.guild.id), str(channel.id)
    assert only_message(desk) == MessagePosted(
        id=EventId(f"discord:{sent.id}"),
        place=Place(Platform.DISCORD, guild, floor, str(sent.id)),
        person=Person(Platform.DISCORD, str(ann.id), "Ann", frozenset({str(role.id), "agents"}), True),
        at=sent.created_at,
        text="How do I get a refund?",
        message=MessageRef(Platform.DISCORD, guild, floor, str(sent.id)),
        mentions_bot=True,
        opens_thread=True,
    )


async def test_a_reply_to_the_bot_goes_on_in_its_conversation_without_being_a_mention(
    connector: DiscordConnector, desk: WritingDesk, channel: Any, alice: Any
) -> None:
    root = await alice.send(channel, "How do I get a refund?")
    first = await bot_says(connector, channel, "Open Sales.", root)
    await alice.send(channel, "And on the phone?", reply_to=first)
    second = await bot_says(connector, channel, "The same.", root)
    await alice.send(channel, "Thanks", reply_to=second)

    asked, *further = desk.received
    assert asked.place.thread == str(root.id)
    assert [event.place for event in further] == [asked.place, asked.place]
    assert not any(isinstance(event, MessagePosted) and (event.mentions_bot or event.opens_thread) for event in further)


async def test_a_reply_to_a_person_is_about_that_persons_message(
    connector: DiscordConnector, desk: WritingDesk, channel: Any, alice: Any
) -> None:
    root = await alice.send(channel, "How do I get a refund?")
    agents_reply = await alice.send(channel, "Look under Sales.", reply_to=root)
    await alice.send(channel, "Found it.", reply_to=agents_reply)

    assert [event.place.thread for event in desk.received] == [str(root.id), str(root.id), str(agents_reply.id)]


async def test_a_forward_is_no_reply(desk: WritingDesk, env: Any, channel: Any, alice: Any) -> None:
    original = await alice.send(channel, "How do I get a refund?")
    desk.received.clear()

    await alice.forward(original, channel)

    assert desk.received == []  # it has no text of its own


async def test_a_thread_is_one_conversation_under_its_channel(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any, alice: Any
) -> None:
    root = await alice.send(channel, "How do I get a refund?")
    native = connector.client.get_channel(channel.id)
    assert isinstance(native, discord.TextChannel)
    await native.get_partial_message(root.id).create_thread(name="A case")
    desk.received.clear()

    sent = await alice.send(channel.threads[0], "It says I may not.")

    event = only_message(desk)
    assert event.place == Place(Platform.DISCORD, str(env.guild.id), str(channel.id), str(root.id))
    assert event.message.channel == str(sent.channel.id)
    assert not event.opens_thread


async def test_a_forum_post_opens_its_conversation(
    connector: DiscordConnector, desk: WritingDesk, env: Any, alice: Any
) -> None:
    forum = connector.client.get_channel(env.guild.create_forum_channel("help").id)
    assert isinstance(forum, discord.ForumChannel)
    post = await forum.create_thread(name="Refunds", content="Opened by the bot, as simcord's people can't.")

    env.backend.emit("MESSAGE_CREATE", message_payload(post.thread.id, post.thread.id, env.guild.id, alice))
    env.backend.emit("MESSAGE_CREATE", message_payload(post.thread.id + 1, post.thread.id, env.guild.id, alice))
    await env.settle()

    first, second = desk.received
    assert isinstance(first, MessagePosted)
    assert isinstance(second, MessagePosted)
    assert (first.opens_thread, second.opens_thread) == (True, False)
    assert first.place == Place(Platform.DISCORD, str(env.guild.id), str(forum.id), str(post.thread.id))


def message_payload(id: int, channel: int, guild: int, author: Any) -> dict[str, Any]:
    """As Discord sends it: a forum post's first message has the id of its thread."""
    user = {"id": str(author.id), "username": author.name, "discriminator": "0", "avatar": None}
    member = {"roles": [], "joined_at": "2026-01-01T00:00:00+00:00", "deaf": False, "mute": False, "flags": 0}
    return {
        "id": str(id), "channel_id": str(channel), "guild_id": str(guild), "author": user, "member": member,
        "content": "How do I get a refund?", "timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None,
        "tts": False, "mention_everyone": False, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
        "pinned": False, "type": 0, "components": [],
    }  # fmt: skip


async def test_a_direct_message_is_one_conversation(desk: WritingDesk, env: Any) -> None:
    user = env.create_user("bob")

    await user.send_dm("How do I get a refund?")

    event = only_message(desk)
    assert event.place == Place(Platform.DISCORD, "@me", str(user.dm_channel.id), is_direct=True)
    assert event.person == Person(Platform.DISCORD, str(user.id), "bob", is_outsider=True)  # on no server of the bot's


async def test_the_role_that_discord_makes_for_the_bot_is_the_bot(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any, alice: Any
) -> None:
    tags = {"bot_id": mention(connector).strip("<@>")}
    role = {
        "id": AGENTS_ROLE, "name": "Mentee", "color": 0, "colors": {"primary_color": 0}, "hoist": False, "position": 1,
        "permissions": "0", "managed": True, "mentionable": False, "flags": 0, "tags": tags,
    }  # fmt: skip
    env.backend.emit("GUILD_ROLE_CREATE", {"guild_id": str(env.guild.id), "role": role})

    await alice.send(channel, f"<@&{AGENTS_ROLE}> How do I get a refund?")

    assert only_message(desk).mentions_bot
    assert only_message(desk).text == "How do I get a refund?"


async def test_bots_and_webhooks_are_not_heard(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any
) -> None:
    other = env.guild.add_member(env.create_user("other", bot=True))

    await other.send(channel, "I am a bot.")
    await env.guild.create_webhook(channel).send("I am a webhook.")
    await bot_says(connector, channel, "I am myself.")

    assert desk.received == []


async def test_a_server_that_the_bot_left_is_purged_and_one_that_is_away_is_not(
    desk: WritingDesk, env: Any, channel: Any
) -> None:
    there, gone = channel.guild.id, env.create_guild().id
    env.backend.emit("GUILD_DELETE", {"id": str(there), "unavailable": True})
    env.backend.emit("GUILD_DELETE", {"id": str(gone)})
    await env.settle()
    assert desk.uninstalled == [str(gone)]


class TestWithoutTheMessageContentIntent:
    @pytest.fixture
    def config(self) -> DiscordConfig:
        return DiscordConfig(token="unused", shards=1, message_content=False)

    @pytest.mark.simcord(approved_intents=discord.Intents.default())
    async def test_only_what_is_meant_for_the_bot_is_heard(
        self, connector: DiscordConnector, desk: WritingDesk, channel: Any, alice: Any
    ) -> None:
        await alice.send(channel, "Nobody asked you.")
        await alice.send(channel, f"{mention(connector)} How do I get a refund?")

        assert only_message(desk).text == "How do I get a refund?"


# --- reactions --------------------------------------------------------------------------------------------------------


def reactions(desk: WritingDesk) -> list[Reacted]:
    return [event for event in desk.received if isinstance(event, Reacted)]


async def test_a_reaction_is_heard_with_who_gave_it_and_when_it_is_taken_away(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any
) -> None:
    role = env.guild.create_role("agents")
    ann = env.guild.add_member(env.create_user("ann"), roles=[role])
    answer = await bot_says(connector, channel, "Open Sales.")

    await ann.react(answer, "✏️")
    await ann.unreact(answer, "✏️")

    added, removed = reactions(desk)
    assert (added.emoji, added.added, removed.emoji, removed.added) == ("✏", True, "✏", False)
    assert added.message == MessageRef(Platform.DISCORD, str(env.guild.id), str(channel.id), str(answer.id))
    assert added.place == removed.place == Place(Platform.DISCORD, str(env.guild.id), str(channel.id), str(answer.id))
    # Discord tells the roles of who adds; of who removes they are looked up.
    assert added.person == removed.person
    assert removed.person.groups == {str(role.id), "agents"}


async def test_who_cannot_be_looked_up_has_no_rights(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any
) -> None:
    ann = env.guild.add_member(env.create_user("ann"), roles=[env.guild.create_role("agents")])
    answer = await bot_says(connector, channel, "Open Sales.")
    await ann.react(answer, "✅")
    env.inject_error("GET", "/guilds/*/members/*", status=500)

    await ann.unreact(answer, "✅")

    assert reactions(desk)[-1].person == Person(Platform.DISCORD, str(ann.id), is_unverified=True)


async def test_a_reaction_in_a_direct_message(connector: DiscordConnector, desk: WritingDesk, env: Any) -> None:
    bob = env.create_user("bob")
    answer = await connector.client.get_partial_messageable(bob.dm_channel.id).send("Open Sales.")

    await bob.set_reaction(answer, "✅", reacted=True)

    (event,) = reactions(desk)
    assert event.place == Place(Platform.DISCORD, "@me", str(bob.dm_channel.id), is_direct=True)
    assert event.person == Person(Platform.DISCORD, str(bob.id), is_outsider=True)


async def test_reactions_of_bots_and_on_other_peoples_messages_are_not_heard(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any, alice: Any
) -> None:
    other_bot = env.guild.add_member(env.create_user("other", bot=True))
    question = await alice.send(channel, "How do I get a refund?")
    answer = await bot_says(connector, channel, "Open Sales.")

    await alice.react(question, "✅")
    await alice.unreact(question, "✅")
    await other_bot.react(answer, "✅")
    await answer.add_reaction("✅")

    assert reactions(desk) == []


async def test_what_a_moderator_clears_is_taken_back_from_everybody(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any, alice: Any
) -> None:
    answer = await bot_says(connector, channel, "Hello.")
    other = await bot_says(connector, channel, "Hello again.")
    ann = env.guild.add_member(env.create_user("ann"))
    await alice.react(other, "✅")
    for person, emoji in ((alice, "✅"), (ann, "✅"), (ann, "❌")):
        await person.react(answer, emoji)

    env.backend.clear_reaction(channel.id, answer.id, "✅")
    await env.settle()
    assert [(each.person.id, each.emoji, each.added) for each in reactions(desk)[4:]] == [
        (str(alice.id), "✅", False),
        (str(ann.id), "✅", False),
    ]
    env.backend.clear_reactions(channel.id, answer.id)
    await env.settle()
    assert [(each.person.id, each.emoji, each.added) for each in reactions(desk)[6:]] == [(str(ann.id), "❌", False)]

    await alice.react(answer, "✅")  # the same once more is news
    assert len({event.id for event in reactions(desk)}) == 8


def reaction(*, added: bool, emoji: str = "✅", user: int = 7) -> discord.RawReactionActionEvent:
    data: Any = {"message_id": 1, "channel_id": 2, "user_id": user, "type": 0}
    return discord.RawReactionActionEvent(
        data, discord.PartialEmoji(name=emoji), "REACTION_ADD" if added else "REACTION_REMOVE"
    )


def test_each_change_of_a_reaction_has_its_own_id_and_a_redelivery_the_same() -> None:
    ids = ReactionIds()

    add, again, remove, re_add = (ids.of(reaction(added=added)) for added in (True, True, False, True))

    assert add == again
    assert len({add, remove, re_add}) == 3
    assert ids.of(reaction(added=True, user=8)) not in {add, remove, re_add}
    assert ids.of(reaction(added=True, emoji="❌")) not in {add, remove, re_add}


def test_ids_of_two_processes_do_not_collide() -> None:
    assert ReactionIds().of(reaction(added=True)) != ReactionIds().of(reaction(added=True))


async def test_a_slow_look_up_does_not_let_a_later_reaction_overtake(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await bot_says(connector, channel, "Open Sales.")
    await alice.react(answer, "✅")

    async def slow(_: object, person: Person, *__: object) -> Person:
        for _turn in range(50):
            await asyncio.sleep(0)
        return person

    monkeypatch.setattr(People, "look_up", slow)
    env.backend.remove_reaction(channel.id, answer.id, "✅", alice.id)
    env.backend.set_reaction(channel.id, answer.id, "✅", alice.id, True)
    await env.settle()

    assert [event.added for event in reactions(desk)] == [True, False, True]


async def test_the_bots_own_name_is_nobodys(
    connector: DiscordConnector, config: DiscordConfig, desk: WritingDesk, env: Any, channel: Any
) -> None:
    """Without the intent for members a server shows the bot alone."""
    restarted = DiscordConnector(config, desk, ENGLISH)  # type: ignore[arg-type]  # as in conftest
    await env.restart_bot(restarted.client)

    (guild,) = restarted.client.guilds
    assert [member.bot for member in guild.members] == [True]
    assert desk.met == []
