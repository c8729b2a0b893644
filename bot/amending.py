"""Amending: an accepted correction mends the bot's similar wrong answers of the last days, and tells their askers once.

What is due stands in the database alone: a lesson counts as done in the transaction that puts the edits into the
outbox, so that they are made once, whatever dies in between. An answer that an agent has confirmed or corrected
otherwise is left alone. A correction that is taken back later leaves no right answer to go back to: the words stay,
and whoever was told hears that they don't hold any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from bot.answering import Answering
from bot.answers import PostedAnswer
from bot.capturing import Capturing
from bot.feedback import Amended, Gesture, Lesson
from bot.ids import AnswerId, FactId, Tenant
from bot.outgoing import AnswerEdit, Notice, Outgoing
from bot.ports import Clock, Store, Unit
from bot.retrieval import Section
from bot.shortening import shorten
from bot.support import same_words
from bot.tenants import tenant_of

EVERY_S = 5.0
MOST = 500
"""Answers that are looked at for one correction, newest first: telling what each question means takes milliseconds."""


@dataclass(frozen=True)
class Amending:
    store: Store
    near: Callable[[str, Tenant], Awaitable[tuple[Mapping[FactId, float], Sequence[Section]]]]
    """The facts known in a workspace that a question may mean, with probabilities."""
    answering: Answering
    capturing: Capturing
    clock: Clock
    news: asyncio.Event
    """Set whenever there is something new to deliver."""

    async def run(self) -> None:
        """Look again and again, until cancelled. Returns at once where nothing is to be amended."""
        while self.answering.policy.amend_within:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> int:
        """Work off what is due; how many messages were put on their way."""
        since = self.clock() - self.answering.policy.amend_within
        due, taken_back = await self.store.run(
            lambda unit: (unit.lessons.to_amend_with(since), unit.lessons.taken_back())
        )
        sent = 0
        for lesson in due:
            whose = lesson.tenant if self.answering.policy.separate else None
            recent = await self.store.run(partial(_recent, since=since, within=whose or None))
            similar = await self._similar(lesson, recent)
            sent += await self._send(partial(self._amend, lesson=lesson, similar=similar))
        for lesson in taken_back:
            sent += await self._send(partial(self._tell_taken_back, lesson=lesson))
        return sent

    # --- parts -----------------------------------------------------------------------------------------------------

    async def _similar(self, lesson: Lesson, recent: Sequence[PostedAnswer]) -> Mapping[AnswerId, float]:
        """Answers that said otherwise to what the lesson answers, with the probability that this was meant: the same
        fact was served, or the router takes their question for the lesson's."""
        found: dict[AnswerId, float] = {}
        for posted in recent:
            answer = posted.answer
            if same_words(answer.text, lesson.answer) or self.answering.policy.belongs_elsewhere(lesson, posted.place):
                continue
            if answer.fact == lesson.fact or answer.id == lesson.about:
                found[answer.id] = 1.0
                continue
            near, _ = await self.near(answer.question, tenant_of(posted.place))
            best = max(near, key=lambda fact: near[fact], default=None)
            if best == lesson.fact and near[best] >= self.answering.policy.known_from:
                found[answer.id] = near[best]
        return found

    async def _send(self, work: Callable[[Unit], Sequence[Outgoing]]) -> int:
        def effect(unit: Unit) -> int:
            outgoing = work(unit)
            for each in outgoing:
                unit.outbox.add(each)
            return len(outgoing)

        sent = await self.store.run(effect)
        if sent:
            self.news.set()
        return sent

    def _amend(self, unit: Unit, lesson: Lesson, similar: Mapping[AnswerId, float]) -> list[Outgoing]:
        if not unit.lessons.amended(lesson.id, Amended.DONE):
            return []  # done by another process
        edits: list[Outgoing] = []
        notices: dict[str, Outgoing] = {}
        for each, probability in similar.items():
            posted = unit.answers.get(each)
            if posted is None or not _may_be_amended(unit, posted, lesson):
                continue
            fact = self.capturing.fact(unit.within(self.answering.policy.within(posted.place)), lesson.fact)
            if fact is None or fact.lesson.id != lesson.id:
                continue  # taken back meanwhile, left to a newer correction, or known otherwise there
            known = self.answering.from_fact(posted.answer.question, fact, probability)
            answer = replace(known, language=posted.answer.language)
            unit.answers.amend(each, answer)
            unit.conversations.reword(posted.place, posted.answer.text, answer.text)
            edits.append(AnswerEdit(place=posted.place, answer=answer, of=each))
            notices.setdefault(posted.place.key, self._notice(posted, self.answering.texts.amended, lesson))
        taught_at = unit.answers.get(lesson.about) if lesson.about is not None else None
        if taught_at is not None:
            notices.pop(taught_at.place.key, None)  # the receipt stands there
        if edits:
            unit.audit.add(lesson.author, f"amended {len(edits)} answers", lesson.id, self.clock())
        return [*edits, *notices.values()]

    def _tell_taken_back(self, unit: Unit, lesson: Lesson) -> list[Outgoing]:
        if not unit.lessons.amended(lesson.id, Amended.TAKEN_BACK):
            return []
        text, standing = self.answering.texts.amended_taken_back, unit.answers.amended_by(lesson.id)
        notices = {posted.place.key: self._notice(posted, text, lesson) for posted in standing}
        return list(notices.values())

    @staticmethod
    def _notice(posted: PostedAnswer, text: str, lesson: Lesson) -> Notice:
        """In the thread, where the asker is called: they may have left long ago."""
        told = text.format(question=shorten(posted.answer.question), name=lesson.author_name)
        return Notice(place=posted.place, text=told, calls=None if posted.place.is_direct else posted.asker)


def _recent(unit: Unit, since: datetime, within: Tenant | None) -> Sequence[PostedAnswer]:
    return unit.within(within).answers.recent(since, MOST)


def _may_be_amended(unit: Unit, posted: PostedAnswer, lesson: Lesson) -> bool:
    """False for what isn't there any more, and where an agent has said what is right."""
    stands = posted.message is not None and unit.answers.at(posted.message)
    if not stands or stands.retracted or stands.answer.id != posted.answer.id:
        return False
    if any(rating.trusted and rating.gesture is Gesture.APPROVE for rating in unit.ratings.of(posted.answer.id)):
        return False
    about = (each for each in unit.lessons.about(posted.answer.id) if each.withdrawn_at is None)
    return all(each.fact == lesson.fact for each in about)
