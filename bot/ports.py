"""What the core needs from outside, as small Protocols. Async stops here: connectors and generators are async,
storage is synchronous inside `Store.run`.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bot.answers import Answer, PostedAnswer
from bot.audit import Entry
from bot.conversation import Turn
from bot.erasure import Acquaintance, Certificate, Erased
from bot.events import Event, MessageRef, Place, Reacted
from bot.feedback import Amended, Hold, Lesson, Phrasing, Rating, Ruling
from bot.generation import Generation, Sampling
from bot.handoff import Handoff
from bot.history import Seen, Watermark
from bot.ids import AdapterId, AnswerId, EventId, FactId, LessonId, OutgoingId, PassId, RunId
from bot.installations import Installation
from bot.lineage import Adapter, Deployment, Progress, Report, RetrainPlan, Run
from bot.outgoing import AnswerDraft, Outgoing
from bot.passes import Pass
from bot.people import Person, Platform
from bot.personal import Span
from bot.prompting import Message
from bot.retrieval import Changes, Loaded, Origin, Retrieval, Section
from bot.trial import Tried
from bot.trust import Opinion
from bot.vitals import Vitals

T = TypeVar("T")


class Clock(Protocol):
    def __call__(self) -> datetime:
        """The time now, in UTC."""
        ...


# --- models ------------------------------------------------------------------------------------------------------


class Generator(Protocol):
    async def generate(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        on_text: Callable[[str], None] | None = None,
        prefer: AdapterId | None = None,
    ) -> Generation:
        """Complete the conversation. `on_text` gets each new piece, in the caller's event loop. `prefer`: the adapter
        to write with, if it stands ready; else the one that serves writes.

        Raises Busy when the queue is full, TooLate after the deadline, EngineFailed when the text can't be had.
        Cancelling the task stops the generation.
        """
        ...


class Knowledge(Protocol):
    async def search(self, question: str) -> Retrieval:
        """Facts and sections for a question; sees every lesson that was committed before the call."""
        ...


class Library(Protocol):
    async def load(self, name: str, content: AsyncIterator[bytes]) -> Loaded:
        """Keep a file under its name, in place of an earlier one, and load it. Raises SourceUnreadable."""
        ...


class Planner(Protocol):
    def __call__(self, unit: "Unit") -> RetrainPlan:
        """What a retraining would do now. Quick: it trains nothing."""
        ...


class PersonalData(Protocol):
    """Finds what is personal in a text."""

    def find(self, text: str) -> Sequence[Span]:
        """Spans that don't overlap, in the order of the text; nothing in placeholders that stand there already."""
        ...

    def meet(self, name: str) -> None:
        """Hear of somebody's name; an empty one means nothing."""
        ...


class AdapterStore(Protocol):
    def folder(self, adapter: AdapterId) -> Path: ...

    def verify(self, adapter: AdapterId) -> None:
        """Raises AdapterBroken unless every file is there with the hash that its manifest names."""
        ...

    def stage(self, adapter: AdapterId) -> Path:
        """A fresh temporary folder to write an adapter into."""
        ...

    def publish(self, adapter: AdapterId, staged: Path, base_sha256: str) -> str:
        """Put a staged folder in its place at once or not at all; the sha256 of its weights."""
        ...


# --- connectors --------------------------------------------------------------------------------------------------


class Archive(Protocol):
    """A platform's own history, as far as the bot may read it. Keeps to the platform's rate limits."""

    async def channels(self) -> Sequence[Place]:
        """All channels, and threads that are read on their own, that the bot is in. Direct ones where it can tell."""
        ...

    def look(self, place: Place, since: datetime, read_until: datetime) -> AsyncIterator[Seen]:
        """What was said since, in any order, with persons as far as the history names them, and the reactions that
        stand on the bot's messages. Threads without a word of the bot and without a new one after `read_until` may be
        left out. Raises whatever the platform's library raises.
        """
        ...

    async def identify(self, person: Person, place: Place) -> Person:
        """The person with name and groups; without groups when the platform can't be asked."""
        ...


