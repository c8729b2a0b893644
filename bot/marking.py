"""A person's reply that an agent marks as the right answer to its thread's question: by a menu, a button, or an emoji
where the operator has named one. It becomes the lesson that the form would have made of it.

Every function runs inside one transaction. Knows nothing of how a platform's message is read: events bring its words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.access import refusal
from bot.answers import PostedAnswer
from bot.capturing import Capturing
from bot.errors import BadInput
from bot.events import CorrectionSubmitted, Reacted, ReplyMarked
from bot.handing_off import HandingOff
from bot.holding import Near
from bot.opting_out import is_out
from bot.outgoing import Notice, Outgoing
from bot.ports import Unit


@dataclass(frozen=True)
class Marking:
    capturing: Capturing
    handing_off: HandingOff

    def marked(self, event: Reacted) -> ReplyMarked | None:
        """What an emoji says that was put on a reply; None where it was taken away, and on anything else."""
        reply = event.reply
        if reply is None or not event.added or not self.capturing.policy.may_mark(event.person):
            return None
        return ReplyMarked(
            id=event.id, place=event.place, person=event.person, at=event.at, reply=event.message, text=reply.text,
            by_bot=reply.by_bot, author=reply.author, is_hidden=reply.is_hidden,
        )  # fmt: skip

    def asked(self, unit: Unit, event: ReplyMarked) -> PostedAnswer:
        """The answer to the thread's question. Raises BadInput where nothing can be learnt, and says why."""
        texts = self.capturing.texts
        posted = unit.answers.last_in(event.place)
        if event.is_hidden:
            raise BadInput(texts.reply_hidden.format(menu=texts.right_answer_menu))
        if event.by_bot:
            raise BadInput(texts.reply_by_bot)
        if not event.text.strip():
            raise BadInput(texts.reply_gone)
        if posted is None or not posted.answer.question:
            raise BadInput(texts.no_question_here)
        if unit.answers.to(event.reply) is not None:
            raise BadInput(texts.reply_asks)
        if is_out(unit, event.author):
            raise BadInput(texts.reply_opted_out)
        if posted.retracted:
            raise BadInput(texts.retracted_question)
        return posted

    def learn(self, unit: Unit, event: ReplyMarked, posted: PostedAnswer, near: Near) -> Sequence[Outgoing]:
        """As if the reply had been typed into the form; the thread's question is solved with it."""
        submitted = CorrectionSubmitted(
            id=event.id, place=event.place, person=event.person, at=event.at, answer=posted.answer.id,
            question=posted.answer.question, text=event.text, said_in=event.reply,
        )  # fmt: skip
        outgoing = self.capturing.correct(unit, submitted, near)
        if not self.capturing.policy.may_mark(event.person):
            return outgoing
        return [*outgoing, *self.handing_off.solve(unit, event.place, event.person, event.at)]

    def react(self, unit: Unit, event: Reacted) -> list[Outgoing]:
        """The emoji where it marks no reply. What agents mean by it is answered; others may use it as they like."""
        texts = self.capturing.texts
        if event.person.is_unverified:
            return [self.tell(event, refusal(event.person, texts.not_agent, texts))]
        if not self.capturing.policy.may_mark(event.person):
            return []
        return [self.tell(event, texts.reply_by_bot)] if event.added else self._take_back(unit, event)

    def _take_back(self, unit: Unit, event: Reacted) -> list[Outgoing]:
        """Nothing of it is used any more, nor of what its writer's edits have made of it; unless they mark it, too."""
        writer = event.reply.author if event.reply is not None else ""
        theirs = {event.person.key, writer} - self._still_marking(unit, event)
        lessons = [lesson for lesson in unit.lessons.said_in(event.message) if lesson.author in theirs]
        for lesson in lessons:
            unit.lessons.withdraw(lesson.id, event.at)
            unit.audit.add(event.person.key, "took back", lesson.id, event.at)
        return [self.tell(event, self.capturing.texts.withdrawn)] if lessons else []

    def _still_marking(self, unit: Unit, event: Reacted) -> set[str]:
        heard = unit.inbox.reactions([event.message]).get(event.message.key, ())
        latest = {(each.person.key, each.emoji): each.added for each in heard}
        marks = self.capturing.policy.marks
        return {person for (person, emoji), is_there in latest.items() if is_there and emoji in marks}

    @staticmethod
    def tell(event: ReplyMarked | Reacted, text: str) -> Notice:
        return Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person)
