"""A silent comparison: while an adapter is on trial, it and the serving one are asked what people settle meanwhile, by
correcting an answer or by having the reply to a hand-off learnt; both are held against what the person said.

They get what the bot had when it was asked: the question with what was said before it, and the help section, but for
what was known of who asked, which is kept nowhere; never the lesson. Nobody sees what they say, and it is kept nowhere.

What is due stands in the database alone, and its outcome is kept once, so that it counts once, whatever dies in
between. An attempt is counted before it begins: a question that kills the process is dropped after three. It gives way
to answers, and of what piles up meanwhile the oldest is dropped, and counted as dropped.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bot.answering import Answering
from bot.conversation import Question, Speaker, Turn
from bot.errors import NotWritten
from bot.ids import AdapterId, Tenant
from bot.lineage import Deployment, on_trial
from bot.ports import IsRight, Store, Unit
from bot.retrieval import Section
from bot.support import support
from bot.trial import Outcome, Settled
from bot.trying import live_adapter

EVERY_S = 30.0
MOST_WAITING = 20
MAX_ATTEMPTS = 3
BORNE_OUT_FROM = 0.5
"""Least share of what a person said that the help section must contain for anybody to have been able to say it."""


@dataclass(frozen=True)
class Asked:
    """What is asked, and of whom."""

    settled: Settled
    question: Question
    section: Section
    new: AdapterId
    old: AdapterId | None


@dataclass(frozen=True)
class Comparing:
    store: Store
    answering: Answering
    is_right: IsRight

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Work off what is due. Nothing is while no adapter is on trial."""
        common = self.answering.policy.common
        for settled in await self.store.run(_due):
            asked = await self.store.run(lambda unit, settled=settled: _attempt(unit, settled, common))  # type: ignore[misc]
            if asked is not None:
                await self._compare(asked)

    async def _compare(self, asked: Asked) -> None:
        """Left for the next look where one of them can't be asked now."""
        said: list[bool] = []
        for adapter in (asked.new, asked.old):
            try:
                text = await self.answering.writing.would_say(asked.question, asked.section, adapter)
            except NotWritten:
                return
            if text is None:
                return
            said.append(self.is_right(text, asked.settled.lesson.answer))
        outcome = _outcome(*said)
        await self.store.run(lambda unit: unit.comparisons.keep(asked.new, asked.settled, outcome))


def _outcome(new: bool, old: bool) -> Outcome:
    if new == old:
        return Outcome.BOTH if new else Outcome.NEITHER
    return Outcome.NEW if new else Outcome.OLD


def _due(unit: Unit) -> Sequence[Settled]:
    """Of more than may wait, the oldest are dropped."""
    trial = on_trial(unit.adapters.history())
    if trial is None or trial.adapter is None:
        return []
    due = unit.comparisons.due(trial.adapter, trial.at)
    for settled in due[:-MOST_WAITING]:
        unit.comparisons.keep(trial.adapter, settled, Outcome.DROPPED)
    return due[-MOST_WAITING:]


def _attempt(unit: Unit, settled: Settled, common: Tenant | None) -> Asked | None:
    """Count an attempt; None where the trial is over, or there is nothing to ask."""
    trial, live = on_trial(unit.adapters.history()), live_adapter(unit.within(common))
    old = live.id if live is not None else None
    if trial is None or trial.adapter is None or trial.adapter != settled.posted.answer.trial:
        return None
    if unit.comparisons.attempt(trial.adapter, settled) > MAX_ATTEMPTS:
        unit.comparisons.keep(trial.adapter, settled, Outcome.DROPPED)
        return None
    section = _section(unit, settled, trial, old)
    if section is None:
        unit.comparisons.keep(trial.adapter, settled, Outcome.UNSAID)
        return None
    answer = settled.posted.answer
    earlier = _before(unit.conversations.of(settled.posted.place), answer.question)
    return Asked(settled, Question(answer.question, earlier), section, trial.adapter, old)


def _section(unit: Unit, settled: Settled, trial: Deployment, old: AdapterId | None) -> Section | None:
    """What the bot had read. None where its page has changed, where it lacks what the person said, so that neither
    could have said it, and where an adapter wrote that doesn't serve any more."""
    answer, read = settled.posted.answer, settled.posted.answer.read
    section = unit.documents.section(read.section) if read is not None else None
    if read is None or section is None or section.sha256 != read.sha256 or answer.adapter not in (trial.adapter, old):
        return None
    borne_out = support(settled.lesson.answer, [f"{section.label} {section.text}"])
    return section if borne_out >= BORNE_OUT_FROM else None


def _before(turns: Sequence[Turn], question: str) -> tuple[Turn, ...]:
    """What was said before somebody asked it last."""
    asked = [i for i, turn in enumerate(turns) if turn.speaker is Speaker.PERSON and turn.text == question]
    return tuple(turns[: asked[-1]]) if asked else ()
