"""Reactions to the bot's answers: ratings, and what an agent's ✅ teaches. Functions run inside one transaction."""

from dataclasses import dataclass, replace

from bot.access import refusal
from bot.answers import AnswerKind, PostedAnswer
from bot.asking_why import ask_why, reason_buttons
from bot.capturing import Capturing
from bot.errors import NotAllowed
from bot.events import Reacted
from bot.feedback import Gesture, Hold, Lesson, LessonSource, Phrasing, Rating, Ruling
from bot.ids import AnswerId
from bot.outgoing import CorrectionOffer, Notice, Outgoing
from bot.people import Person
from bot.ports import Unit
from bot.reviewing import Reviewing
from bot.tenants import tenant_of
from bot.texts import Texts


@dataclass(frozen=True)
class Reacting:
    capturing: Capturing

    @property
    def texts(self) -> Texts:
        return self.capturing.texts

    @property
    def reviewing(self) -> Reviewing:
        return self.capturing.reviewing

    def react(self, unit: Unit, event: Reacted) -> list[Outgoing]:
        """A gesture on one of the bot's answers; anything else on anything else means nothing."""
        gesture = self.capturing.policy.emoji.get(event.emoji)
        posted = unit.answers.at(event.message)
        if gesture is None or (posted is not None and posted.retracted):
            return []
        if posted is None:
            return self._second(unit, event, gesture)
        event = replace(event, place=posted.place)  # a reaction needn't tell the thread; the answer knows it
        trusted = self.capturing.may_teach(event.person)
        rating = Rating(posted.answer.id, event.person.key, gesture, trusted, event.at)
        if not event.added:
            return self._take_back(unit, event, rating)
        if gesture is not Gesture.CORRECT:
            unit.ratings.put(rating)
        if not trusted:
            return self._by_others(event, gesture, posted)
        if gesture is Gesture.APPROVE:
            return self._approve(unit, event, posted)
        text = self.texts.offer if gesture is Gesture.CORRECT else self.texts.offer_rejected
        fallen = self.reviewing.fall(unit, event.at, event.place) if gesture is Gesture.REJECT else []
        return [self._offer(event, posted.answer.id, text, may_say_why=gesture is Gesture.REJECT), *fallen]

    def _by_others(self, event: Reacted, gesture: Gesture, posted: PostedAnswer) -> list[Outgoing]:
        """Customers teach nothing, but may say what was the matter."""
        if gesture is Gesture.CORRECT:
            return [self._notice(event, refusal(event.person, self.texts.not_agent, self.texts))]
        texts = self.texts.in_language(event.person.language)
        return [ask_why(event, posted.answer.id, texts)] if gesture is Gesture.REJECT else []

    def _second(self, unit: Unit, event: Reacted, gesture: Gesture) -> list[Outgoing]:
        """A ✅ on the word that a lesson is held: a colleague's agreement, which releases it."""
        known = unit.outbox.lesson_at(event.message)
        lesson = unit.lessons.get(known) if known is not None else None
        is_held = lesson is not None and lesson.held is not None
        if lesson is None or not is_held or gesture is not Gesture.APPROVE or not event.added:
            return []
        if not self.capturing.may_teach(event.person):
            return [self._notice(event, refusal(event.person, self.texts.not_agent, self.texts))]
        try:
            told = self.reviewing.agree(unit, lesson, event.person, event.at)
        except NotAllowed as problem:
            return [self._notice(event, str(problem))]
        return [self._notice(event, self.texts.accepted_by_you), *told]

    def _approve(self, unit: Unit, event: Reacted, posted: PostedAnswer) -> list[Outgoing]:
        """A trusted ✅ on a known answer adds the asker's phrasing; on a generated one it makes it known."""
        answer = posted.answer
        if answer.kind is AnswerKind.KNOWN and answer.fact is not None:
            if (reason := self._not_learnt_from(unit, event)) is not None:
                return [self._notice(event, reason)]
            origin = rating_origin(answer.id, event.person)
            tenant = tenant_of(posted.place)
            unit.lessons.add_phrasing(Phrasing(fact=answer.fact, text=answer.question, origin=origin, tenant=tenant))
        elif answer.kind is AnswerKind.GROUNDED:
            if (held := self._approve_generated(unit, event, posted)) is not None:
                return [held]
        else:
            return []
        return [self._notice(event, self.texts.noted_approval.format(name=event.person.name))]

    def _not_learnt_from(self, unit: Unit, event: Reacted) -> str | None:
        """Why an agent's ✅ on a known answer adds no phrasing: too many in an hour, or an agent who isn't believed."""
        holding = self.reviewing.holding
        if not holding.is_exempt(event.person) and holding.is_burst_of_approvals(unit, event.person, event.at):
            reason = Hold.BURST
        elif not holding.is_believed(unit, event.person):
            reason = Hold.UNTRUSTED
        else:
            return None
        return self.texts.not_learnt.format(name=event.person.name, reason=self.reviewing.because(reason))

    def _approve_generated(self, unit: Unit, event: Reacted, posted: PostedAnswer) -> Notice | None:
        """Make it known; the word that it is held, if it is."""
        answer = posted.answer
        earlier = self._approved_before(unit, event, answer.id)
        if earlier is not None and earlier.withdrawn_at is None:
            return None
        lesson = earlier or self.capturing.lesson(
            answer.question, answer.text, event.person, LessonSource.APPROVAL, event.at, posted
        )
        reason = self._why_held(unit, event, lesson)
        if earlier is None:
            self.capturing.keep(unit, lesson)
        elif reason is None:
            unit.lessons.restore(lesson.id)
            unit.audit.add(event.person.key, "taught again", lesson.id, event.at)
        return self.reviewing.hold(unit, lesson, reason, event.place) if reason is not None else None

    def _why_held(self, unit: Unit, event: Reacted, lesson: Lesson) -> Hold | None:
        """Taking a ✅ back and giving it again settles nothing that was to be settled by others."""
        if lesson.ruling is Ruling.DROPPED:
            return Hold.DROPPED
        now = replace(lesson, taught_at=event.at)
        return lesson.held or self.reviewing.holding.reason(unit, now, event.person, None, {})

    @staticmethod
    def _approved_before(unit: Unit, event: Reacted, answer: AnswerId) -> Lesson | None:
        mine = [each for each in unit.lessons.about(answer) if each.author == event.person.key]
        return next((each for each in mine if each.source is LessonSource.APPROVAL), None)

    def _take_back(self, unit: Unit, event: Reacted, rating: Rating) -> list[Outgoing]:
        """A reaction taken away takes back what it brought: the rating, a phrasing, or an approved answer."""
        unit.ratings.remove(rating)
        if rating.gesture is not Gesture.APPROVE:
            return []
        # Whatever they may by now: what they brought is theirs to take back.
        unit.lessons.withdraw_phrasings(rating_origin(rating.answer, event.person), event.at)
        lesson = self._approved_before(unit, event, rating.answer)
        if lesson is not None:
            unit.lessons.withdraw(lesson.id, event.at)
            unit.audit.add(event.person.key, "took back", lesson.id, event.at)
        return [self._notice(event, self.texts.withdrawn)] if rating.trusted or lesson is not None else []

    def _offer(self, event: Reacted, answer: AnswerId, text: str, *, may_say_why: bool) -> CorrectionOffer:
        return CorrectionOffer(
            place=event.place, in_reply_to=event.id, answer=answer, to=event.person, text=text,
            button=self.texts.offer_button, more=reason_buttons(answer, self.texts) if may_say_why else (),
        )  # fmt: skip

    @staticmethod
    def _notice(event: Reacted, text: str) -> Notice:
        return Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person)


def rating_origin(answer: AnswerId, person: Person) -> str:
    """What a phrasing that a ✅ brought is filed under."""
    return f"rating:{answer}:{person.key}"
