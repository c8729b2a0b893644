"""What comes in: one frozen dataclass for each thing that can happen, the same for every platform."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.buttons import Act
from bot.ids import AnswerId, EventId, FactId, SectionId
from bot.people import Person, Platform


@dataclass(frozen=True)
class Place:
    """Where a conversation happens. With a thread it is one conversation; without, the channel's open floor."""

    platform: Platform
    workspace: str
    channel: str
    thread: str | None = None
    is_direct: bool = False

    @property
    def key(self) -> str:
        return "/".join((self.platform, self.workspace, self.channel, self.thread or ""))


@dataclass(frozen=True)
class MessageRef:
    """One message on a platform."""

    platform: Platform
    workspace: str
    channel: str
    id: str
    earlier: tuple[str, ...] = field(default=(), compare=False)
    """Ids of the messages above it that say the beginning, where a platform takes long texts in pieces."""

    @property
    def thread(self) -> Place:
        """The conversation that it opens on a channel's floor."""
        return Place(self.platform, self.workspace, self.channel, self.id)

    @property
    def key(self) -> str:
        return "/".join((self.platform, self.workspace, self.channel, self.id))


@dataclass(frozen=True, kw_only=True)
class _Happened:
    id: EventId
    place: Place
    person: Person
    at: datetime


@dataclass(frozen=True, kw_only=True)
class MessagePosted(_Happened):
    """Somebody wrote. `place.thread` is where an answer belongs, also when the message itself opens the thread."""

    text: str
    message: MessageRef
    mentions_bot: bool
    opens_thread: bool
    """True for a new message on a channel's floor, False for a reply within a thread."""
    kind: Literal["message"] = "message"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A message that somebody marks as the right answer, as it stands on the platform now."""

    text: str = ""
    """Empty when it is gone."""
    author: str = ""
    """`Person.key` of who wrote it."""
    by_bot: bool = False
    is_hidden: bool = False
    """The platform didn't let the bot read it."""


@dataclass(frozen=True, kw_only=True)
class Reacted(_Happened):
    """Somebody put an emoji on a message, or took it away."""

    message: MessageRef
    emoji: str
    """Slack's short name without colons and skin tone, or the character without its variation selector."""
    added: bool
    reply: Reply | None = None
    """The message, where the emoji marks a person's reply and whoever put it there may teach (`Desk.may_mark`)."""
    kind: Literal["reaction"] = "reaction"


@dataclass(frozen=True, kw_only=True)
class CorrectionSubmitted(_Happened):
    """Somebody sent the correction form."""

    answer: AnswerId
    question: str
    text: str
    said_in: MessageRef | None = None
    """The reply whose words the text is; None for what was typed into the form."""
    kind: Literal["correction"] = "correction"


@dataclass(frozen=True, kw_only=True)
class ReplyMarked(_Happened):
    """Somebody says that a message in the thread is the right answer to its question."""

    reply: MessageRef
    text: str
    """Its words, as they stand there now; empty when it is gone."""
    by_bot: bool = False
    author: str = ""
    """`Person.key` of who wrote it."""
    is_hidden: bool = False
    """The platform didn't let the bot read it."""
    kind: Literal["reply_marked"] = "reply_marked"


@dataclass(frozen=True, kw_only=True)
class ButtonPressed(_Happened):
    """Somebody clicked a button below something that the bot said."""

    act: Act
    about: str
    detail: str = ""
    kind: Literal["press"] = "press"


@dataclass(frozen=True, kw_only=True)
class CandidateChosen(_Happened):
    """Somebody clicked one of the "did you mean" buttons; neither fact nor section means "none of these"."""

    answer: AnswerId
    fact: FactId | None
    section: SectionId | None = None
    kind: Literal["choice"] = "choice"


@dataclass(frozen=True, kw_only=True)
class MessageEdited(_Happened):
    """Somebody changed the words of a message."""

    message: MessageRef
    text: str
    posted_at: datetime
    """When the message was written first."""
    kind: Literal["message_edited"] = "message_edited"


@dataclass(frozen=True, kw_only=True)
class MessageDeleted(_Happened):
    """A message is gone. Not every platform tells by whom: `person` may have no id."""

    message: MessageRef
    kind: Literal["message_deleted"] = "message_deleted"


@dataclass(frozen=True, kw_only=True)
class CommandGiven(_Happened):
    """Somebody typed `/mentee …`; `text` is what stands behind the name."""

    text: str
    kind: Literal["command"] = "command"


Event = (
    MessagePosted
    | MessageEdited
    | MessageDeleted
    | Reacted
    | CorrectionSubmitted
    | ReplyMarked
    | ButtonPressed
    | CandidateChosen
    | CommandGiven
)


def quoted(event: Event) -> str:
    """`Person.key` of whose words the event repeats, besides the person's own; empty where there are none."""
    match event:
        case ReplyMarked():
            return event.author
        case Reacted(reply=Reply(author=author)):
            return author
        case _:
            return ""
