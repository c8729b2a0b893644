"""A place is where it was, also when Discord has taken a thread out of the bot's sight."""

from typing import Any

import discord
import pytest

from bot.errors import AdminError
from bot.events import Place
from bot.outgoing import Notice
from bot.people import Platform
from bot.texts import ENGLISH
from connectors.discord.connector import DiscordConnector
from tests.connectors.discord.conftest import WritingDesk


async def opened(connector: DiscordConnector, channel: Any) -> discord.Thread:
    native = connector.client.get_channel(channel.id)
    assert isinstance(native, discord.TextChannel)
    return await native.create_thread(name="Just between us", type=discord.ChannelType.private_thread)


def reminder(env: Any, channel: Any, thread: int) -> Notice:
    return Notice(place=Place(Platform.DISCORD, str(env.guild.id), str(channel.id), str(thread)), text="Still open.")


def said(channel: Any) -> list[str]:
    """Discord itself tells in the channel that a thread was opened."""
    written = (discord.MessageType.default, discord.MessageType.reply)
    return [message.content for message in channel.history() if message.type in written]


async def test_what_is_said_in_an_archived_private_thread_stays_there(
    connector: DiscordConnector, env: Any, channel: Any
) -> None:
    thread = await opened(connector, channel)
    await thread.edit(archived=True)
    await env.settle()
    assert connector.client.get_channel(thread.id) is None  # what the connector can't rely on

    for _ in range(2):
        await connector.deliver(reminder(env, channel, thread.id))

    assert said(channel) == []
    assert said(channel.threads[0]) == ["Still open."] * 2
    asked = [request.path for request in env.http_requests if request.method == "GET"]
    assert asked.count(f"/channels/{thread.id}") == 1


async def test_a_thread_that_may_not_be_seen_any_more_is_never_spoken_of_in_its_channel(
    connector: DiscordConnector, env: Any, channel: Any
) -> None:
    thread = await opened(connector, channel)
    await thread.edit(archived=True)
    await env.settle()
    env.inject_error("GET", f"/channels/{thread.id}", status=403, code=50001)

    with pytest.raises(AdminError, match="View Channel"):
        await connector.deliver(reminder(env, channel, thread.id))

    assert said(channel) == []


async def test_of_what_is_gone_nothing_is_said_in_its_channel(
    connector: DiscordConnector, env: Any, channel: Any
) -> None:
    """A deleted thread leaves nothing that tells whether it was private."""
    with pytest.raises(AdminError, match="nothing is posted"):
        await connector.deliver(reminder(env, channel, 123456789012345678))

    assert said(channel) == []


async def test_a_chain_of_replies_of_before_is_known_by_its_message(
    connector: DiscordConnector, desk: WritingDesk, env: Any, channel: Any, alice: Any
) -> None:
    question = await alice.send(channel, "How do I get a refund?")
    restarted = DiscordConnector(connector._config, desk, ENGLISH)  # type: ignore[arg-type]  # as in conftest
    await env.restart_bot(restarted.client)

    await restarted.deliver(reminder(env, channel, question.id))

    assert channel.last_message.reference.message_id == question.id


async def test_what_follows_a_message_of_the_bot_is_said_also_when_that_is_gone(
    connector: DiscordConnector, env: Any, channel: Any
) -> None:
    """As when a moderator deletes a card: whoever asked has more to say to the agents."""
    floor = Place(Platform.DISCORD, str(env.guild.id), str(channel.id))
    card = await connector.deliver(Notice(place=floor, text="A card."))
    assert card is not None
    await connector.client.get_partial_messageable(channel.id).get_partial_message(int(card.id)).delete()

    await connector.deliver(reminder(env, channel, int(card.id)))

    assert said(channel)[-1:] == ["Still open."]
