"""One exhaustive match: event → use case. What needs a model is awaited first; what it changes is returned as an
effect, which the inbox runs in one transaction together with marking the event done. All of it sees what may be seen
where the event happened, and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from bot.access import Deed
from bot.answering import Answering
from bot.asking import Asking, Draft
from bot.asking_why import AskingWhy
from bot.buttons import Act
from bot.capturing import Capturing
from bot.commands import Commands
from bot.conversation import clean_question
from bot.errors import BadInput
from bot.events import (
    ButtonPressed,
    CandidateChosen,
    CommandGiven,
    CorrectionSubmitted,
    Event,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    Reacted,
    ReplyMarked,
)
from bot.following import Following
from bot.handing_off import HandingOff
from bot.holding import Near
from bot.ids import FactId, Tenant
from bot.looking import Looking
from bot.marking import Marking
from bot.outgoing import AnswerPost, Notice, Outgoing
from bot.pace import Pace
from bot.ports import Effect, Store, Unit
from bot.profile import Profiling
from bot.rating import rate
from bot.reacting import Reacting
from bot.relaying import Relaying
from bot.replacing import Replacing
from bot.retraining import planned
from bot.retrieval import Section
from bot.saying import Saying
from bot.slowing import Slowing
from bot.tenants import tenant_of


@dataclass(frozen=True)
class Routing:
    store: Store
    answering: Answering
    capturing: Capturing
    commands: Commands
    handing_off: HandingOff
    following: Following
    profiling: Profiling
    draft: Draft
    pace: Pace = field(default_factory=lambda: Pace(0))

    @property
    def relaying(self) -> Relaying:
        return Relaying(self.handing_off)

    @property
    def reacting(self) -> Reacting:
        return Reacting(self.capturing)

    @property
    def marking(self) -> Marking:
        return Marking(self.capturing, self.handing_off)

    @property
    def looking(self) -> Looking:
        return Looking(self.store, self.answering.policy)

    @property
    def saying(self) -> Saying:
        return Saying(self.handing_off)

    @property
    def slowing(self) -> Slowing:
        return Slowing(self.answering, self.handing_off, self.saying, self.pace, self.commands.clock)

    @property
    def asking(self) -> Asking:
        return Asking(
            answering=self.answering, capturing=self.capturing, handing_off=self.handing_off, following=self.following,
            relaying=self.relaying, profiling=self.profiling, draft=self.draft, looking=self.looking,
            saying=self.saying, slowing=self.slowing,
        )  # fmt: skip

    async def __call__(self, event: Event) -> Effect:
        """What another program does is ignored."""
        if not self.answering.policy.staff.may(event.person, Deed.ASK):
            return lambda _: []
        return self.looking.within(event, await self._use_case(event))

    async def _use_case(self, event: Event) -> Effect:
        match event:
            case MessagePosted():
                return await self.asking.message(event)
            case MessageEdited():
                return await self.asking.edited(event)
            case MessageDeleted():
                return lambda unit: self.following.deleted(unit, event)
            case Reacted():
                return await self._on_reaction(event)
            case CorrectionSubmitted():
                near, sections = await self.near(event.question, tenant_of(event.place))
                return lambda unit: self._correct(unit, event, near, sections)
            case ReplyMarked():
                return await self._on_reply_marked(event)
            case ButtonPressed():
                return lambda unit: self._press(unit, event)
            case CandidateChosen():
                return await self.asking.choice(event)
            case CommandGiven():
                return await self._command(event)
            case _:
                assert_never(event)

    def _correct(
        self, unit: Unit, event: CorrectionSubmitted, near: Near, sections: Sequence[Section]
    ) -> Sequence[Outgoing]:
        told = self.capturing.correct(unit, event, near, sections)
        return [*told, *Replacing(self.capturing).offer(unit, event)]

    def _press(self, unit: Unit, event: ButtonPressed) -> Sequence[Outgoing]:
        match event.act:
            case Act.REASON:
                return AskingWhy(self.answering.texts).press(unit, event)
            case Act.REPLACE:
                return Replacing(self.capturing).press(unit, event)
            case Act.APPROVE | Act.REJECT:
                return rate(unit, event, self.reacting)
            case _:
                return self.handing_off.press(unit, event)

    async def near(self, question: str, tenant: Tenant) -> tuple[dict[FactId, float], Sequence[Section]]:
        """The facts known in a workspace that a question may mean, with probabilities; and the help sections that speak
        of it."""
        words = clean_question(question)
        found = await self.answering.knowledge.search(words, tenant)
        near = {match.fact.id: match.probability for match in found.facts}
        return near, self.answering.speaking_of(words, found)

    def broken(self, event: Event) -> Effect:
        """What happens to an event that can't be handled: whoever asked gets a hand-off, never silence."""
        if isinstance(event, MessageEdited | MessageDeleted):  # nobody waits for an answer to these
            return lambda _: []
        question = clean_question(event.text) if isinstance(event, MessagePosted) else ""
        speaking = self.answering.speaking(event.person.language)
        answer = speaking.handoff(question, speaking.texts.broke)
        return lambda unit: self.saying.say(unit, event, answer)

    def shed(self, unit: Unit, event: Event) -> Sequence[Outgoing] | None:
        """What a question gets at once when too many are being worked on: a hand-off in plain words. None for whatever
        isn't one; it takes its turn."""
        if not isinstance(event, MessagePosted) or not self.answering.policy.staff.may(event.person, Deed.ASK):
            return None
        return self.asking.shed(self.looking.through(unit, event), event)

    def undelivered(self, unit: Unit, outgoing: Outgoing) -> None:
        """An answer that its platform didn't take has answered nobody: the question is open, and is counted so."""
        if isinstance(outgoing, Notice):
            for notice in self.relaying.undelivered(unit, outgoing):
                unit.outbox.add(notice)
        posted = unit.answers.get(outgoing.answer.id) if isinstance(outgoing, AnswerPost) else None
        if posted is not None and not unit.handoffs.is_known(posted.answer.id):
            answer = replace(posted.answer, tried=(self.answering.texts.undelivered,))
            _, cards = self.handing_off.open(unit, answer, posted.place, posted.asker, self.commands.clock())
            for card in cards:
                unit.outbox.add(card)

    async def _on_reaction(self, event: Reacted) -> Effect:
        if event.emoji not in self.capturing.policy.marks:
            return lambda unit: self.reacting.react(unit, event)
        if (marked := self.marking.marked(event)) is not None:
            return await self._on_reply_marked(marked)
        return lambda unit: self.marking.react(unit, event)

    async def _on_reply_marked(self, event: ReplyMarked) -> Effect:
        try:
            posted = await self.looking.look(event, lambda unit: self.marking.asked(unit, event))
        except BadInput as problem:
            told = self.marking.tell(event, str(problem))
            return lambda _: [told]
        near, _ = await self.near(posted.answer.question, tenant_of(event.place))
        return lambda unit: self.marking.learn(unit, event, posted, near)

    async def _command(self, event: CommandGiven) -> Effect:
        if not self.slowing.is_over(event):
            needed = self.commands.needs_plan(event)
            plan = await planned(self.store, self.commands.plan) if needed else None
            return lambda unit: self.commands.run(unit, event, plan)
        text = self.answering.texts.too_fast_command.format(most=self.pace.most)
        return lambda _: [Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person)]
