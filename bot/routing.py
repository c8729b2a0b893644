"""One exhaustive match: event → use case. What needs a model is awaited first; what it changes is returned as an
effect, which the inbox runs in one transaction together with marking the event done. All of it sees what may be seen
where the event happened, and nothing else.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, assert_never

from bot.access import Deed
from bot.answering import Answering
from bot.answers import Answer, AnswerKind, PostedAnswer
from bot.asking_why import AskingWhy
from bot.buttons import Act
from bot.capturing import Capturing
from bot.commands import Commands
from bot.conversation import Question, Speaker, Turn, clean_question, is_for_the_bot
from bot.drafting import Drafting
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
from bot.handoff import Handoff
from bot.ids import FactId, Tenant
from bot.marking import Marking
from bot.opting_out import keep_answer
from bot.outgoing import AnswerDraft, AnswerPost, Notice, Outgoing
from bot.pace import Pace
from bot.ports import Effect, Store, Unit
from bot.profile import Profiling
from bot.rating import rate
from bot.reacting import Reacting
from bot.relaying import Relaying
from bot.retraining import planned
from bot.retrieval import Section
from bot.status import PAUSED
from bot.tenants import tenant_of

T = TypeVar("T")

Draft = Callable[[AnswerDraft], Awaitable[None]]


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

    async def __call__(self, event: Event) -> Effect:
        """What another program does is ignored."""
        if not self.answering.policy.staff.may(event.person, Deed.ASK):
            return lambda _: []
        effect = await self._use_case(event)
        return lambda unit: effect(unit.within(self._seen(event)))

    def _seen(self, event: Event) -> Tenant | None:
        policy = self.answering.policy
        return policy.shown(event.place) if isinstance(event, CommandGiven) else policy.within(event.place)

    async def _look(self, event: Event, work: Callable[[Unit], T]) -> T:
        """Look something up before the effect, with the same eyes."""
        return await self.store.run(lambda unit: work(unit.within(self._seen(event))))

    async def _use_case(self, event: Event) -> Effect:
        match event:
            case MessagePosted():
                return await self._on_message(event)
            case MessageEdited():
                return await self._on_edited(event)
            case MessageDeleted():
                return lambda unit: self.following.deleted(unit, event)
            case Reacted():
                return await self._on_reaction(event)
            case CorrectionSubmitted():
                near, sections = await self.near(event.question, tenant_of(event.place))
                return lambda unit: self.capturing.correct(unit, event, near, sections)
            case ReplyMarked():
                return await self._on_reply_marked(event)
            case ButtonPressed():
                return lambda unit: self._press(unit, event)
            case CandidateChosen():
                return await self._on_choice(event)
            case CommandGiven():
                return await self._command(event)
            case _:
                assert_never(event)

    def _press(self, unit: Unit, event: ButtonPressed) -> Sequence[Outgoing]:
        match event.act:
            case Act.REASON:
                return AskingWhy(self.answering.texts).press(unit, event)
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
        return lambda unit: self._post(unit, event, answer)

    def shed(self, unit: Unit, event: Event) -> Sequence[Outgoing] | None:
        """What a question gets at once when too many are being worked on: a hand-off in plain words. None for whatever
        isn't one; it takes its turn."""
        policy = self.answering.policy
        if not isinstance(event, MessagePosted) or not policy.staff.may(event.person, Deed.ASK):
            return None
        unit = unit.within(self._seen(event))
        known = self._context(unit, event)
        if known is None:
            return None
        event, earlier, paused, taken, elsewhere = known
        is_question = is_for_the_bot(event, earlier, policy.support_channels, policy.staff, taken=taken)
        question = clean_question(event.text)
        if paused or elsewhere is not None or not is_question or not question:
            return None
        speaking = self.answering.speaking(event.person.language)
        unit.conversations.add(_said(event))
        return self._post(unit, event, speaking.handoff(question, speaking.texts.busy))

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

    async def _on_message(self, posted: MessagePosted) -> Effect:
        known = await self._look(posted, lambda unit: self._context(unit, posted))
        if known is None:
            return lambda _: []
        event, earlier, paused, taken, elsewhere = known
        if elsewhere is not None:
            return lambda unit: self.relaying.to_agents(unit, event, elsewhere)
        policy = self.answering.policy
        if not is_for_the_bot(event, earlier, policy.support_channels, policy.staff, taken=taken):
            return lambda unit: self._overhear(unit, event, earlier)
        if slowed := self._too_fast(event, event.text):
            return slowed
        if paused:
            speaking = self.answering.speaking(event.person.language)
            answer = speaking.handoff(clean_question(event.text), speaking.texts.paused)
        else:
            question = Question(event.text, tuple(earlier), event.message.key, tenant=tenant_of(event.place))
            answer = await self._answer(event, question)

        def keep(unit: Unit) -> Sequence[Outgoing]:
            unit.conversations.add(_said(event))
            outgoing = self._post(unit, event, answer)
            gone = self.following.deletion(unit, event.message)  # while it was being answered
            return [*outgoing, *self.following.deleted(unit, gone)] if gone is not None else outgoing

        return keep

    async def _on_edited(self, event: MessageEdited) -> Effect:
        def look(unit: Unit) -> tuple[Question | None, bool, bool]:
            outdated, paused = self.following.is_outdated(unit, event), unit.flags.get(PAUSED) == "yes"
            return self.following.question(unit, event), outdated, paused

        question, outdated, paused = await self._look(event, look)
        if outdated:
            return lambda _: []
        if question is None or paused:
            return lambda unit: self.following.reword(unit, event)
        if slowed := self._too_fast(event, event.text):
            return slowed
        answer = await self.answering.answer(question)  # no drafts: it is put where the old one stands
        return lambda unit: self.following.answer_anew(unit, event, answer)

    async def _answer(self, event: MessagePosted | CandidateChosen, question: Question) -> Answer:
        """Answer, showing what has been checked of the text while it grows. None of these fits: facts are skipped."""

        async def send(text: str) -> None:
            draft = AnswerDraft(place=event.place, in_reply_to=event.id, to=event.person, text=text)
            await self.draft(draft)

        pieces: list[str] = []

        def on_text(piece: str) -> None:
            pieces.append(piece)
            drafting.show("".join(pieces))

        drafting = Drafting(send)
        drafting.show("")
        skip_facts = isinstance(event, CandidateChosen)
        try:
            question = replace(question, profile=await self.profiling.of(event.person))
            return await self.answering.answer(question, on_text, skip_facts=skip_facts)
        finally:
            await drafting.end()

    async def _on_choice(self, event: CandidateChosen) -> Effect:
        posted = await self._look(event, lambda unit: unit.answers.get(event.answer))
        if slowed := self._too_fast(event, posted.answer.question if posted is not None else ""):
            return slowed
        if posted is None:
            gone = self.answering.speaking(event.person.language).handoff("")
            return lambda unit: self._post(unit, event, gone)
        asked = posted.answer
        chosen = event.fact
        if chosen is None:
            question = Question(asked.question, id=asked.id, tenant=tenant_of(event.place))
            answer = await self._answer(event, question)
            return lambda unit: self._post(unit, event, answer, posted)

        def keep(unit: Unit) -> Sequence[Outgoing]:
            fact = self.capturing.fact(unit, chosen)
            if fact is None:  # withdrawn between question and click
                gone = self.answering.speaking(event.person.language).handoff(asked.question)
                return self._post(unit, event, gone, posted)
            if not posted.retracted:
                self.capturing.learn_from_choice(unit, posted, chosen, event.person)
            return self._post(unit, event, self.answering.from_fact(asked.question, fact, 1.0), posted)

        return keep

    async def _on_reaction(self, event: Reacted) -> Effect:
        if event.emoji not in self.capturing.policy.marks:
            return lambda unit: self.reacting.react(unit, event)
        if (marked := self.marking.marked(event)) is not None:
            return await self._on_reply_marked(marked)
        return lambda unit: self.marking.react(unit, event)

    async def _on_reply_marked(self, event: ReplyMarked) -> Effect:
        try:
            posted = await self._look(event, lambda unit: self.marking.asked(unit, event))
        except BadInput as problem:
            told = self.marking.tell(event, str(problem))
            return lambda _: [told]
        near, _ = await self.near(posted.answer.question, tenant_of(event.place))
        return lambda unit: self.marking.learn(unit, event, posted, near)

    def _too_fast(self, event: MessagePosted | MessageEdited | CandidateChosen, question: str) -> Effect | None:
        """Of whoever asks for more than anybody's share: an agent gets it, all of a minute as one list. None: go on."""
        if not self._is_over(event):
            return None
        return lambda unit: self._list(unit, event, clean_question(question))

    def _list(
        self, unit: Unit, event: MessagePosted | MessageEdited | CandidateChosen, question: str
    ) -> list[Outgoing]:
        now, person = self.commands.clock(), event.person
        known = self.pace.list_of(person.key, now)
        if known is not None and (card := self.handing_off.add(unit, known, question)) is not None:
            return card
        speaking = self.answering.speaking(person.language)
        answer = speaking.handoff(question, speaking.texts.too_fast.format(most=self.pace.most))
        self.pace.begin_list(person.key, answer.id, now)
        if isinstance(event, MessagePosted):
            unit.conversations.add(_said(event))
        return [*self._post(unit, event, answer)]

    async def _command(self, event: CommandGiven) -> Effect:
        if not self._is_over(event):
            needed = self.commands.needs_plan(event)
            plan = await planned(self.store, self.commands.plan) if needed else None
            return lambda unit: self.commands.run(unit, event, plan)
        text = self.answering.texts.too_fast_command.format(most=self.pace.most)
        return lambda _: [Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person)]

    def _is_over(self, event: Event) -> bool:
        """Counts it, too. Admins have no limit."""
        is_exempt = self.answering.policy.staff.may(event.person, Deed.DECIDE)
        return not is_exempt and self.pace.is_over(event.person.key, event.id, self.commands.clock())

    def _context(
        self, unit: Unit, posted: MessagePosted
    ) -> tuple[MessagePosted, Sequence[Turn], bool, bool, Handoff | None] | None:
        """The message as it stands by now, None where it is gone; what was said before; whether the bot is paused; who
        has taken what is asked there: here, elsewhere."""
        event = self.following.as_it_stands(unit, posted)
        if event is None:
            return None
        taken, elsewhere = self.handing_off.is_taken(unit, event.place), self.relaying.taken(unit, event.place)
        return event, unit.conversations.of(event.place), unit.flags.get(PAUSED) == "yes", taken, elsewhere

    def _overhear(self, unit: Unit, event: MessagePosted, thread: Sequence[Turn]) -> Sequence[Outgoing]:
        """Remember who speaks in the bot's own threads, so that it stays out once people talk; nothing elsewhere.

        What an agent says below the card of a direct question goes to whoever asked.
        """
        if (relayed := self.relaying.to_asker(unit, event)) is not None:
            return relayed
        if not any(turn.speaker is Speaker.BOT for turn in thread):
            return []
        unit.conversations.add(Turn(event.place, Speaker.PERSON, event.person.key, "", event.at))
        return self.handing_off.replied(unit, event)

    def _post(
        self, unit: Unit, event: Event, answer: Answer, instead_of: PostedAnswer | None = None
    ) -> Sequence[Outgoing]:
        """The answer on its way. One that hands off opens a hand-off in the same transaction.

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


def _said(event: MessagePosted) -> Turn:
    return Turn(
        event.place, Speaker.PERSON, event.person.key, clean_question(event.text), event.at, event.message.key
    )  # fmt: skip
