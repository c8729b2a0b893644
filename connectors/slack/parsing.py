"""Slack's payloads → the core's events. Pure. Knows nothing of who is staff: persons come out as Slack names them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot.buttons import Act, parse_code
from bot.events import (
    ButtonPressed,
    CandidateChosen,
    CommandGiven,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageRef,
    Place,
    Reacted,
    Reply,
    ReplyMarked,
)
from bot.ids import AnswerId, EventId, FactId, SectionId
from bot.people import Person, Platform
from connectors.slack.markup import by_id, mention_of, readable, without_mention

Payload = Mapping[str, Any]

# What people write, apart from plain messages: with a file, and from a thread to the channel as well.
_WRITTEN_BY_PEOPLE = (None, "file_share", "thread_broadcast")
_SLACKBOT = "USLACKBOT"


@dataclass(frozen=True)
class Identity:
    """Who the bot is in its workspace."""

    team: str
    user: str


@dataclass(frozen=True)
class Interaction:
    """A command, click or menu choice, which Slack lets the bot answer in private ways for a while."""

    place: Place
    person: Person
    trigger_id: str
    """Opens one form, within 3 seconds."""
    response_url: str | None
    """Takes five private answers, within 30 minutes."""


# --- events ----------------------------------------------------------------------------------------------------------


def message_posted(event: Payload, bot: Identity) -> MessagePosted | None:
    """A person's message; None for the bot's own, other bots', edits, joins and whatever else Slack calls a message.

    A mention comes twice, as `app_mention` and as `message`: channel and time name it, so that both are one event.
    """
    if not _is_by_person(event, bot):
        return None
    person, channel, ts = event["user"], event["channel"], event["ts"]
    thread = event.get("thread_ts")
    text = event.get("text") or ""
    return MessagePosted(
        id=EventId(f"slack:{bot.team}:{channel}:{ts}"),
        place=_place(channel, thread, ts, bot),
        person=Person(Platform.SLACK, person),
        at=_time(ts),
        text=readable(without_mention(text, bot.user)),
        message=MessageRef(Platform.SLACK, bot.team, channel, ts),
        mentions_bot=mention_of(bot.user).search(text) is not None,
        opens_thread=thread in (None, ts),
    )


def message_edited(event: Payload, bot: Identity) -> MessageEdited | None:
    """None for anything but a person's changed words: Slack also calls a link's preview a change."""
    if event.get("subtype") != "message_changed":
        return None
    message, previous = event["message"], event.get("previous_message") or {}
    if not _is_by_person(message, bot) or message.get("text") == previous.get("text"):
        return None
    channel, ts = event["channel"], message["ts"]
    changed = (message.get("edited") or {}).get("ts") or event.get("event_ts") or event["ts"]
    return MessageEdited(
        id=EventId(f"slack:{bot.team}:{channel}:{ts}:edited:{changed}"),
        place=_place(channel, message.get("thread_ts"), ts, bot),
        person=Person(Platform.SLACK, message["user"]),
        at=_time(changed),
        message=MessageRef(Platform.SLACK, bot.team, channel, ts),
        text=readable(without_mention(message.get("text") or "", bot.user)),
        posted_at=_time(ts),
    )


def message_deleted(event: Payload, bot: Identity) -> MessageDeleted | None:
    """A message that opened a thread leaves a tombstone in its place, which comes as a change."""
    is_tombstone = (event.get("message") or {}).get("subtype") == "tombstone"
    if event.get("subtype") != "message_deleted" and not is_tombstone:
        return None
    previous = event.get("previous_message") or {}
    channel, ts = event["channel"], event.get("deleted_ts") or event["message"]["ts"]
    return MessageDeleted(
        id=EventId(f"slack:{bot.team}:{channel}:{ts}:deleted"),
        place=_place(channel, previous.get("thread_ts"), ts, bot),
        person=Person(Platform.SLACK, previous.get("user") or ""),
        at=_time(event.get("event_ts") or event["ts"]),
        message=MessageRef(Platform.SLACK, bot.team, channel, ts),
    )


def is_on_own(body: Payload, bot: Identity) -> bool:
    """Whether the message that somebody reacted to is the bot's."""
    return bool(body["event"].get("item_user") == bot.user)


def reacted(body: Payload, bot: Identity) -> Reacted | None:
    """A person's reaction to a message; None for any other.

    Slack doesn't tell in which thread the message stands.
    """
    event = body["event"]
    item = event["item"]
    if item.get("type") != "message" or event["user"] == bot.user:
        return None
    channel = item["channel"]
    return Reacted(
        id=EventId(f"slack:{body['event_id']}"),
        place=Place(Platform.SLACK, bot.team, channel, is_direct=is_direct(channel)),
        person=Person(Platform.SLACK, event["user"]),
        at=_time(event["event_ts"]),
        message=MessageRef(Platform.SLACK, bot.team, channel, item["ts"]),
        emoji=emoji_of(event["reaction"]),
        added=event["type"] == "reaction_added",
    )


# --- interactions ----------------------------------------------------------------------------------------------------


