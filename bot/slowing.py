"""Whoever asks for more than anybody's share of a minute: their questions go to the agents, as one list a minute."""

from dataclasses import dataclass

from bot.access import Deed
from bot.answering import Answering
from bot.conversation import clean_question, said_in
from bot.events import CandidateChosen, Event, MessageEdited, MessagePosted
from bot.handing_off import HandingOff
from bot.outgoing import Outgoing
from bot.pace import Pace
from bot.ports import Clock, Effect, Unit
from bot.saying import Saying

Asked = MessagePosted | MessageEdited | CandidateChosen


@dataclass(frozen=True)
class Slowing:
    answering: Answering
    handing_off: HandingOff
    saying: Saying
    pace: Pace
    clock: Clock

    def is_over(self, event: Event) -> bool:
        """Counts it, too. Admins have no limit."""
        is_exempt = self.answering.policy.staff.may(event.person, Deed.DECIDE)
        return not is_exempt and self.pace.is_over(event.person.key, event.id, self.clock())

    def slowed(self, event: Asked, question: str) -> Effect | None:
        """What becomes of a question that comes too fast. None: go on."""
        if not self.is_over(event):
            return None
        return lambda unit: self._list(unit, event, clean_question(question))

    def _list(self, unit: Unit, event: Asked, question: str) -> list[Outgoing]:
        now, person = self.clock(), event.person
        known = self.pace.list_of(person.key, now)
        if known is not None and (card := self.handing_off.add(unit, known, question)) is not None:
            return card
        speaking = self.answering.speaking(person.language)
        answer = speaking.handoff(question, speaking.texts.too_fast.format(most=self.pace.most))
        self.pace.begin_list(person.key, answer.id, now)
        if isinstance(event, MessagePosted):
            unit.conversations.add(said_in(event))
        return [*self.saying.say(unit, event, answer)]
