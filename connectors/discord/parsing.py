"""What discord.py hands over, as the core's events. Pure: looks nothing up, sends nothing.

One conversation is
- in a direct message: the whole channel;
- in a thread: the thread;
- elsewhere: a chain of replies, known by the message that opened it. All that the bot says there replies to that
  message. So whoever replies to the bot names the conversation: it is what the bot's own message replies to, and
  nothing has to be kept or fetched for it. Whoever replies to a person means that person's message.

A thread that somebody opens on a message has the message's own id, so the conversation goes on in it.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import discord

from bot.buttons import Act
from bot.events import (
    ButtonPressed,
    CandidateChosen,
    CommandGiven,
    CorrectionSubmitted,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageRef,
    Place,
    Reacted,
    Reply,
    ReplyMarked,
)
from bot.ids import AnswerId, EventId, FactId, SectionId, new_id
from bot.people import Person, Platform
from connectors.discord.people import DIRECT, person_behind, person_of

_WRITTEN_BY_PEOPLE = (discord.MessageType.default, discord.MessageType.reply)
_VARIATION_SELECTOR = "\ufe0f"


def place_of(channel: discord.abc.Snowflake, guild_id: int | None, root: int | None = None) -> Place:
    """`root` is the message that opened the chain of replies; a thread has its own id for that."""
    workspace = str(guild_id or DIRECT)
    if isinstance(channel, discord.Thread):
        return Place(Platform.DISCORD, workspace, str(channel.parent_id), str(channel.id))
    if guild_id is None:
        return Place(Platform.DISCORD, workspace, str(channel.id), is_direct=True)
    return Place(Platform.DISCORD, workspace, str(channel.id), str(root) if root is not None else None)


def ref_of(channel_id: int, guild_id: int | None, message_id: int, earlier: Iterable[int] = ()) -> MessageRef:
    """A message stands in the channel or thread that Discord gives for it, never in a thread's parent."""
    workspace, above = str(guild_id or DIRECT), tuple(map(str, earlier))
    return MessageRef(Platform.DISCORD, workspace, str(channel_id), str(message_id), above)


def place_of_message(message: discord.Message, me: int) -> Place:
    return place_of(message.channel, message.guild.id if message.guild else None, _root(message, me))


def posted(message: discord.Message, me: discord.ClientUser) -> MessagePosted | None:
    """None for what no person wrote, and for what Discord doesn't let the bot read."""
    if message.author.bot or message.webhook_id or message.type not in _WRITTEN_BY_PEOPLE:
        return None
    names = _names_of_bot(message, me)
    text = names.sub(" ", message.content).strip()
    mentioned = names.search(message.content) is not None
    guild_id = message.guild.id if message.guild else None
    if not message.content and guild_id is not None:
        return None  # a picture alone, or a text that is hidden without the message content intent
    return MessagePosted(
        id=EventId(f"discord:{message.id}"),
        place=place_of_message(message, me.id),
        person=person_of(message.author),
        at=message.created_at,
        text=text,
        message=ref_of(message.channel.id, guild_id, message.id),
        mentions_bot=mentioned,
        opens_thread=_opens(message),
    )


def edited(message: discord.Message, me: discord.ClientUser) -> MessageEdited | None:
    """None for what no person wrote, and where Discord only added a preview."""
    if message.author.bot or message.webhook_id or message.edited_at is None or not message.content:
        return None
    guild_id = message.guild.id if message.guild else None
    return MessageEdited(
        id=EventId(f"discord:{message.id}:edited:{message.edited_at.timestamp()}"),
        place=place_of_message(message, me.id),
        person=person_of(message.author),
        at=message.edited_at,
        message=ref_of(message.channel.id, guild_id, message.id),
        text=_names_of_bot(message, me).sub(" ", message.content).strip(),
        posted_at=message.created_at,
    )


def deleted(
    message_id: int, channel: discord.abc.Snowflake, guild_id: int | None, cached: discord.Message | None, me: int,
    at: datetime,
) -> MessageDeleted:  # fmt: skip
    """Discord tells neither by whom, nor what a message that it hasn't shown before was."""
    place = place_of_message(cached, me) if cached is not None else place_of(channel, guild_id, message_id)
    return MessageDeleted(
        id=EventId(f"discord:{message_id}:deleted"),
        place=place,
        person=person_of(cached.author) if cached is not None else Person(Platform.DISCORD, ""),
        at=at,
        message=ref_of(channel.id, guild_id, message_id),
    )


def reacted(
    payload: discord.RawReactionActionEvent, channel: discord.abc.Snowflake, person: Person, id: EventId, at: datetime
) -> Reacted:
    return Reacted(
        id=id,
        place=place_of(channel, payload.guild_id, payload.message_id),
        person=person,
        at=at,
        message=ref_of(payload.channel_id, payload.guild_id, payload.message_id),
        emoji=emoji_of(payload.emoji),
        added=payload.event_type == "REACTION_ADD",
    )


