"""“It has changed”: an agent says that a correction, which was taken for the answer to another question, is the new
version of what the bot had said. Runs inside one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.access import Deed, refusal
from bot.buttons import Act, Button
from bot.capturing import Capturing
from bot.errors import BadInput, NotAllowed, PersonError
from bot.events import ButtonPressed, CorrectionSubmitted
from bot.feedback import Amended, Fact, Lesson
from bot.ids import AnswerId, LessonId
from bot.outgoing import Notice, Offer, Outgoing
from bot.ports import Unit
from bot.shortening import shorten


@dataclass(frozen=True)
class Replacing:
    capturing: Capturing

    def offer(self, unit: Unit, event: CorrectionSubmitted) -> list[Outgoing]:
        """The button, for whoever corrected what the bot had said, and whose correction left that as it is."""
        served = self._served(unit, event.answer)
        told = (event.person.key, event.text.strip())
        about = [each for each in unit.lessons.about(event.answer) if each.withdrawn_at is None]
        taught = [lesson for lesson in about if (lesson.author, lesson.answer) == told]  # none where it was refused
        if served is None or not taught or served.id in {lesson.fact for lesson in taught}:
            return []
        texts = self.capturing.texts
        return [
            Offer(
                place=event.place, in_reply_to=event.id, to=event.person,
                text=texts.noted_apart.format(question=shorten(served.lesson.question)),
                buttons=(Button(texts.noted_apart_button, Act.REPLACE, taught[-1].id),),
            )
        ]  # fmt: skip

    def press(self, unit: Unit, event: ButtonPressed) -> Sequence[Outgoing]:
        """Teach the same as the new version of what was said. Where that is held, the correction stays what it was."""
        try:
            lesson, answer, served = self._pressable(unit, event)
        except PersonError as problem:
            return [Notice(place=event.place, in_reply_to=event.id, text=str(problem), to=event.person)]
        unit.lessons.amended(lesson.id, Amended.TAKEN_BACK)  # nobody is told so: it goes on being right
        unit.lessons.withdraw(lesson.id, event.at)
        again = CorrectionSubmitted(
            id=event.id, place=event.place, person=event.person, at=event.at, answer=answer,
            question=served.lesson.question, text=lesson.answer,
        )  # fmt: skip
        told = self.capturing.correct(unit, again, {})
        now = self.capturing.fact(unit, served.id)
        if now is None or now.lesson.answer != lesson.answer:
            unit.lessons.restore(lesson.id)
        return told

    def _pressable(self, unit: Unit, event: ButtonPressed) -> tuple[Lesson, AnswerId, Fact]:
        """Raises NotAllowed, BadInput."""
        texts = self.capturing.texts
        if not self.capturing.policy.staff.may(event.person, Deed.TEACH):
            raise NotAllowed(refusal(event.person, texts.not_agent, texts))
        lesson = unit.lessons.get(LessonId(event.about))
        if lesson is None or lesson.about is None or lesson.withdrawn_at is not None:
            raise BadInput(texts.nothing_to_replace)
        served = self._served(unit, lesson.about)
        if served is None or served.id == lesson.fact:
            raise BadInput(texts.nothing_to_replace)
        return lesson, lesson.about, served

    def _served(self, unit: Unit, answer: AnswerId) -> Fact | None:
        """What the bot had said, if it is known still."""
        posted = unit.answers.get(answer)
        fact = posted.answer.fact if posted is not None else None
        return self.capturing.fact(unit, fact) if fact is not None else None
