"""Turns of a conversation, and the decision which messages are meant for the bot."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.access import Deed, Staff
from bot.courtesy import Courtesy, courtesy_of
from bot.events import MessagePosted, Place
from bot.ids import SHARED, Tenant
from bot.people import Role
from bot.profile import Profile

MAX_QUESTION_CHARS = 4_000
# Characters of no width (but for those that join emoji and letters), reversed writing, and Unicode's tags.
_UNSEEN = re.compile("[\u200b\u2060-\u2064\ufeff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")


class Speaker(StrEnum):
    PERSON = "person"
    BOT = "bot"


@dataclass(frozen=True)
class Turn:
    place: Place
    speaker: Speaker
    person: str
    """`Person.key` of who wrote, or of whom the bot answered."""
    text: str
    at: datetime
    message: str | None = None
    """`MessageRef.key` of the message that asked; the bot's turns name the one that they answer."""


@dataclass(frozen=True)
class Question:
    """What the ladder gets: the words of now, and what was said before in the same thread (oldest first)."""

    text: str
    earlier: tuple[Turn, ...] = ()
    id: str = ""
    """The same when it is tried again or edited: it decides whether an adapter on trial writes the answer."""
    profile: Profile = field(default_factory=Profile)
    """What is known of who asks."""
    tenant: Tenant = SHARED
    """Whose workspace it is asked in."""

    @property
    def in_context(self) -> str:
        """The question with the person's last one before it, so that "and on the phone?" finds its subject."""
        before = [turn.text for turn in self.earlier if turn.speaker is Speaker.PERSON and turn.text]
        return f"{before[-1]} {self.text}" if before else self.text


def clean_question(text: str) -> str:
    """Fold white space and cut what no question needs; a very long one keeps its head and tail.

    What nobody sees goes, too: people must be able to read what the model reads.
    """
    folded = " ".join(_UNSEEN.sub("", text).split())
    if len(folded) <= MAX_QUESTION_CHARS:
        return folded
    half = MAX_QUESTION_CHARS // 2
    return f"{folded[:half]} … {folded[-half:]}"


def said_in(event: MessagePosted) -> Turn:
    """What a message adds to its conversation."""
    text = clean_question(event.text)
    return Turn(event.place, Speaker.PERSON, event.person.key, text, event.at, event.message.key)


def is_for_the_bot(
    event: MessagePosted, thread: Sequence[Turn], support_channels: frozenset[str], staff: Staff, *, taken: bool = False
) -> bool:
    """Mentions, direct messages, the asker's replies in the bot's threads, new questions in support channels.

    It stays out of talk between people: in its own thread it answers only those who asked there before, and a
    question in a support channel is nobody's but a customer's. Nor does it answer to thanks and greetings that nobody
    addressed to it. `taken`: an agent has claimed the thread's hand-off, and talks with the asker from then on.
    """
    if event.mentions_bot:
        return True
    if taken and (not event.place.is_direct or staff.may(event.person, Deed.TAKE)):
        return False
    courtesy = courtesy_of(event.text)
    if event.place.is_direct:
        return courtesy is not Courtesy.NOD
    if courtesy is not None:
        return False
    if event.opens_thread:
        is_support = event.place.channel in support_channels
        return is_support and staff.role_of(event.person) is Role.CUSTOMER
    answered_here = any(turn.speaker is Speaker.BOT for turn in thread)
    people = {turn.person for turn in thread if turn.speaker is Speaker.PERSON}
    return answered_here and people == {event.person.key}