def cleared(standing: Reacted, at: datetime) -> Reacted:
    """A reaction that stood there, taken away with others. Discord doesn't tell whose they were."""
    return replace(standing, id=EventId(f"discord:cleared:{new_id()}"), at=at, added=False)


def with_reply(reacted: Reacted, channel: discord.abc.Snowflake, found: discord.Message | Reply, me: int) -> Reacted:
    """A reaction to a person's message, which also tells the conversation; or why the message can't be read."""
    if isinstance(found, Reply):
        return replace(reacted, reply=found)
    place = place_of(channel, found.guild.id if found.guild else None, _root(found, me))
    return replace(reacted, place=place, reply=reply_of(found))


def reply_of(message: discord.Message | None) -> Reply:
    """None is gone."""
    if message is None:
        return Reply()
    return Reply(text=message.content, author=person_of(message.author).key, by_bot=message.author.bot)


def emoji_of(emoji: discord.PartialEmoji | discord.Emoji | str) -> str:
    """The character without its variation selector; a server's own emoji by its name."""
    name = emoji if isinstance(emoji, str) else emoji.name or ""
    return name.replace(_VARIATION_SELECTOR, "")


# --- interactions: each has an id of its own -------------------------------------------------------------------------


def interaction_id(interaction: discord.Interaction) -> EventId:
    return EventId(f"discord:{interaction.id}")


def place_of_interaction(interaction: discord.Interaction) -> Place:
    """Where a button stands, or a command was typed. A button is the bot's, so its message names the conversation."""
    message = interaction.message
    root = _replies_to(message) or message.id if message is not None else None
    channel = interaction.channel or discord.Object(interaction.channel_id or 0)
    return place_of(channel, interaction.guild_id, root)


def command_given(interaction: discord.Interaction, text: str) -> CommandGiven:
    return CommandGiven(
        id=interaction_id(interaction),
        place=place_of_interaction(interaction),
        person=person_behind(interaction),
        at=interaction.created_at,
        text=text,
    )


def candidate_chosen(
    interaction: discord.Interaction, answer: AnswerId, fact: FactId | None, section: SectionId | None
) -> CandidateChosen:
    return CandidateChosen(
        id=interaction_id(interaction),
        place=place_of_interaction(interaction),
        person=person_behind(interaction),
        at=interaction.created_at,
        answer=answer,
        fact=fact,
        section=section,
    )


def button_pressed(interaction: discord.Interaction, act: Act, about: str, detail: str) -> ButtonPressed:
    return ButtonPressed(
        id=interaction_id(interaction),
        place=place_of_interaction(interaction),
        person=person_behind(interaction),
        at=interaction.created_at,
        act=act,
        about=about,
        detail=detail,
    )


def reply_marked(
    interaction: discord.Interaction, channel_id: int, message_id: int, message: discord.Message | None
) -> ReplyMarked:
    """`message` is the reply as it stands now; None when it is gone. It names the conversation that it is part of."""
    me, said = interaction.client.user, reply_of(message)
    place = place_of_interaction(interaction)
    if message is not None and me is not None:
        channel = interaction.channel or message.channel
        place = place_of(channel, interaction.guild_id, _root(message, me.id))
    return ReplyMarked(
        id=interaction_id(interaction),
        place=place,
        person=person_behind(interaction),
        at=interaction.created_at,
        reply=ref_of(channel_id, interaction.guild_id, message_id),
        text=said.text,
        by_bot=said.by_bot,
        author=said.author,
    )


def correction_submitted(
    interaction: discord.Interaction, answer: AnswerId, question: str, text: str
) -> CorrectionSubmitted:
    return CorrectionSubmitted(
        id=interaction_id(interaction),
        place=place_of_interaction(interaction),
        person=person_behind(interaction),
        at=interaction.created_at,
        answer=answer,
        question=question,
        text=text,
    )


# --- parts ----------------------------------------------------------------------------------------------------------


def _replies_to(message: discord.Message) -> int | None:
    reference = message.reference
    if reference is None or reference.type is not discord.MessageReferenceType.reply:
        return None
    return reference.message_id


def _root(message: discord.Message, me: int) -> int:
    above_id = _replies_to(message)
    if above_id is None or message.reference is None:
        return message.id
    above = message.reference.resolved or message.reference.cached_message
    if isinstance(above, discord.Message) and above.author.id == me:
        return _replies_to(above) or above_id
    return above_id


def _opens(message: discord.Message) -> bool:
    """A forum post's first message has the id of its thread; any other in a thread is a reply."""
    if isinstance(message.channel, discord.Thread):
        return message.id == message.channel.id
    return message.reference is None


def _names_of_bot(message: discord.Message, me: discord.ClientUser) -> re.Pattern[str]:
    """The bot's mention, or that of the role which Discord makes for it; they look the same to whoever types them.

    A reply to the bot also pings it, but is no mention: people reply to it when they talk to each other, too.
    """
    role = message.guild.self_role if message.guild else None
    return re.compile(rf"<@!?{me.id}>|<@&{role.id}>" if role is not None else rf"<@!?{me.id}>")
