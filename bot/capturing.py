"""Teaching: reactions and forms become ratings and lessons. Every function runs inside one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from bot.access import Deed, refusal
from bot.answers import AnswerKind, PostedAnswer
from bot.asking_why import ask_why, reason_buttons
from bot.contradicting import contradicts
from bot.errors import BadInput, NotAllowed
from bot.events import CorrectionSubmitted, MessageRef, Reacted
from bot.feedback import Fact, Gesture, Hold, Lesson, LessonSource, Phrasing, Rating, Ruling, facts_of
from bot.holding import Near
from bot.ids import SHARED, AnswerId, FactId, LessonId, Tenant, new_id
from bot.outgoing import CorrectionForm, CorrectionOffer, Notice, Outgoing
from bot.people import Person
from bot.policy import Policy
from bot.ports import Unit
from bot.retrieval import Section
from bot.reviewing import Reviewing
from bot.support import content_words, coverage, same_words
from bot.tenants import tenant_of
from bot.texts import Texts, quote

MAX_ANSWER_CHARS = 8_000
FEW_WORDS = 5
RESEMBLING_FROM = 0.25
"""Least share of a new answer's content that the present one has, for it to count as its new version."""


@dataclass(frozen=True)
class Capturing:
    policy: Policy
    texts: Texts

    @cached_property
    def reviewing(self) -> Reviewing:
        return Reviewing(self.policy, self.texts)

    # --- reactions -----------------------------------------------------------------------------------------------

    def react(self, unit: Unit, event: Reacted) -> list[Outgoing]:
        """A gesture on one of the bot's answers; anything else on anything else means nothing."""
        gesture = self.policy.emoji.get(event.emoji)
        posted = unit.answers.at(event.message)
        if gesture is None or (posted is not None and posted.retracted):
            return []
        if posted is None:
            return self._second(unit, event, gesture)
        event = replace(event, place=posted.place)  # a reaction needn't tell the thread; the answer knows it
        trusted = self._is_agent(event.person)
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
        if not self._is_agent(event.person):
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
        lesson = earlier or self._lesson(
            answer.question, answer.text, event.person, LessonSource.APPROVAL, event.at, posted
        )
        reason = self._why_held(unit, event, lesson)
        if earlier is None:
            self._keep(unit, lesson)
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

    # --- the correction form ---------------------------------------------------------------------------------------

    def form(self, unit: Unit, answer: AnswerId, person: Person) -> CorrectionForm:
        """What the form shows. Raises NotAllowed for anyone but agents, BadInput for an answer that is gone."""
        posted = self._correctable(unit, answer, person)
        return CorrectionForm(
            answer=answer,
            title=self.texts.form_title,
            question_label=self.texts.form_question,
            question="" if posted.retracted else posted.answer.question,
            answer_label=self.texts.form_answer,
            text=posted.answer.text if posted.answer.kind in (AnswerKind.KNOWN, AnswerKind.GROUNDED) else "",
            submit_label=self.texts.form_submit,
            left_out=self.texts.form_left_out,
        )

    def correct(
        self, unit: Unit, event: CorrectionSubmitted, near: Near, sections: Sequence[Section] = ()
    ) -> list[Outgoing]:
        """Take the lesson. What was wrong with it is told to its author, and changes nothing.

        `near`: the known facts that the question may mean, with probabilities. `sections`: those that speak of it.
        """
        try:
            posted = self._correctable(unit, event.answer, event.person)
            self.check(event.question, event.text)
        except (NotAllowed, BadInput) as problem:
            return [self._notice(event, str(problem))]
        likely = posted.answer.fact or self._surely(near)
        fact = self._corrected_before(unit, event.answer) or self._fact_meant(unit, likely, event.question, event.text)
        lesson = self._lesson(
            event.question, event.text, event.person, _source(event), event.at, posted, fact, event.said_in
        )
        against = None if self.reviewing.holding.is_exempt(event.person) else contradicts(lesson, sections)
        if against is not None:
            lesson = replace(lesson, contradicts=against.id)
        taken_for = self.fact(unit, likely) if likely is not None else None
        reason = self.reviewing.holding.reason(unit, lesson, event.person, taken_for, near)
        aside = self.reviewing.set_aside(unit, lesson, posted) if reason is None else []
        self._keep(unit, lesson, "" if posted.retracted else posted.answer.question)
        if reason is not None:
            return [self.reviewing.hold(unit, lesson, reason, posted.place)]
        receipt = self.texts.noted.format(
            name=event.person.name, question=quote(event.question), answer=quote(event.text)
        )
        if against is not None:
            receipt += f"\n{self.texts.noted_contradicts.format(title=against.label)}"
        settled = self.reviewing.same_again(unit, lesson, event.person, event.at)
        fallen = self.reviewing.fall(unit, event.at, posted.place)
        return [Notice(place=posted.place, text=receipt), *settled, *aside, *fallen]

    def check(self, question: str, answer: str) -> None:
        """Raises BadInput for a lesson that is empty or too long."""
        if not question.strip() or not answer.strip():
            raise BadInput(self.texts.empty_lesson)
        for text in (question, answer):
            if len(text) > MAX_ANSWER_CHARS:
                raise BadInput(self.texts.too_long.format(limit=MAX_ANSWER_CHARS, length=len(text)))

    def teach(
        self, unit: Unit, question: str, answer: str, author: Person, at: datetime, near: Near, tenant: Tenant = SHARED
    ) -> Lesson:
        """The operator's direct way: trusted at once. Raises BadInput."""
        self.check(question, answer)
        fact = self._fact_meant(unit, self._surely(near), question, answer)
        lesson = replace(self._lesson(question, answer, author, LessonSource.TAUGHT, at, None, fact), tenant=tenant)
        self._keep(unit, lesson)
        return lesson

    # --- choices ---------------------------------------------------------------------------------------------------

    def learn_from_choice(self, unit: Unit, posted: PostedAnswer, fact: FactId, person: Person) -> None:
        """A click on "did you mean" says what the question meant; an agent's click is trusted with it."""
        if self._is_agent(person) and self.reviewing.holding.is_believed(unit, person):
            asked, tenant = posted.answer, tenant_of(posted.place)
            origin = f"choice:{asked.id}:{person.key}"
            unit.lessons.add_phrasing(Phrasing(fact=fact, text=asked.question, origin=origin, tenant=tenant))

    def fact(self, unit: Unit, fact: FactId) -> Fact | None:
        facts = facts_of(unit.lessons.all([fact]), unit.lessons.phrasings([fact]))
        return facts[0] if facts else None

    def _surely(self, near: Near) -> FactId | None:
        """The known fact that a question surely means, so that a lesson becomes its new version."""
        best = max(near, key=lambda fact: near[fact], default=None)
        return best if best is not None and near[best] >= self.policy.known_from else None

    # --- parts -----------------------------------------------------------------------------------------------------

    def _is_agent(self, person: Person) -> bool:
        return self.policy.staff.may(person, Deed.TEACH)

    def _correctable(self, unit: Unit, answer: AnswerId, person: Person) -> PostedAnswer:
        if not self._is_agent(person):
            raise NotAllowed(refusal(person, self.texts.not_agent, self.texts))
        posted = unit.answers.get(answer)
        if posted is None:
            raise BadInput(self.texts.unknown_answer)
        return posted

    @staticmethod
    def _corrected_before(unit: Unit, answer: AnswerId) -> FactId | None:
        """The fact that an earlier correction of the same answer taught."""
        taught = [lesson.fact for lesson in unit.lessons.about(answer) if lesson.withdrawn_at is None]
        return taught[-1] if taught else None

    def _fact_meant(self, unit: Unit, likely: FactId | None, question: str, answer: str) -> FactId | None:
        """The fact that a lesson belongs to; None for a new one.

        One that has this very answer, or a held lesson of it for this question; else the likely one, which was served
        or which the router is sure of, if the lesson reads as its new version. It may also have been mistaken for it,
        and must not take its place then.
        """
        for lesson in unit.lessons.saying(answer.strip()):
            known = self.fact(unit, lesson.fact)
            if known is not None and known.lesson.answer == lesson.answer:
                return known.id
        for lesson in unit.lessons.kept_back(answer.strip()):
            if lesson.held is not None and same_words(lesson.question, question):
                return lesson.fact
        known = self.fact(unit, likely) if likely is not None else None
        return known.id if known is not None and is_new_version(known, question, answer) else None

    @staticmethod
    def _lesson(
        question: str, answer: str, author: Person, source: LessonSource, at: datetime,
        about: PostedAnswer | None, fact: FactId | None = None, said_in: MessageRef | None = None,
    ) -> Lesson:  # fmt: skip
        """It belongs to where the question was asked."""
        return Lesson(
            id=LessonId(new_id()), fact=fact or FactId(new_id()), question=question.strip(), answer=answer.strip(),
            author=author.key, author_name=author.name, source=source, taught_at=at,
            about=about.answer.id if about is not None else None,
            said_in=said_in.key if said_in is not None else None,
            tenant=tenant_of(about.place) if about is not None else SHARED,
        )  # fmt: skip

    @staticmethod
    def _keep(unit: Unit, lesson: Lesson, asked: str = "") -> None:
        """Keep the lesson with its phrasings: its own question, and the asker's words when they differ."""
        unit.lessons.add(lesson)
        unit.audit.add(lesson.author, f"taught ({lesson.source})", lesson.id, lesson.taught_at)
        for text in dict.fromkeys((lesson.question, asked.strip())):
            if text:
                brought = Phrasing(fact=lesson.fact, text=text, origin=lesson.id, tenant=lesson.tenant)
                unit.lessons.add_phrasing(brought)

    def _offer(self, event: Reacted, answer: AnswerId, text: str, *, may_say_why: bool) -> CorrectionOffer:
        return CorrectionOffer(
            place=event.place, in_reply_to=event.id, answer=answer, to=event.person, text=text,
            button=self.texts.offer_button, more=reason_buttons(answer, self.texts) if may_say_why else (),
        )  # fmt: skip

    @staticmethod
    def _notice(event: Reacted | CorrectionSubmitted, text: str) -> Notice:
        return Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person)


def is_new_version(fact: Fact, question: str, answer: str) -> bool:
    """True when a lesson asks for the fact in words that are known, or its answer resembles the present one.

    Of an answer of a few words, nothing can be told: it counts as a new version.
    """
    if any(same_words(question, phrasing) for phrasing in fact.phrasings):
        return True
    few = len(set(content_words(answer))) < FEW_WORDS
    return few or coverage(answer, fact.lesson.answer) >= RESEMBLING_FROM


def _source(event: CorrectionSubmitted) -> LessonSource:
    return LessonSource.CORRECTION if event.said_in is None else LessonSource.REPLY


def rating_origin(answer: AnswerId, person: Person) -> str:
    """What a phrasing that a ✅ brought is filed under."""
    return f"rating:{answer}:{person.key}"