class Connector(Protocol):
    """Parses, renders and transports for one platform. Decides nothing."""

    platform: Platform

    @property
    def archive(self) -> Archive | None:
        """None before it is connected, and where nothing can be missed."""
        ...

    async def run(self) -> None:
        """Receive events until cancelled. Returns at once for a connector that is driven from elsewhere."""
        ...

    async def deliver(self, outgoing: Outgoing) -> MessageRef | None:
        """Post it; the message it became, or None where nothing addressable stays (an ephemeral one).

        Raises DeliveryFailed when trying again makes sense.
        """
        ...

    async def update(self, message: MessageRef, text: str) -> None:
        """Replace the text of a progress message. May be lost."""
        ...

    async def draft(self, draft: AnswerDraft) -> None:
        """Show that an answer is being written, and as much of it as there is. May be lost; may do nothing.

        Never called twice at a time for one event, nor after its answer was kept. What it leaves on the platform is
        replaced or removed when the answer is delivered, also by the next process.
        """
        ...


# --- storage -----------------------------------------------------------------------------------------------------


class Inbox(Protocol):
    def add(self, event: Event) -> bool:
        """Keep an event under its id, its first attempt counted; False when it is there already.

        A reaction that leaves things as they were last heard of is there already, whatever its id.
        """
        ...

    def known(self, events: Sequence[EventId]) -> Collection[EventId]:
        """Those of the ids that are there."""
        ...

    def reactions(self, messages: Sequence[MessageRef]) -> Mapping[str, Sequence[Reacted]]:
        """What was heard of reactions to the messages, by `MessageRef.key`, oldest first."""
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
        opens a thread, which is its place from then on.
        """
        ...

    def failed(self, outgoing: OutgoingId, reason: str) -> int:
        """Count a failed attempt; how many there were."""
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

    def direct(self, platform: Platform, since: datetime) -> Sequence[Place]:
        """Conversations of two in which something was said since then."""
        ...


class Answers(Protocol):
    def add(self, answer: Answer, place: Place, asker: Person, asked_in: MessageRef | None = None) -> None: ...
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

    def last_in(self, place: Place) -> PostedAnswer | None: ...
    def retract(self, answer: AnswerId) -> None:
        """Mark it as one that nothing is learnt from."""
        ...

    def find(self, id: str) -> PostedAnswer | None:
        """By its own id, or by the platform's id of the message that it stands in."""
        ...

    def in_workspace(self, platform: Platform, workspace: str) -> Sequence[AnswerId]: ...
    def count_by_kind(self) -> dict[str, int]: ...
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


class Lessons(Protocol):
    def add(self, lesson: Lesson) -> None: ...
    def add_all(self, lessons: Sequence[Lesson], phrasings: Sequence[Phrasing]) -> None:
        """Add many at once: lessons, and phrasings that their facts don't have yet."""
        ...

    def get(self, lesson: LessonId) -> Lesson | None: ...
    def withdraw(self, lesson: LessonId, at: datetime) -> None:
        """Withdraw a lesson and the phrasings that it brought."""
        ...

    def restore(self, lesson: LessonId) -> None: ...
    def hold(self, lesson: LessonId, reason: Hold, at: datetime) -> None:
        """Keep it from use, with the phrasings that it brought, until it is released."""
        ...

    def release(self, lesson: LessonId, at: datetime) -> None:
        """Use it from now on: it counts as taught at this time, so that it is the newest of its fact."""
        ...

    def rule(self, lesson: LessonId, ruling: Ruling, by: str) -> None:
        """Note who decided what of it; it isn't held any more."""
        ...

    def held(self) -> Sequence[Lesson]:
        """Oldest first."""
        ...

    def doubt(self, lesson: LessonId, source: str) -> None:
        """Note that a help page bears it out no more; an empty source: that it is right nevertheless."""
        ...

    def doubted(self) -> Sequence[Lesson]:
        """Those that were not withdrawn, oldest first; some may have a newer version by now."""
        ...

    def to_amend_with(self, since: datetime) -> Sequence[Lesson]:
        """Corrections in use, taught since then, whose amending is due; oldest first."""
        ...

    def taken_back(self) -> Sequence[Lesson]:
        """Corrections that are not in use any more, whose amending is done."""
        ...

    def amended(self, lesson: LessonId, state: Amended) -> bool:
        """Note how far its amending is; False when that was noted before."""
        ...

    def by(self, author: str) -> Sequence[Lesson]:
        """Those that were not withdrawn, oldest first."""
        ...

    def corrections(self, author: str, since: datetime) -> int:
        """How many the author has sent after a point in time, held and withdrawn ones too."""
        ...

    def about(self, answer: AnswerId) -> Sequence[Lesson]: ...
    def kept_back(self, answer: str) -> Sequence[Lesson]:
        """Those with this very answer that are held or were dropped, oldest first."""
        ...

    def saying(self, answer: str) -> Sequence[Lesson]:
        """Those with this very answer that were not withdrawn, newest first."""
        ...

    def said_in(self, message: MessageRef) -> Sequence[Lesson]:
        """Those that a message's words are the answer of, and that stand or are held; oldest first."""
        ...

    def all(self, facts: Sequence[FactId] | None = None) -> Sequence[Lesson]:
        """Those of the facts, or all; oldest first, withdrawn ones too."""
        ...

    def facts(self, after: str = "", limit: int = 1_000, author: str | None = None) -> Sequence[FactId]:
        """Facts with a lesson (of that author) that was not withdrawn, in the order of their ids."""
        ...

    def add_phrasing(self, phrasing: Phrasing) -> None:
        """Add it; the same text from the same origin again makes it active."""
        ...

    def withdraw_heard(self, answer: AnswerId, question: str, at: datetime) -> None:
        """Withdraw what was heard of an answer's question: phrasings that clicks and ratings on it brought, and the
        asker's words beside a correction of it."""
        ...

    def withdraw_phrasings(self, origin: str, at: datetime) -> None: ...
    def phrasings(self, facts: Sequence[FactId] | None = None) -> Sequence[Phrasing]:
        """Those of the facts, or all; oldest first, withdrawn ones too."""
        ...


