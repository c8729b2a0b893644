"""What becomes of messages later: an edited question is answered anew, and nothing is learnt from what was deleted.
Platforms tell of it in any order: what is heard before its message waits in the inbox, and counts when that arrives.

Every function runs inside one transaction. Knows nothing of models: the new answer is found by the router's ladder.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.access import Deed
from bot.answers import Answer, AnswerKind, PostedAnswer
from bot.capturing import Capturing
from bot.conversation import Question, Speaker, Turn, clean_question
from bot.events import CorrectionSubmitted, MessageDeleted, MessageEdited, MessagePosted, MessageRef
from bot.feedback import OVERHEARD, Lesson
from bot.handing_off import HandingOff
from bot.handoff import HandoffState
from bot.opting_out import keep_answer
from bot.outgoing import AnswerEdit, Notice, Outgoing
from bot.ports import Unit
from bot.tenants import tenant_of

EDITABLE_FOR = timedelta(minutes=10)
"""An edit that comes later is for the people who read the thread, not a new question."""


@dataclass(frozen=True)
class Following:
    capturing: Capturing
    handing_off: HandingOff

    # --- what came before its message ------------------------------------------------------------------------------

    def as_it_stands(self, unit: Unit, event: MessagePosted) -> MessagePosted | None:
        """A message in the words of its newest edit; None where it is gone. However late the edit was: nobody has
        read an answer yet."""
        changes = unit.inbox.changes(event.message)
        if any(isinstance(each, MessageDeleted) for each in changes):
            return None
        edits = [edit for edit in _edits(changes) if edit.person.key == event.person.key]
        newest = sorted(edits, key=lambda edit: edit.at)[-1:]
        return replace(event, text=newest[0].text) if newest else event

    @staticmethod
    def deletion(unit: Unit, message: MessageRef) -> MessageDeleted | None:
        return next((each for each in unit.inbox.changes(message) if isinstance(each, MessageDeleted)), None)

    @staticmethod
    def is_outdated(unit: Unit, event: MessageEdited) -> bool:
        """A newer edit of the message was heard of sooner."""
        return any(edit.at > event.at for edit in _edits(unit.inbox.changes(event.message)))

    # --- edits -----------------------------------------------------------------------------------------------------

    def question(self, unit: Unit, event: MessageEdited) -> Question | None:
        """The edited question, with what was said before it; None unless the bot alone has answered it so far."""
        posted = self._answered(unit, event)
        if posted is None:
            return None
        turns = unit.conversations.of(posted.place)
        before = [turn.message for turn in turns]
        cut = before.index(event.message.key) if event.message.key in before else len(turns)
        return Question(event.text, tuple(turns[:cut]), event.message.key, tenant=tenant_of(posted.place))

    def answer_anew(self, unit: Unit, event: MessageEdited, answer: Answer) -> Sequence[Outgoing]:
        """Put the new answer in the place of the old one, unless somebody was quicker."""
        posted = self._answered(unit, event)
        if posted is None:
            return []
        earlier = unit.handoffs.get(posted.answer.id)
        apart = earlier is not None and earlier.card is not None  # its card isn't what is edited here
        closed = self.handing_off.withdraw(unit, posted.answer.id, event.person, event.at) if apart else []
        unit.handoffs.remove(posted.answer.id)
        unit.conversations.forget(event.message)
        asker, key = posted.asker.key, event.message.key
        question = clean_question(event.text)
        handoff, card = None, list[Outgoing]()
        if answer.kind is AnswerKind.HANDOFF:
            handoff, card = self.handing_off.open(unit, answer, posted.place, posted.asker, event.at)
        answer = self.handing_off.passed_on(answer) if card else answer
        unit.conversations.add(Turn(posted.place, Speaker.PERSON, asker, question, event.at, key))
        unit.conversations.add(Turn(posted.place, Speaker.BOT, asker, answer.text, event.at, key))
        keep_answer(unit, answer, posted.place, posted.asker, event.message.key)
        edit = AnswerEdit(place=posted.place, answer=answer, of=posted.answer.id, handoff=handoff)
        return [edit, *closed, *card]

    def reword(self, unit: Unit, event: MessageEdited) -> Sequence[Outgoing]:
        """A reply that was learnt has other words now: an agent's are its new version, anybody else's end it."""
        taught = unit.lessons.said_in(event.message)
        if not taught or taught[-1].answer == event.text.strip():
            return []
        if self.capturing.policy.staff.may(event.person, Deed.TEACH) and event.text.strip():
            return self._new_version(unit, event, taught[-1])
        _withdraw(unit, taught, event.at)
        posted = unit.answers.get(taught[-1].about) if taught[-1].about is not None else None
        text = self.capturing.texts.reply_changed
        return [Notice(place=posted.place if posted is not None else event.place, text=text)]

    # --- deletions -------------------------------------------------------------------------------------------------

    def deleted(self, unit: Unit, event: MessageDeleted) -> Sequence[Outgoing]:
        """Forget the question or the answer that is gone, with all that was learnt from it without a form."""
        unit.conversations.forget(event.message)
        _withdraw(unit, unit.lessons.said_in(event.message), event.at)
        outgoing: list[Outgoing] = []
        for posted in unit.answers.all_of(event.message):
            unit.answers.retract(posted.answer.id)
            unlearn(unit, posted.answer, event.at)
            if (
                posted.message != event.message
            ):  # else the card itself is gone; its question still waits, and is counted
                outgoing += self.handing_off.withdraw(unit, posted.answer.id, event.person, event.at)
        return outgoing

    # --- parts -----------------------------------------------------------------------------------------------------

    def _answered(self, unit: Unit, event: MessageEdited) -> PostedAnswer | None:
        """The answer to be replaced; None when a person has taken part, it is too late, or nothing has changed."""
        posted = unit.answers.to(event.message)
        if posted is None or posted.retracted or posted.asker.key != event.person.key:
            return None
        is_late = event.at - event.posted_at > EDITABLE_FOR
        if is_late or clean_question(event.text) in ("", posted.answer.question):
            return None
        handoff = unit.handoffs.get(posted.answer.id)
        people = {turn.person for turn in unit.conversations.of(posted.place) if turn.speaker is Speaker.PERSON}
        is_taken = handoff is not None and handoff.state is not HandoffState.OPEN
        others = people - {event.person.key}
        return None if is_taken or others or unit.lessons.about(posted.answer.id) else posted

    def _new_version(self, unit: Unit, event: MessageEdited, lesson: Lesson) -> Sequence[Outgoing]:
        if lesson.about is None:
            return []
        submitted = CorrectionSubmitted(
            id=event.id, place=event.place, person=event.person, at=event.at, answer=lesson.about,
            question=lesson.question, text=event.text, said_in=event.message,
        )  # fmt: skip
        if lesson.held is not None:  # its words are gone, nobody can accept them any more
            _withdraw(unit, [lesson], event.at)
        return self.capturing.correct(unit, submitted, {lesson.fact: 1.0})


def unlearn(unit: Unit, answer: Answer, at: datetime) -> None:
    """Take back what was learnt from a question and its answer without a form; what is held of it, too."""
    unit.lessons.withdraw_heard(answer.id, answer.question, at)
    _withdraw(unit, [each for each in unit.lessons.about(answer.id) if each.source in OVERHEARD], at)


def _edits(changes: Sequence[MessageEdited | MessageDeleted]) -> list[MessageEdited]:
    """Those that left words."""
    return [each for each in changes if isinstance(each, MessageEdited) and clean_question(each.text)]


def _withdraw(unit: Unit, lessons: Sequence[Lesson], at: datetime) -> None:
    for lesson in lessons:
        unit.lessons.withdraw(lesson.id, at)
