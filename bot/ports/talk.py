"""Repositories of what is said: what came in, what goes out, conversations, answers, ratings, hand-offs, histories."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.answers import Answer, PostedAnswer
from bot.conversation import Turn
from bot.events import Event, MessageDeleted, MessageEdited, MessageRef, Place, Reacted
from bot.feedback import Rating
from bot.handoff import Handoff
from bot.history import Watermark
from bot.ids import AdapterId, AnswerId, EventId, LessonId, OutgoingId, RunId
from bot.outgoing import Outgoing
from bot.people import Person, Platform
from bot.trial import Tried


class Inbox(Protocol):
    def add(self, event: Event) -> bool:
        """Keep an event under its id, its first attempt counted; False when it is there already.

        A reaction that leaves things as they were last heard of is there already, whatever its id; but not one that was
        given after another answer had taken the place of the one that it was given before.
        """
        ...

    def known(self, events: Sequence[EventId]) -> Collection[EventId]:
        """Those of the ids that are there."""
        ...

    def reactions(self, messages: Sequence[MessageRef]) -> Mapping[str, Sequence[Reacted]]:
        """What was heard of reactions to the messages, by `MessageRef.key`, oldest first."""
        ...

    def changes(self, message: MessageRef) -> Sequence[MessageEdited | MessageDeleted]:
        """What was heard of the message's edits and its end, in the order in which it came; maybe before the message,
        maybe not worked off yet."""
        ...

    def pending(self) -> Sequence[Event]:
        """Events neither done nor parked, oldest first."""
        ...

    def pending_after(self, attempts: int) -> Collection[EventId]:
        """Those of the pending ones that were tried so often, or more."""
        ...

    def parked(self) -> Sequence[Event]:
        """Events that were set aside, oldest first."""
        ...

    def attempt(self, event: EventId) -> int:
        """Count a further attempt at handling it; how many there were, this one included."""
        ...

    def done(self, event: EventId, *, parked: bool = False) -> None:
        """Close it; parked: set aside after it failed too often."""
        ...


class Outbox(Protocol):
    def add(self, outgoing: Outgoing) -> None: ...

    def undelivered(self) -> Sequence[Outgoing]:
        """Oldest first."""
        ...

    def delivered(self, outgoing: OutgoingId, message: MessageRef | None) -> None:
        """Mark it. An answer's or progress post's message can be found from then on; an answer on a channel's floor
        opens a thread, which is its place from then on. One that was erased while it was on its way is no trouble.
        """
        ...

    def failed(self, outgoing: OutgoingId, reason: str) -> int:
        """Count a failed attempt; how many there were, 0 for one that was erased."""
        ...

    def park(self, outgoing: OutgoingId, reason: str) -> None:
        """Give it up, with the reason."""
        ...

    def given_up(self) -> int:
        """How many messages were given up."""
        ...

    def message_of(self, run: RunId) -> MessageRef | None:
        """Where the run's progress post stands."""
        ...

    def lesson_at(self, message: MessageRef) -> LessonId | None:
        """The held lesson that the message tells of."""
        ...


class Conversations(Protocol):
    def add(self, turn: Turn) -> None: ...

    def forget(self, message: MessageRef) -> None:
        """Drop a question, and the turn that answered it."""
        ...

    def of(self, place: Place) -> Sequence[Turn]:
        """The thread's turns, oldest first. Empty for a place without a thread, unless it is direct."""
        ...

    def reword(self, place: Place, was: str, now: str) -> None:
        """Replace what the bot said there."""
        ...

    def recent(self, platform: Platform, since: datetime) -> Sequence[Place]:
        """Conversations of the bot's in which something was said since then, the latest first."""
        ...


class Answers(Protocol):
    def add(self, answer: Answer, place: Place, asker: Person, asked_in: str | None = None) -> None:
        """`asked_in`: `MessageRef.key` of the message that asked."""
        ...

    def amend(self, was: AnswerId, answer: Answer) -> None:
        """Add an answer that stands in another one's place from now on."""
        ...

    def recent(self, since: datetime, limit: int) -> Sequence[PostedAnswer]:
        """Known and written answers that stand in a channel as they were said since then, newest first."""
        ...

    def amended_by(self, lesson: LessonId) -> Sequence[PostedAnswer]:
        """Those that stand in a channel in the place of another one, with the lesson's words."""
        ...

    def get(self, answer: AnswerId) -> PostedAnswer | None: ...
    def at(self, message: MessageRef) -> PostedAnswer | None: ...
    def to(self, question: MessageRef) -> PostedAnswer | None:
        """The newest answer to the message that asked."""
        ...

    def all_of(self, message: MessageRef) -> Sequence[PostedAnswer]:
        """All that were given to the message that asked, or stood in the message, oldest first."""
        ...

    def last_in(self, place: Place) -> PostedAnswer | None: ...
    def retract(self, answer: AnswerId) -> None:
        """Mark it as one that nothing is learnt from."""
        ...

    def find(self, id: str) -> PostedAnswer | None:
        """By its own id, or by the platform's id of the message that it stands in."""
        ...

    def in_workspace(self, platform: Platform, workspace: str) -> Sequence[PostedAnswer]: ...
    def count_by_kind(self) -> dict[str, int]: ...
    def written(self, since: datetime, limit: int) -> Sequence[PostedAnswer]:
        """What the model has written since then, whether or not it still stands there, newest first; without what was
        retracted."""
        ...

    def written_since(self, at: datetime) -> int:
        """How many answers the model has written that stood."""
        ...

    def tried(self, trial: AdapterId, since: datetime) -> Sequence[Tried]:
        """What was written while the adapter was on trial, which began then; oldest first, without retracted ones."""
        ...


class Ratings(Protocol):
    def put(self, rating: Rating) -> None: ...
    def remove(self, rating: Rating) -> None: ...
    def of(self, answer: AnswerId) -> Sequence[Rating]: ...
    def approvals(self, person: str, since: datetime) -> int:
        """How many ✅ of the person's stand that were given after a point in time."""
        ...

    def count_by_reason(self) -> dict[str, int]: ...


class Handoffs(Protocol):
    def put(self, handoff: Handoff) -> None:
        """Keep it, in place of its earlier state."""
        ...

    def get(self, answer: AnswerId) -> Handoff | None: ...
    def remove(self, answer: AnswerId) -> None: ...
    def unsolved(self, place: Place | None = None) -> Sequence[Handoff]:
        """Those of the place, or all; oldest first."""
        ...

    def of(self, place: Place) -> Sequence[Handoff]:
        """Those whose card stands there, in whatever state; oldest first."""
        ...

    def asked_at(self, place: Place) -> Sequence[Handoff]:
        """Those from this direct conversation whose card stands elsewhere; oldest first."""
        ...

    def is_known(self, answer: AnswerId) -> bool:
        """Whether the answer said that there is one, or is the card of one."""
        ...

    def count_by_state(self) -> dict[str, int]: ...


class Watermarks(Protocol):
    """How far the histories of channels are known."""

    def of(self, platform: Platform) -> Mapping[str, Watermark]:
        """By `Place.key`."""
        ...

    def put(self, place: Place, watermark: Watermark) -> None: ...
    def keep_only(self, platform: Platform, keys: Collection[str]) -> None:
        """Drop those of the platform's other places: the bot is there no more."""
        ...