class Teaching(Protocol):
    """What is kept that tells of a teacher's record. FAQ entries have no teacher."""

    def shared(self) -> Sequence[Lesson]:
        """Lessons of facts that more than one person taught, oldest first. Withdrawn ones only if they are held."""
        ...

    def opinions(self) -> Sequence[Opinion]:
        """Agents' ✅ and ❌ on answers that said another's lesson, corrections of such, and decisions of held ones."""
        ...

    def served(self, lessons: Sequence[LessonId]) -> Mapping[LessonId, int]:
        """How often each was said."""
        ...

    def teachers(self) -> Collection[str]:
        """All who taught something that was not taken back."""
        ...

    def proven(self, least: int) -> Mapping[str, int]:
        """Of each teacher, how many lessons stand that were said so often."""
        ...


class Documents(Protocol):
    def replace(self, source: str, content_sha256: str, sections: Sequence[Section]) -> bool:
        """Keep a source's sections in place of its earlier ones; False when the content is unchanged."""
        ...

    def sections(self, sources: Sequence[str] | None = None) -> Sequence[Section]:
        """Those of the sources, or all, in the order of each source."""
        ...

    def note(self, origin: Origin) -> None:
        """Keep which version of a file was read, and how."""
        ...

    def origins(self) -> Sequence[Origin]:
        """Of all files that something came from."""
        ...


class Vectors(Protocol):
    """A cache of embeddings, so that a restart need not compute them again."""

    def get(self, model: str, texts: Sequence[str]) -> dict[str, bytes]: ...
    def put(self, model: str, vectors: dict[str, bytes]) -> None: ...


class Adapters(Protocol):
    def add(self, adapter: Adapter) -> None: ...
    def get(self, adapter: AdapterId) -> Adapter | None: ...
    def named(self, name: str) -> Adapter | None:
        """By "v3" or by the beginning of its id."""
        ...

    def all(self) -> Sequence[Adapter]: ...
    def next_number(self) -> int: ...
    def deploy(self, deployment: Deployment) -> None: ...
    def history(self) -> Sequence[Deployment]: ...


class Runs(Protocol):
    def request(self, run: Run) -> bool:
        """Keep it; False when its slot was taken before."""
        ...

    def claim(self, owner: str, now: datetime, lease_s: float) -> Run | None:
        """Take the oldest requested run, or one whose owner's lease ran out, unless another run is alive.

        Counts the attempt.
        """
        ...

    def beat(self, run: RunId, owner: str, progress: Progress, now: datetime) -> bool:
        """Renew the lease; False when somebody else owns the run by now."""
        ...

    def finish(self, run: RunId, owner: str, report: Report) -> bool:
        """Close the run; False (and nothing written) when somebody else owns it by now."""
        ...

    def abandon(self, report: Report) -> int:
        """Close every run that is under way, whoever owns it; how many there were."""
        ...

    def get(self, run: RunId) -> Run | None: ...
    def latest(self, limit: int = 10) -> Sequence[Run]:
        """Newest first."""
        ...

    def looks(self) -> int:
        """How many challengers the gate has judged so far."""
        ...


