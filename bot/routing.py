"""One exhaustive match: event → use case. What needs a model is awaited first; what it changes is returned as an
effect, which the inbox runs in one transaction together with marking the event done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.answering import Answering
from bot.answers import Answer
from bot.capturing import Capturing
from bot.commands import PAUSED, Commands
from bot.conversation import Question, Speaker, Turn, clean_question, is_for_the_bot
from bot.events import (
    CandidateChosen,
    CommandGiven,
    CorrectionSubmitted,
    Event,
    MessagePosted,
    Place,
    Reacted,
)
from bot.ids import FactId
from bot.outgoing import AnswerPost, Outgoing
from bot.ports import Effect, Store, Unit

Draft = Callable[[Place, str], Awaitable[None]]


@dataclass(frozen=True)
class Routing:
    store: Store
    answering: Answering
    capturing: Capturing
    commands: Commands
    draft: Draft

    async def __call__(self, event: Event) -> Effect:
        match event:
            case MessagePosted():
                return await self._on_message(event)
            case Reacted():
                return lambda unit: self.capturing.react(unit, event)
            case CorrectionSubmitted():
                near = await self.near(event.question)
                return lambda unit: self.capturing.correct(unit, event, near)
            case CandidateChosen():
                return await self._on_choice(event)
            case CommandGiven():
                return lambda unit: self.commands.run(unit, event)
            case _:
                assert_never(event)

    async def near(self, question: str) -> dict[FactId, float]:
        """The known facts that a question may mean, with probabilities."""
        found = await self.answering.knowledge.search(clean_question(question))
        return {match.fact.id: match.probability for match in found.facts}

    def broken(self, event: Event) -> Effect:
        """What happens to an event that can't be handled: whoever asked gets a hand-off, never silence."""
        question = clean_question(event.text) if isinstance(event, MessagePosted) else ""
        answer = self.answering.handoff(question, self.answering.texts.broke)
        return lambda unit: _post(unit, event, answer)

    async def _on_message(self, event: MessagePosted) -> Effect:
        earlier, paused = await self.store.run(lambda unit: _context(unit, event))
        policy = self.answering.policy
        if not is_for_the_bot(event, earlier, policy.support_channels, policy.staff):
            return lambda unit: _overhear(unit, event, earlier)
        if paused:
            answer = self.answering.handoff(clean_question(event.text), self.answering.texts.paused)
        else:
            answer = await self._answer(event, Question(event.text, tuple(earlier)))

        def keep(unit: Unit) -> Sequence[Outgoing]:
            unit.conversations.add(_said(event))
            return _post(unit, event, answer)

        return keep

    async def _answer(self, event: MessagePosted | CandidateChosen, question: Question) -> Answer:
        """Answer, showing the unfinished text while it grows. None of these fits: the facts are skipped."""
        await self.draft(event.place, "")
        pieces: list[str] = []
        drafts: set[asyncio.Task[None]] = set()

        def on_text(piece: str) -> None:
            pieces.append(piece)
            drafts.add(asyncio.ensure_future(self.draft(event.place, "".join(pieces))))

        skip_facts = isinstance(event, CandidateChosen)
        answer = await self.answering.answer(question, on_text, skip_facts=skip_facts)
        await asyncio.gather(*drafts, return_exceptions=True)  # a lost draft is no loss
        return answer

    async def _on_choice(self, event: CandidateChosen) -> Effect:
        posted = await self.store.run(lambda unit: unit.answers.get(event.answer))
        if posted is None:
            return _nothing
        asked = posted.answer
        chosen = event.fact
        if chosen is None:
            answer = await self._answer(event, Question(asked.question))
            return lambda unit: _post(unit, event, answer)

        def keep(unit: Unit) -> Sequence[Outgoing]:
            fact = self.capturing.fact(unit, chosen)
            if fact is None:  # withdrawn between question and click
                return _post(unit, event, self.answering.handoff(asked.question))
            self.capturing.learn_from_choice(unit, asked, chosen, event.person)
            return _post(unit, event, self.answering.from_fact(asked.question, fact, 1.0))

        return keep


def _nothing(_: Unit) -> Sequence[Outgoing]:
    return []


def _context(unit: Unit, event: MessagePosted) -> tuple[Sequence[Turn], bool]:
    return unit.conversations.of(event.place), unit.flags.get(PAUSED) == "yes"


def _said(event: MessagePosted) -> Turn:
    return Turn(event.place, Speaker.PERSON, event.person.key, clean_question(event.text), event.at)


def _overhear(unit: Unit, event: MessagePosted, thread: Sequence[Turn]) -> Sequence[Outgoing]:
    """Remember who has spoken in the bot's own threads, so that it stays out once people talk; nothing elsewhere."""
    if any(turn.speaker is Speaker.BOT for turn in thread):
        unit.conversations.add(Turn(event.place, Speaker.PERSON, event.person.key, "", event.at))
    return []


def _post(unit: Unit, event: Event, answer: Answer) -> Sequence[Outgoing]:
    unit.answers.add(answer, event.place, event.person)
    unit.conversations.add(Turn(event.place, Speaker.BOT, event.person.key, answer.text, event.at))
    return [AnswerPost(place=event.place, in_reply_to=event.id, answer=answer)]
