"""Hand-offs: opened with the answer that says so, taken, answered and solved by agents, called out again until then.

Every function runs inside one transaction. Knows nothing of how a card looks: `presentation` says what stands on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.access import Deed, refusal
from bot.answers import Answer
from bot.buttons import Act, Button
from bot.conversation import Turn
from bot.errors import BadInput, NotAllowed, PersonError
from bot.events import ButtonPressed, MessagePosted, Place
from bot.handoff import Handoff, HandoffState
from bot.ids import AnswerId, new_id
from bot.outgoing import AnswerEdit, AnswerPost, Notice, Offer, Outgoing
from bot.people import Person
from bot.policy import Policy
from bot.ports import Unit
from bot.shortening import shorten
from bot.support import content_words
from bot.texts import Texts

MAX_LAST_CHARS = 200
MAX_REMINDERS = 5
"""Of one hand-off: whoever has not come by then won't come for a sixth one either. `mentee status` goes on counting."""
MAX_ALSO_CHARS = 800
"""Of further questions on one card, so that it stays one message on every platform; each is cut to `MAX_ALSO_EACH`."""
MAX_ALSO_EACH = 80
TELLING_WORDS = 3
"""Fewer words of content than that are no answer that could be learnt ("On it!")."""


@dataclass(frozen=True)
class HandingOff:
    policy: Policy
    texts: Texts

    def open(
        self, unit: Unit, answer: Answer, place: Place, asker: Person, at: datetime
    ) -> tuple[Handoff | None, list[Outgoing]]:
        """Keep it as open. What was said in the thread before is summed up for whoever comes to it.

        The hand-off whose card is the answer itself; or None, and the card in the agents' channel.
        """
        handoff = Handoff(
            answer=answer.id, place=place, question=answer.question, tried=answer.tried, opened_at=at,
            summary=self._summary(asker, unit.conversations.of(place), answer.question),
        )  # fmt: skip
        agents_at = self.policy.agents_channel(place)
        if agents_at is None:
            unit.handoffs.put(handoff)
            return handoff, []
        text = self.texts.asked_directly.format(name=asker.name or asker.id)
        card = replace(answer, id=AnswerId(new_id()), text=text, language="")
        unit.answers.add(card, agents_at, asker)
        apart = replace(handoff, place=agents_at, card=card.id, asked_at=place)
        unit.handoffs.put(apart)
        return None, [AnswerPost(place=agents_at, answer=card, handoff=apart)]

    def add(self, unit: Unit, handoff: AnswerId, question: str) -> list[Outgoing] | None:
        """Put another question of the same person onto its card; None where it is taken, or full."""
        known = unit.handoffs.get(handoff)
        if known is None or known.state is not HandoffState.OPEN:
            return None
        also = (*known.also, shorten(question, MAX_ALSO_EACH))
        if sum(map(len, also)) > MAX_ALSO_CHARS:
            return None
        longer = replace(known, also=also)
        unit.handoffs.put(longer)
        return self._card(unit, longer)

    def passed_on(self, answer: Answer) -> Answer:
        """What whoever asked directly is told beside a card that stands elsewhere."""
        texts = self.texts.in_language(answer.language)
        return replace(answer, text=f"{answer.text} {texts.passed_on}")

    def press(self, unit: Unit, event: ButtonPressed) -> list[Outgoing]:
        """An agent takes it, or says that it is solved. Anything else is told to whoever pressed."""
        try:
            handoff = self._pressable(unit, event)
        except PersonError as problem:
            return [Notice(place=event.place, in_reply_to=event.id, text=str(problem), to=event.person)]
        state = HandoffState.CLAIMED if event.act is Act.CLAIM else HandoffState.SOLVED
        return self._move(unit, handoff, state, event.person, event.at)

    def replied(self, unit: Unit, event: MessagePosted) -> list[Outgoing]:
        """An agent who answers in the thread has taken what is open there, and is offered to have it learnt."""
        if not self._is_agent(event.person):
            return []
        outgoing: list[Outgoing] = []
        for handoff in unit.handoffs.unsolved(event.place):
            if handoff.state is HandoffState.OPEN:
                outgoing += self._move(unit, handoff, HandoffState.CLAIMED, event.person, event.at)
        return outgoing + self._offer_to_learn(unit, event)

    def solve(self, unit: Unit, place: Place, by: Person, at: datetime) -> list[Outgoing]:
        """The thread's question has its answer."""
        unsolved = unit.handoffs.unsolved(place)
        return [each for handoff in unsolved for each in self._move(unit, handoff, HandoffState.SOLVED, by, at)]

    def withdraw(self, unit: Unit, answer: AnswerId, by: Person, at: datetime) -> list[Outgoing]:
        """The question was deleted: nobody need take it any more."""
        handoff = unit.handoffs.get(answer)
        if handoff is None or handoff.state is HandoffState.SOLVED:
            return []
        return self._move(unit, handoff, HandoffState.WITHDRAWN, by, at)

    def is_taken(self, unit: Unit, place: Place) -> bool:
        """True where agents talk with the asker: they have claimed it, or stand below the card of a direct question."""
        return any(each.state is HandoffState.CLAIMED or each.asked_at is not None for each in unit.handoffs.of(place))

    def remind(self, unit: Unit, now: datetime) -> list[Outgoing]:
        """Call the agents again for what has waited too long. Nothing outside the opening hours, which also count.

        In a conversation of two a reminder would reach the asker alone; the status counts what waits there.
        """
        hours, patience = self.policy.opening_hours, self.policy.remind_after
        if not patience or not hours.is_open(now):
            return []
        outgoing: list[Outgoing] = []
        for handoff in unit.handoffs.unsolved():
            if not _may_be_called(handoff):
                continue
            if hours.open_time(handoff.reminded_at or handoff.opened_at, now) >= patience:
                unit.handoffs.put(replace(handoff, reminders=handoff.reminders + 1, reminded_at=now))
                outgoing.append(self._reminder(handoff, now))
        return outgoing

    # --- parts -----------------------------------------------------------------------------------------------------

    def _pressable(self, unit: Unit, event: ButtonPressed) -> Handoff:
        if not self._is_agent(event.person):
            raise NotAllowed(refusal(event.person, self.texts.handoff_not_agent, self.texts))
        handoff = unit.handoffs.get(AnswerId(event.about))
        if handoff is None or handoff.state is HandoffState.WITHDRAWN:
            raise BadInput(self.texts.handoff_gone)
        if handoff.state is HandoffState.SOLVED:
            raise BadInput(self.texts.already_solved.format(name=handoff.by_name))
        if event.act is Act.CLAIM and handoff.state is HandoffState.CLAIMED and handoff.by != event.person.key:
            raise BadInput(self.texts.already_claimed.format(name=handoff.by_name))
        return handoff

    def _move(self, unit: Unit, handoff: Handoff, state: HandoffState, by: Person, at: datetime) -> list[Outgoing]:
        """The new state, and the card that shows it."""
        moved = replace(handoff, state=state, by=by.key, by_name=by.name or by.id, changed_at=at)
        unit.handoffs.put(moved)
        card = self._card(unit, moved)
        return [*card, *self._tell_asker(moved)] if card else []

    @staticmethod
    def _card(unit: Unit, handoff: Handoff) -> list[Outgoing]:
        """It shows what the hand-off has come to."""
        posted = unit.answers.get(handoff.card or handoff.answer)
        if posted is None:
            return []
        return [AnswerEdit(place=posted.place, answer=posted.answer, of=posted.answer.id, handoff=handoff)]

    def _tell_asker(self, handoff: Handoff) -> list[Outgoing]:
        """Who asked directly doesn't see the card."""
        texts = {HandoffState.CLAIMED: self.texts.taken_for_you, HandoffState.SOLVED: self.texts.solved_for_you}
        if handoff.asked_at is None or handoff.state not in texts:
            return []
        return [Notice(place=handoff.asked_at, text=texts[handoff.state].format(name=handoff.by_name))]

    def _offer_to_learn(self, unit: Unit, event: MessagePosted) -> list[Outgoing]:
        """Once for each hand-off, at the first reply that says something; later ones have the message menu."""
        unsolved = unit.handoffs.unsolved(event.place)
        fresh = [handoff for handoff in unsolved if not handoff.offered]
        if not fresh or len(set(content_words(event.text))) < TELLING_WORDS:
            return []
        for handoff in fresh:
            unit.handoffs.put(replace(handoff, offered=True))
        reply = f"{event.message.channel}/{event.message.id}"
        text = self.texts.offer_learn.format(menu=self.texts.right_answer_menu)
        button = Button(self.texts.learn_button, Act.LEARN, reply, is_main=True)
        return [Offer(place=event.place, in_reply_to=event.id, to=event.person, text=text, buttons=(button,))]

    def _reminder(self, handoff: Handoff, now: datetime) -> Notice:
        waited = self.policy.opening_hours.open_time(handoff.opened_at, now).total_seconds() / 60
        text = self.texts.reminder.format(minutes=waited, question=shorten(handoff.question, MAX_LAST_CHARS))
        return Notice(place=handoff.place, text=text, calls_agents=True)

    def _summary(self, asker: Person, thread: Sequence[Turn], question: str) -> str:
        earlier = [turn for turn in thread if turn.text and turn.text != question]
        name = asker.name or asker.id
        if not earlier:
            return self.texts.handoff_first.format(name=name)
        last = shorten(earlier[-1].text, MAX_LAST_CHARS)
        return self.texts.handoff_earlier.format(name=name, count=len(earlier), last=last)

    def _is_agent(self, person: Person) -> bool:
        return self.policy.staff.may(person, Deed.TAKE)


def _may_be_called(handoff: Handoff) -> bool:
    is_open = handoff.state is HandoffState.OPEN
    return is_open and not handoff.place.is_direct and handoff.reminders < MAX_REMINDERS
