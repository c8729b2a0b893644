"""A question's way: asked, reworded, or chosen among what it may mean; answered, and put where it was asked.

What is said between people is heard and left to them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from bot.answering import Answering
from bot.answers import Answer, PostedAnswer
from bot.capturing import Capturing
from bot.conversation import Question, Speaker, Turn, clean_question, is_for_the_bot, said_in
from bot.drafting import Drafting
from bot.events import CandidateChosen, MessageEdited, MessagePosted
from bot.following import Following
from bot.handing_off import HandingOff
from bot.handoff import Handoff
from bot.ids import FactId
from bot.looking import Looking
from bot.outgoing import AnswerDraft, Outgoing
from bot.ports import Effect, Unit
from bot.profile import Profiling
from bot.relaying import Relaying
from bot.saying import Saying
from bot.slowing import Slowing
from bot.status import PAUSED
from bot.tenants import tenant_of
from bot.writing import OnText

Draft = Callable[[AnswerDraft], Awaitable[None]]


class Answers(Protocol):
    def __call__(self, question: Question, *, on_text: OnText) -> Awaitable[Answer]: ...


@dataclass(frozen=True, kw_only=True)
class Asking:
    answering: Answering
    capturing: Capturing
    handing_off: HandingOff
    following: Following
    relaying: Relaying
    profiling: Profiling
    draft: Draft
    looking: Looking
    saying: Saying
    slowing: Slowing

    async def message(self, posted: MessagePosted) -> Effect:
        known = await self.looking.look(posted, lambda unit: self._context(unit, posted))
        if known is None:
            return lambda _: []
        event, earlier, paused, taken, elsewhere = known
        if elsewhere is not None:
            return lambda unit: self.relaying.to_agents(unit, event, elsewhere)
        policy = self.answering.policy
        if not is_for_the_bot(event, earlier, policy.support_channels, policy.staff, taken=taken):
            return lambda unit: self._overhear(unit, event, earlier)
        if slowed := self.slowing.slowed(event, event.text):
            return slowed
        if paused:
            speaking = self.answering.speaking(event.person.language)
            answer = speaking.handoff(clean_question(event.text), speaking.texts.paused)
        else:
            question = Question(event.text, tuple(earlier), event.message.key, tenant=tenant_of(event.place))
            answer = await self._shown(event, question, self.answering.answer)

        def keep(unit: Unit) -> Sequence[Outgoing]:
            unit.conversations.add(said_in(event))
            outgoing = self.saying.say(unit, event, answer)
            gone = self.following.deletion(unit, event.message)  # while it was being answered
            return [*outgoing, *self.following.deleted(unit, gone)] if gone is not None else outgoing

        return keep

    def shed(self, unit: Unit, posted: MessagePosted) -> Sequence[Outgoing] | None:
        """A hand-off at once, for want of room; None where the bot would not answer with its models anyway."""
        known = self._context(unit, posted)
        if known is None:
            return None
        event, earlier, paused, taken, elsewhere = known
        policy = self.answering.policy
        is_question = is_for_the_bot(event, earlier, policy.support_channels, policy.staff, taken=taken)
        question = clean_question(event.text)
        if paused or elsewhere is not None or not is_question or not question:
            return None
        speaking = self.answering.speaking(event.person.language)
        unit.conversations.add(said_in(event))
        return self.saying.say(unit, event, speaking.handoff(question, speaking.texts.busy))

    async def edited(self, event: MessageEdited) -> Effect:
        def look(unit: Unit) -> tuple[Question | None, bool, bool]:
            outdated, paused = self.following.is_outdated(unit, event), unit.flags.get(PAUSED) == "yes"
            return self.following.question(unit, event), outdated, paused

        question, outdated, paused = await self.looking.look(event, look)
        if outdated:
            return lambda _: []
        if question is None or paused:
            return lambda unit: self.following.reword(unit, event)
        if slowed := self.slowing.slowed(event, event.text):
            return slowed
        answer = await self.answering.answer(question)  # no drafts: it is put where the old one stands
        return lambda unit: self.following.answer_anew(unit, event, answer)

    async def choice(self, event: CandidateChosen) -> Effect:
        posted = await self.looking.look(event, lambda unit: unit.answers.get(event.answer))
        if slowed := self.slowing.slowed(event, posted.answer.question if posted is not None else ""):
            return slowed
        if posted is None:
            gone = self.answering.speaking(event.person.language).handoff("")
            return lambda unit: self.saying.say(unit, event, gone)
        if event.fact is not None:
            return self._known(event, posted, event.fact)
        answer = await self._read(event, posted.answer) if event.section else await self._declined(event, posted.answer)
        return lambda unit: self.saying.say(unit, event, answer, posted)

    def _known(self, event: CandidateChosen, posted: PostedAnswer, chosen: FactId) -> Effect:
        asked = posted.answer

        def keep(unit: Unit) -> Sequence[Outgoing]:
            fact = self.capturing.fact(unit, chosen)
            if fact is None:  # withdrawn between question and click
                gone = self.answering.speaking(event.person.language).handoff(asked.question)
                return self.saying.say(unit, event, gone, posted)
            if not posted.retracted:
                self.capturing.learn_from_choice(unit, posted, chosen, event.person)
            return self.saying.say(unit, event, self.answering.from_fact(asked.question, fact, 1.0), posted)

        return keep

    async def _read(self, event: CandidateChosen, asked: Answer) -> Answer:
        """From the help page that was chosen among those offered, unless it has gone since."""
        chosen = next((each.section for each in asked.candidates if each.section == event.section), None)
        section = await self.looking.look(event, lambda unit: unit.documents.section(chosen) if chosen else None)
        if section is None:
            return self.answering.speaking(event.person.language).handoff(asked.question)
        question = Question(asked.question, id=asked.id, tenant=tenant_of(event.place))
        return await self._shown(event, question, partial(self.answering.answer_from, section=section))

    async def _declined(self, event: CandidateChosen, asked: Answer) -> Answer:
        question = Question(asked.question, id=asked.id, tenant=tenant_of(event.place))
        return await self._shown(event, question, partial(self.answering.answer, declined=asked.candidates))

    async def _shown(self, event: MessagePosted | CandidateChosen, question: Question, answering: Answers) -> Answer:
        """Answer, showing what has been checked of the text while it grows."""

        async def send(text: str) -> None:
            draft = AnswerDraft(place=event.place, in_reply_to=event.id, to=event.person, text=text)
            await self.draft(draft)

        pieces: list[str] = []

        def on_text(piece: str) -> None:
            pieces.append(piece)
            drafting.show("".join(pieces))

        drafting = Drafting(send)
        drafting.show("")
        try:
            profile = await self.profiling.of(event.person)
            product = self.answering.policy.product_of(event.place) or profile.product
            return await answering(replace(question, profile=replace(profile, product=product)), on_text=on_text)
        finally:
            await drafting.end()

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
