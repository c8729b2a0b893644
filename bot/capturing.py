"""Teaching: reactions and forms become ratings and lessons. Every function runs inside one transaction."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.answers import Answer, AnswerKind, PostedAnswer
from bot.asking_why import ask_why, reason_buttons
from bot.errors import BadInput, NotAllowed
from bot.events import CorrectionSubmitted, MessageRef, Reacted
from bot.feedback import Fact, Gesture, Lesson, LessonSource, Phrasing, Rating, facts_of
from bot.ids import AnswerId, FactId, LessonId, new_id
from bot.outgoing import CorrectionForm, CorrectionOffer, Notice, Outgoing
from bot.people import Person, Role
from bot.policy import Policy
from bot.ports import Unit
from bot.support import content_words, coverage
from bot.texts import Texts

MAX_ANSWER_CHARS = 8_000
MAX_QUOTED_CHARS = 300
FEW_WORDS = 5
RESEMBLING_FROM = 0.25
"""Least share of a new answer's content that the present one has, for it to count as its new version."""


@dataclass(frozen=True)
class Capturing:
    policy: Policy
    texts: Texts

    # --- reactions -----------------------------------------------------------------------------------------------

    def react(self, unit: Unit, event: Reacted) -> list[Outgoing]:
        """A gesture on one of the bot's answers; anything else on anything else means nothing."""
        gesture = self.policy.emoji.get(event.emoji)
        posted = unit.answers.at(event.message)
        if gesture is None or posted is None or posted.retracted:
            return []
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
        return [self._offer(event, posted.answer.id, text, may_say_why=gesture is Gesture.REJECT)]

    def _by_others(self, event: Reacted, gesture: Gesture, posted: PostedAnswer) -> list[Outgoing]:
        """Customers teach nothing, but may say what was the matter."""
        if gesture is Gesture.CORRECT:
            return [self._notice(event, self.texts.not_agent)]
        return [ask_why(event, posted.answer.id, self.texts)] if gesture is Gesture.REJECT else []

    def _approve(self, unit: Unit, event: Reacted, posted: PostedAnswer) -> list[Outgoing]:
        """A trusted ✅ on a known answer adds the asker's phrasing; on a generated one it makes it known."""
        answer = posted.answer
        if answer.kind is AnswerKind.KNOWN and answer.fact is not None:
            origin = rating_origin(answer.id, event.person)
            unit.lessons.add_phrasing(Phrasing(fact=answer.fact, text=answer.question, origin=origin))
        elif answer.kind is AnswerKind.GROUNDED:
            self._approve_generated(unit, event, answer)
        else:
            return []
        return [self._notice(event, self.texts.noted_approval.format(name=event.person.name))]

    def _approve_generated(self, unit: Unit, event: Reacted, answer: Answer) -> None:
        for lesson in unit.lessons.about(answer.id):
            if lesson.source is LessonSource.APPROVAL and lesson.author == event.person.key:
                unit.lessons.restore(lesson.id)
                unit.audit.add(event.person.key, "taught again", lesson.id, event.at)
                return
        lesson = self._lesson(answer.question, answer.text, event.person, LessonSource.APPROVAL, event.at, answer.id)
        self._keep(unit, lesson)

    def _take_back(self, unit: Unit, event: Reacted, rating: Rating) -> list[Outgoing]:
        """A reaction taken away takes back what it brought: the rating, a phrasing, or an approved answer."""
        unit.ratings.remove(rating)
        if rating.gesture is not Gesture.APPROVE or not rating.trusted:
            return []
        unit.lessons.withdraw_phrasings(rating_origin(rating.answer, event.person), event.at)
        for lesson in unit.lessons.about(rating.answer):
            if lesson.source is LessonSource.APPROVAL and lesson.author == event.person.key:
                unit.lessons.withdraw(lesson.id, event.at)
                unit.audit.add(event.person.key, "took back", lesson.id, event.at)
        return [self._notice(event, self.texts.withdrawn)]

    # --- the correction form ---------------------------------------------------------------------------------------

    def form(self, unit: Unit, answer: AnswerId, person: Person) -> CorrectionForm:
        """What the form shows. Raises NotAllowed for anyone but agents, BadInput for an answer that is gone."""
        posted = self._correctable(unit, answer, person)
        return CorrectionForm(
            answer=answer,
            title=self.texts.form_title,
            question_label=self.texts.form_question,
            question=posted.answer.question,
            answer_label=self.texts.form_answer,
            text=posted.answer.text if posted.answer.kind in (AnswerKind.KNOWN, AnswerKind.GROUNDED) else "",
            submit_label=self.texts.form_submit,
        )

    def correct(self, unit: Unit, event: CorrectionSubmitted, same: FactId | None) -> list[Outgoing]:
        """Take the lesson. What was wrong with it is told to its author, and changes nothing.

        `same` is the known fact that the question means, if the router is sure of one.
        """
        try:
            posted = self._correctable(unit, event.answer, event.person)
            self.check(event.question, event.text)
        except (NotAllowed, BadInput) as refusal:
            return [self._notice(event, str(refusal))]
        fact = self._corrected_before(unit, event.answer) or self._fact_meant(
            unit, posted.answer.fact or same, event.question, event.text
        )
        lesson = self._lesson(
            event.question, event.text, event.person, _source(event), event.at, event.answer, fact, event.said_in
        )
        self._keep(unit, lesson, "" if posted.retracted else posted.answer.question)
        receipt = self.texts.noted.format(
            name=event.person.name, question=_quote(event.question), answer=_quote(event.text)
        )
        return [Notice(place=posted.place, text=receipt)]

    def check(self, question: str, answer: str) -> None:
        """Raises BadInput for a lesson that is empty or too long."""
        if not question.strip() or not answer.strip():
            raise BadInput(self.texts.empty_lesson)
        for text in (question, answer):
            if len(text) > MAX_ANSWER_CHARS:
                raise BadInput(self.texts.too_long.format(limit=MAX_ANSWER_CHARS, length=len(text)))

    def teach(
        self, unit: Unit, question: str, answer: str, author: Person, at: datetime, same: FactId | None
    ) -> Lesson:
        """The operator's direct way: trusted at once. Raises BadInput."""
        self.check(question, answer)
        fact = self._fact_meant(unit, same, question, answer)
        lesson = self._lesson(question, answer, author, LessonSource.TAUGHT, at, None, fact)
        self._keep(unit, lesson)
        return lesson

    # --- choices ---------------------------------------------------------------------------------------------------

    def learn_from_choice(self, unit: Unit, answer: Answer, fact: FactId, person: Person) -> None:
        """A click on "did you mean" says what the question meant; an agent's click is trusted with it."""
        if self._is_agent(person):
            origin = f"choice:{answer.id}:{person.key}"
            unit.lessons.add_phrasing(Phrasing(fact=fact, text=answer.question, origin=origin))

    def fact(self, unit: Unit, fact: FactId) -> Fact | None:
        facts = facts_of(unit.lessons.all([fact]), unit.lessons.phrasings([fact]))
        return facts[0] if facts else None

    # --- parts -----------------------------------------------------------------------------------------------------

    def _is_agent(self, person: Person) -> bool:
        return self.policy.staff.role_of(person) >= Role.AGENT

    def _correctable(self, unit: Unit, answer: AnswerId, person: Person) -> PostedAnswer:
        if not self._is_agent(person):
            raise NotAllowed(self.texts.not_agent)
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

        One that has this very answer; else the likely one, which was served or which the router is sure of, if the
        lesson reads as its new version. It may also have been mistaken for it, and must not take its place then.
        """
        for lesson in unit.lessons.saying(answer.strip()):
            known = self.fact(unit, lesson.fact)
            if known is not None and known.lesson.answer == lesson.answer:
                return known.id
        known = self.fact(unit, likely) if likely is not None else None
        return known.id if known is not None and is_new_version(known, question, answer) else None

    @staticmethod
    def _lesson(
        question: str, answer: str, author: Person, source: LessonSource, at: datetime,
        about: AnswerId | None, fact: FactId | None = None, said_in: MessageRef | None = None,
    ) -> Lesson:  # fmt: skip
        return Lesson(
            id=LessonId(new_id()), fact=fact or FactId(new_id()), question=question.strip(), answer=answer.strip(),
            author=author.key, author_name=author.name, source=source, taught_at=at, about=about,
            said_in=said_in.key if said_in is not None else None,
        )  # fmt: skip

    @staticmethod
    def _keep(unit: Unit, lesson: Lesson, asked: str = "") -> None:
        """Keep the lesson with its phrasings: its own question, and the asker's words when they differ."""
        unit.lessons.add(lesson)
        unit.audit.add(lesson.author, f"taught ({lesson.source})", lesson.id, lesson.taught_at)
        for text in dict.fromkeys((lesson.question, asked.strip())):
            if text:
                unit.lessons.add_phrasing(Phrasing(fact=lesson.fact, text=text, origin=lesson.id))

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
    if any(_same_words(question, phrasing) for phrasing in fact.phrasings):
        return True
    few = len(set(content_words(answer))) < FEW_WORDS
    return few or coverage(answer, fact.lesson.answer) >= RESEMBLING_FROM


def _same_words(question: str, phrasing: str) -> bool:
    words = set(content_words(question))
    return words == set(content_words(phrasing)) if words else question.strip() == phrasing.strip()


def _source(event: CorrectionSubmitted) -> LessonSource:
    return LessonSource.CORRECTION if event.said_in is None else LessonSource.REPLY


def rating_origin(answer: AnswerId, person: Person) -> str:
    """What a phrasing that a ✅ brought is filed under."""
    return f"rating:{answer}:{person.key}"


def _quote(text: str) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= MAX_QUOTED_CHARS else f"{folded[:MAX_QUOTED_CHARS]}…"
