"""What goes out besides answers' own content: one frozen dataclass for each thing that a connector must render."""

from dataclasses import dataclass, field, replace
from typing import Literal, Self

from bot.answers import Answer
from bot.buttons import Button
from bot.events import MessageRef, Place
from bot.handoff import Handoff
from bot.ids import AnswerId, EventId, LessonId, OutgoingId, RunId, new_id
from bot.people import Person


@dataclass(frozen=True, kw_only=True)
class _Going:
    place: Place
    in_reply_to: EventId | None = None
    """The event that caused it; a connector may use it to answer an open interaction privately."""
    id: OutgoingId = field(default_factory=lambda: OutgoingId(new_id()))
    """Goes along as nonce or metadata where the platform takes one, so that a retry can't post twice."""


@dataclass(frozen=True, kw_only=True)
class AnswerPost(_Going):
    answer: Answer
    """A hand-off calls the agents, in whatever way the operator has set for the platform."""
    handoff: Handoff | None = None
    """Of a hand-off: the card for the agents."""
    kind: Literal["answer"] = "answer"


@dataclass(frozen=True, kw_only=True)
class AnswerEdit(_Going):
    """What stands where an answer was posted, from now on: the same answer in another state, or another answer."""

    answer: Answer
    of: AnswerId
    """The answer whose message is rewritten."""
    handoff: Handoff | None = None
    message: MessageRef | None = None
    """Where it stands; found out when it is delivered, since what it rewrites is delivered before it."""
    kind: Literal["answer_edit"] = "answer_edit"


@dataclass(frozen=True, kw_only=True)
class CorrectionOffer(_Going):
    """A button that opens the correction form; for one person's eyes where the platform can."""

    answer: AnswerId
    to: Person
    text: str
    button: str
    more: tuple[Button, ...] = ()
    kind: Literal["offer"] = "offer"


@dataclass(frozen=True, kw_only=True)
class Offer(_Going):
    """Buttons with a line above; for one person's eyes where the platform can."""

    to: Person
    text: str
    buttons: tuple[Button, ...]
    kind: Literal["buttons"] = "buttons"


@dataclass(frozen=True, kw_only=True)
class Notice(_Going):
    """A line of text: a receipt, a command's result, a refusal. With `to` it is for that person's eyes."""

    text: str
    to: Person | None = None
    calls_agents: bool = False
    """True for one that has to reach somebody: it calls the agents as a hand-off does."""
    is_secret: bool = False
    """True for one that nobody else may ever see: better lost than shown to others."""
    calls: Person | None = None
    """Whom it calls: somebody who may have gone away since."""
    lesson: LessonId | None = None
    """The held lesson that it tells of: another agent's ✅ on the message agrees with it."""
    kind: Literal["notice"] = "notice"


@dataclass(frozen=True, kw_only=True)
class ProgressPost(_Going):
    """A message that is edited while a run goes on."""

    run: RunId
    text: str
    kind: Literal["progress"] = "progress"


@dataclass(frozen=True, kw_only=True)
class AnswerDraft:
    """As much of an answer as may be shown while it is being written. It is kept nowhere, and is no answer: the
    `AnswerPost` of the same event takes its place."""

    place: Place
    in_reply_to: EventId
    to: Person
    text: str
    """From its beginning; empty as long as there is nothing to show but that it is being looked for."""


Outgoing = AnswerPost | AnswerEdit | CorrectionOffer | Offer | Notice | ProgressPost


@dataclass(frozen=True)
class CorrectionForm:
    """What the form shows when it opens."""

    answer: AnswerId
    title: str
    question_label: str
    question: str
    answer_label: str
    text: str
    submit_label: str
    left_out: str = ""
    """What is said at the answer's field where the answer is left out."""

    def within(self, chars: int) -> Self:
        """For a platform whose fields hold so many characters. An answer that is longer is left out, and it is said: a
        part of it would come back as the whole. Of a question the beginning is enough."""
        fits = len(self.text) <= chars
        text, left_out = (self.text, "") if fits else ("", self.left_out)
        return replace(self, question=self.question[:chars], text=text, left_out=left_out)
