"""An answer on its way to its place: kept, remembered as said, and put with the hand-off that it opens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.answers import Answer, AnswerKind, PostedAnswer
from bot.conversation import Speaker, Turn
from bot.events import Event, MessagePosted
from bot.handing_off import HandingOff
from bot.opting_out import keep_answer
from bot.outgoing import AnswerPost, Outgoing
from bot.ports import Unit


@dataclass(frozen=True)
class Saying:
    handing_off: HandingOff

    def say(
        self, unit: Unit, event: Event, answer: Answer, instead_of: PostedAnswer | None = None
    ) -> Sequence[Outgoing]:
        """One that hands off opens a hand-off in the same transaction.

        `instead_of`: what was said to the question before. The question stays its asker's, whoever chose what it meant.
        """
        asker, asked_in = event.person, event.message.key if isinstance(event, MessagePosted) else None
        if instead_of is not None:
            asker, asked_in = instead_of.asker, instead_of.asked_in
        answer = answer if answer.language else replace(answer, language=asker.language)
        handoff, card = None, list[Outgoing]()
        if answer.kind is AnswerKind.HANDOFF:
            handoff, card = self.handing_off.open(unit, answer, event.place, asker, event.at)
        answer = self.handing_off.passed_on(answer) if card else answer
        keep_answer(unit, answer, event.place, asker, asked_in)
        if instead_of is not None and instead_of.retracted:
            unit.answers.retract(answer.id)
        unit.conversations.add(Turn(event.place, Speaker.BOT, asker.key, answer.text, event.at, asked_in))
        return [AnswerPost(place=event.place, in_reply_to=event.id, answer=answer, handoff=handoff), *card]
