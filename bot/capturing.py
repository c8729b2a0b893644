"""Teaching: what the form, a marked reply or the operator says becomes a lesson. Every function runs inside one
transaction. Knows nothing of reactions (`reacting.py`)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from bot.access import Deed, refusal
from bot.answers import AnswerKind, PostedAnswer
from bot.contradicting import contradicts
from bot.errors import BadInput, NotAllowed
from bot.events import CorrectionSubmitted, MessageRef, Place
from bot.feedback import Fact, Lesson, LessonSource, Phrasing, Rating, facts_of
from bot.holding import Near
from bot.ids import SHARED, AnswerId, FactId, LessonId, Tenant, new_fact, new_id
from bot.outgoing import CorrectionForm, Notice, Outgoing
from bot.people import Person
from bot.policy import Policy
from bot.ports import Unit
from bot.retrieval import Section
from bot.reviewing import Reviewing
from bot.shortening import shorten
from bot.superseding import is_new_version
from bot.support import same_words
from bot.tenants import tenant_of
from bot.texts import Texts

MAX_ANSWER_CHARS = 8_000


@dataclass(frozen=True)
class Capturing:
    policy: Policy
    texts: Texts
    new_fact: Callable[[], FactId] = new_fact

    @cached_property
    def reviewing(self) -> Reviewing:
        return Reviewing(self.policy, self.texts)

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
        likely = posted.answer.fact or self._of_here(unit, self._surely(near), posted.place)
        meant = self._fact_meant(unit, likely, event.question, event.text, unit.ratings.of(event.answer))
        fact = self._corrected_before(unit, event.answer) or self._of_here(unit, meant, posted.place)
        lesson = self.lesson(
            event.question, event.text, event.person, _source(event), event.at, posted, fact, event.said_in
        )
        lesson = self._of_its_product(unit, lesson)
        against = None if self.reviewing.holding.is_exempt(event.person) else contradicts(lesson, sections)
        if against is not None:
            lesson = replace(lesson, contradicts=against.id)
        taken_for = self.fact(unit, likely) if likely is not None else None
        reason = self.reviewing.holding.reason(unit, lesson, event.person, taken_for, near)
        aside = self.reviewing.set_aside(unit, lesson, posted) if reason is None else []
        self.keep(unit, lesson, "" if posted.retracted else posted.answer.question)
        if reason is not None:
            return [self.reviewing.hold(unit, lesson, reason, posted.place)]
        receipt = self.texts.noted.format(
            name=event.person.name, question=shorten(event.question), answer=shorten(event.text)
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
        lesson = self.lesson(question, answer, author, LessonSource.TAUGHT, at, None, fact)
        lesson = replace(self._of_its_product(unit, lesson), tenant=tenant)
        self.keep(unit, lesson)
        return lesson

    # --- choices ---------------------------------------------------------------------------------------------------

    def learn_from_choice(self, unit: Unit, posted: PostedAnswer, fact: FactId, person: Person) -> None:
        """A click on "did you mean" says what the question meant; an agent's click is trusted with it."""
        if self.may_teach(person) and self.reviewing.holding.is_believed(unit, person):
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

    def _of_here(self, unit: Unit, fact: FactId | None, place: Place) -> FactId | None:
        """The fact, unless it belongs to another product than the one that is spoken of there."""
        known = self.fact(unit, fact) if fact is not None else None
        return None if known is not None and self.policy.belongs_elsewhere(known.lesson, place) else fact

    def _of_its_product(self, unit: Unit, lesson: Lesson) -> Lesson:
        """A new version stays with its fact's product, wherever it was taught."""
        known = self.fact(unit, lesson.fact)
        return replace(lesson, topic=known.lesson.topic) if known is not None else lesson

    # --- parts -----------------------------------------------------------------------------------------------------

    def may_teach(self, person: Person) -> bool:
        return self.policy.staff.may(person, Deed.TEACH)

    def _correctable(self, unit: Unit, answer: AnswerId, person: Person) -> PostedAnswer:
        if not self.may_teach(person):
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

    def _fact_meant(
        self, unit: Unit, likely: FactId | None, question: str, answer: str, ratings: Iterable[Rating] = ()
    ) -> FactId | None:
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
        return known.id if known is not None and is_new_version(known, question, answer, ratings) else None

    def lesson(
        self, question: str, answer: str, author: Person, source: LessonSource, at: datetime,
        about: PostedAnswer | None, fact: FactId | None = None, said_in: MessageRef | None = None,
    ) -> Lesson:  # fmt: skip
        """It belongs to where the question was asked: to the workspace, and to the product that is spoken of there."""
        return Lesson(
            id=LessonId(new_id()), fact=fact or self.new_fact(), question=question.strip(), answer=answer.strip(),
            author=author.key, author_name=author.name, source=source, taught_at=at,
            about=about.answer.id if about is not None else None,
            said_in=said_in.key if said_in is not None else None,
            tenant=tenant_of(about.place) if about is not None else SHARED,
            topic=self.policy.product_of(about.place) if about is not None else "",
        )  # fmt: skip

    @staticmethod
    def keep(unit: Unit, lesson: Lesson, asked: str = "") -> None:
        """Keep the lesson with its phrasings: its own question, and the asker's words when they differ."""
        unit.lessons.add(lesson)
        unit.audit.add(lesson.author, f"taught ({lesson.source})", lesson.id, lesson.taught_at)
        for text in dict.fromkeys((lesson.question, asked.strip())):
            if text:
                brought = Phrasing(fact=lesson.fact, text=text, origin=lesson.id, tenant=lesson.tenant)
                unit.lessons.add_phrasing(brought)

    @staticmethod
    def _notice(event: CorrectionSubmitted, text: str) -> Notice:
        return Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person)


def _source(event: CorrectionSubmitted) -> LessonSource:
    return LessonSource.CORRECTION if event.said_in is None else LessonSource.REPLY