class Audit(Protocol):
    def add(self, actor: str, act: str, subject: str, at: datetime) -> None:
        """Add an entry to the end of the chain; `actor` is a `Person.key`, or what acted by itself."""
        ...

    def entries(self) -> Sequence[Entry]:
        """Oldest first."""
        ...

    def people(self) -> dict[str, str]:
        """Whom each alias stands for; those who were forgotten are missing."""
        ...


class Persons(Protocol):
    def known(self) -> Sequence[Acquaintance]:
        """Everybody of whom something is kept."""
        ...

    def erase(self, person: Acquaintance, *, with_lessons: bool) -> Erased:
        """Remove what the person wrote and what answered it; what others wrote stays, without saying who is meant.

        Lessons that the person taught stay under no name, unless `with_lessons`.
        """
        ...

    def shed(self, person: Acquaintance, before: datetime) -> int:
        """Remove what the person wrote before a point in time and what answered it, but for what still has to be
        answered; how many rows. Lessons stay: they are agents' words."""
        ...

    def export(self, person: str) -> dict[str, list[dict[str, Any]]]:
        """All that is kept of somebody (`Person.key`), by what it is, as JSON has it."""
        ...

    def purge_messages(self, before: datetime) -> int:
        """Remove events that are done, messages that are delivered, and turns; how many rows."""
        ...

    def purge_answers(self, before: datetime) -> int:
        """Remove answers with their ratings; how many answers."""
        ...

    def purge_withdrawn(self, before: datetime) -> int:
        """Remove lessons and phrasings that were withdrawn by then; how many lessons."""
        ...

    def purge_workspace(self, platform: Platform, workspace: str) -> int:
        """Remove what was said in a workspace: events, messages, turns, answers with their ratings and hand-offs; how
        many rows."""
        ...

    def keep(self, certificate: Certificate) -> None:
        """Add it, or put it in place of its earlier state."""
        ...

    def pending(self) -> Sequence[Certificate]:
        """Of erasures whose files and bytes are still there."""
        ...


class Installations(Protocol):
    """Of the app, in workspaces. Each holds a secret."""

    def put(self, installation: Installation) -> None:
        """Keep it, in place of an earlier one in that workspace."""
        ...

    def get(self, platform: Platform, workspace: str) -> Installation | None: ...
    def all(self, platform: Platform) -> Sequence[Installation]: ...
    def remove(self, platform: Platform, workspace: str) -> None: ...


class Passes(Protocol):
    def add(self, given: Pass, digest: str) -> None:
        """Keep it under the digest of its secret. Those that hold no more go."""
        ...

    def of(self, digest: str) -> Pass | None: ...
    def all(self) -> Sequence[Pass]:
        """Oldest first."""
        ...

    def remove(self, id: PassId) -> bool:
        """False when it is gone already."""
        ...


class Watermarks(Protocol):
    """How far the histories of channels are known."""

    def of(self, platform: Platform) -> Mapping[str, Watermark]:
        """By `Place.key`."""
        ...

    def put(self, place: Place, watermark: Watermark) -> None: ...
    def keep_only(self, platform: Platform, keys: Collection[str]) -> None:
        """Drop those of the platform's other places: the bot is there no more."""
        ...


class Flags(Protocol):
    def get(self, name: str) -> str | None: ...
    def set(self, name: str, value: str) -> None: ...


class Unit(Protocol):
    """One transaction: all of it is kept, or nothing."""

    @property
    def inbox(self) -> Inbox: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def handoffs(self) -> Handoffs: ...
    @property
    def ratings(self) -> Ratings: ...
    @property
    def lessons(self) -> Lessons: ...
    @property
    def teaching(self) -> Teaching: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def vectors(self) -> Vectors: ...
    @property
    def adapters(self) -> Adapters: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def persons(self) -> Persons: ...
    @property
    def installations(self) -> Installations: ...
    @property
    def passes(self) -> Passes: ...
    @property
    def watermarks(self) -> Watermarks: ...
    @property
    def flags(self) -> Flags: ...
    def vitals(self) -> Vitals:
        """What operators watch."""
        ...

    def changes(self, since: int) -> Changes:
        """What has changed after that revision. 0: all that there is, and what is gone."""
        ...

    def revision(self) -> int:
        """A number that grows whenever lessons, phrasings or sections change, in whichever process."""
        ...


class Store(Protocol):
    async def run(self, work: Callable[[Unit], T]) -> T:
        """Run `work` in one transaction, off the event loop. An exception rolls back and comes through."""
        ...


Effect = Callable[[Unit], Sequence[Outgoing]]
"""What an event changes: run in one transaction together with marking the event done."""