def command_given(body: Payload, bot: Identity, at: datetime) -> tuple[CommandGiven, Interaction]:
    channel = body["channel_id"]
    place = Place(Platform.SLACK, bot.team, channel, is_direct=is_direct(channel))
    person = Person(Platform.SLACK, body["user_id"], body.get("user_name", ""))
    event = CommandGiven(
        id=_interaction_id(body), place=place, person=person, at=at, text=readable(by_id(body.get("text") or ""))
    )
    return event, Interaction(place, person, body["trigger_id"], body.get("response_url"))


def interaction(body: Payload, bot: Identity) -> Interaction:
    """Where a button was clicked or a message's menu used, and by whom."""
    channel = body["channel"]["id"]
    container, message = body.get("container") or {}, body.get("message") or {}
    thread = container.get("thread_ts") or message.get("thread_ts")
    place = Place(Platform.SLACK, bot.team, channel, thread, is_direct(channel))
    return Interaction(place, clicker(body), body["trigger_id"], body.get("response_url"))


def clicker(body: Payload) -> Person:
    user = body["user"]
    return Person(Platform.SLACK, user["id"], user.get("name") or user.get("username") or "")


def candidate_chosen(body: Payload, bot: Identity, at: datetime) -> CandidateChosen:
    where = interaction(body, bot)
    chosen = json.loads(body["actions"][0]["value"])
    return CandidateChosen(
        id=_interaction_id(body),
        place=where.place,
        person=where.person,
        at=at,
        answer=AnswerId(chosen["answer"]),
        fact=FactId(chosen["fact"]) if chosen["fact"] is not None else None,
        section=SectionId(chosen["section"]) if "section" in chosen else None,
    )


def button_pressed(body: Payload, bot: Identity, at: datetime) -> ButtonPressed | None:
    """None for a button that asks to learn a reply: its words are looked up first."""
    act, about, detail = parse_code(body["actions"][0]["value"])
    if act is Act.LEARN:
        return None
    where = interaction(body, bot)
    return ButtonPressed(
        id=_interaction_id(body), place=where.place, person=where.person, at=at, act=act, about=about, detail=detail
    )


def reply_of_button(body: Payload, bot: Identity) -> MessageRef:
    """The reply that a button asks to learn."""
    _, about, _ = parse_code(body["actions"][0]["value"])
    channel, _, ts = about.partition("/")
    return MessageRef(Platform.SLACK, bot.team, channel, ts)


def why_asked(body: Payload, bot: Identity, at: datetime) -> tuple[CommandGiven, Interaction]:
    """The message menu's "Why this answer?" is `/mentee why` with that message."""
    where = interaction(body, bot)
    text = f"why {body['message']['ts']}"
    event = CommandGiven(id=_interaction_id(body), place=where.place, person=where.person, at=at, text=text)
    return event, where


def reply_marked(
    body: Payload, reply: MessageRef, message: Payload | None, bot: Identity, at: datetime
) -> ReplyMarked:  # fmt: skip
    """`message` is the reply as Slack shows it now; an empty one is gone, None is kept from the bot."""
    where, said = interaction(body, bot), reply_of(message, bot)
    thread = (message or {}).get("thread_ts") or where.place.thread or reply.id
    return ReplyMarked(
        id=_interaction_id(body),
        place=where.place if where.place.is_direct else replace(where.place, thread=thread),
        person=where.person,
        at=at,
        reply=reply,
        text=said.text,
        by_bot=said.by_bot,
        author=said.author,
        is_hidden=said.is_hidden,
    )


def with_reply(reacted: Reacted, message: Payload | None, bot: Identity) -> Reacted:
    """A reaction to the message, which also tells the thread; the same two cases as above."""
    ts = reacted.message.id
    place = _place(reacted.message.channel, (message or {}).get("thread_ts"), ts, bot)
    return replace(reacted, place=place, reply=reply_of(message, bot))


def reply_of(message: Payload | None, bot: Identity) -> Reply:
    if message is None:
        return Reply(is_hidden=True)
    person = message.get("user")
    return Reply(
        text=readable(message.get("text") or ""),
        author=Person(Platform.SLACK, person).key if person else "",
        by_bot=bool(message.get("bot_id")) or person == bot.user,
    )


def message_of_menu(body: Payload, bot: Identity) -> MessageRef:
    """The message whose menu was used."""
    return MessageRef(Platform.SLACK, bot.team, body["channel"]["id"], body["message"]["ts"])


# --- parts -----------------------------------------------------------------------------------------------------------


def _is_by_person(message: Payload, bot: Identity) -> bool:
    person, is_bots = message.get("user"), message.get("bot_id")
    return person not in (None, bot.user, _SLACKBOT) and not is_bots and message.get("subtype") in _WRITTEN_BY_PEOPLE


def _place(channel: str, thread: str | None, ts: str, bot: Identity) -> Place:
    """In a channel a message opens a thread of its own, in a conversation of two it does not."""
    direct = is_direct(channel)
    return Place(Platform.SLACK, bot.team, channel, thread if direct else thread or ts, direct)


def is_direct(channel: str) -> bool:
    """Conversations of two have ids of their own kind; not every payload tells the kind of channel besides."""
    return channel.startswith("D")


def emoji_of(reaction: str) -> str:
    """Without its skin tone: thumbsup::skin-tone-3."""
    return reaction.partition("::")[0]


def _interaction_id(body: Payload) -> EventId:
    return EventId(f"slack:{body['trigger_id']}")


def _time(ts: str) -> datetime:
    return datetime.fromtimestamp(float(ts), UTC)
