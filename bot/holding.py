"""Which lessons wait for a second pair of eyes, and why: one rule for each reason. Knows nothing of what is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from bot.access import Deed
from bot.erasure import FORGOTTEN
from bot.feedback import Fact, Hold, Lesson, LessonSource, Ruling
from bot.ids import FactId
from bot.people import Person
from bot.policy import Policy
from bot.ports import Unit
from bot.support import same_words
from bot.trust import PROVEN_AFTER, Records, Trust, of_shared, weigh

Near = Mapping[FactId, float]
"""Facts that a question may mean, with memory's probabilities."""

RELATED_FROM = 0.02
"""Least probability that a question means a fact at which the fact's answer to it is no surprise."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHANGES_A_DAY = 3
"""So many answers on which colleagues agree may one agent change in a day, by teaching or by agreeing with who does,
however good the record: whoever turns, or whose account is taken over, is believed as long as nobody complains."""


@dataclass(frozen=True)
class Holding:
    policy: Policy

    def trust(self, unit: Unit) -> Trust:
        """Who is believed, from all that is kept."""
        opinions = [*unit.teaching.opinions(), *of_shared(unit.teaching.shared())]
        proven = unit.teaching.proven(PROVEN_AFTER)
        doubted = sorted({opinion.lesson for opinion in opinions if not opinion.agrees})
        people = {*proven, *(person for opinion in opinions for person in (opinion.teacher, opinion.witness))}
        surely = frozenset(person for person in people if self._is_known_exempt(person))
        records = Records(opinions, unit.teaching.served(doubted), proven, surely)
        return weigh(records, self.policy.trust_from)

    def is_exempt(self, person: Person) -> bool:
        return self.policy.staff.may(person, Deed.DECIDE)

    def reason(self, unit: Unit, lesson: Lesson, teacher: Person, taken_for: Fact | None, near: Near) -> Hold | None:
        """Why the lesson has to wait; None: it is used at once.

        `taken_for` is the fact that was served, or that memory is sure of. Of an admin or the operator nothing is held.
        """
        if self.is_exempt(teacher):
            return None
        if self.is_burst(unit, lesson, teacher):
            return Hold.BURST
        if self.policy.trust_from <= 0:
            return None
        known = unit.lessons.kept_back(lesson.answer)
        if any(each.ruling is Ruling.DROPPED and _is_same(each, lesson) for each in known):
            return Hold.DROPPED
        if not self._colleagues(unit, teacher):
            return None
        return self._doubted(unit, lesson, teacher, taken_for, near)

    def _doubted(self, unit: Unit, lesson: Lesson, teacher: Person, taken_for: Fact | None, near: Near) -> Hold | None:
        """The reasons that need colleagues: who is believed, and who says otherwise."""
        kept_back = [each for each in unit.lessons.kept_back(lesson.answer) if each.held is not Hold.BURST]
        versions = [each for each in unit.lessons.all([lesson.fact]) if each.withdrawn_at is None]
        trust = self.trust(unit)
        if trust.is_low(teacher.key):
            return Hold.UNTRUSTED
        if is_disputed(lesson, versions, trust):
            return Hold.DISPUTED
        if self._changes_many(unit, lesson, trust):
            return Hold.CONFIRMED
        if trust.is_good(teacher.key):
            return None
        if trust.is_newcomer(teacher.key):
            return Hold.NEWCOMER
        if not trust.may_confirm(teacher.key) and any(each.author != teacher.key for each in kept_back):
            return Hold.SAME_AS_HELD
        if _overrules(lesson, versions, taken_for, trust):
            return Hold.OVERRULES
        return Hold.UNRELATED if self._is_unrelated(unit, lesson, versions, near) else None

    @staticmethod
    def _changes_many(unit: Unit, lesson: Lesson, trust: Trust) -> bool:
        """True for one more change than a day's share of answers that others stand behind."""
        is_change = _is_against_colleagues(unit, lesson, trust)
        return is_change and _changes(unit, lesson.author, lesson.taught_at, trust) >= CHANGES_A_DAY

    def may_settle(self, unit: Unit, lesson: Lesson, by: Person, at: datetime) -> bool:
        """True when an agent's agreement is a second opinion of its own on a colleague's lesson that is held."""
        trust = self.trust(unit)
        if not trust.may_confirm(by.key) or not trust.are_independent(by.key, lesson.author):
            return False
        return lesson.held is not Hold.CONFIRMED or _changes(unit, by.key, at, trust) < CHANGES_A_DAY

    def is_corrected_away(self, unit: Unit, said: Lesson, lesson: Lesson) -> bool:
        """True when nobody who is believed stands behind what was said, and a colleague's lesson answers otherwise in a
        fact of its own. One in the same fact takes its place anyway."""
        is_theirs = said.author != lesson.author and said.source is not LessonSource.FAQ and said.ruling is None
        stands = said.withdrawn_at is None and said.fact != lesson.fact and said.answer != lesson.answer
        if self.policy.trust_from <= 0 or not (is_theirs and stands) or self._is_known_exempt(said.author):
            return False
        trust = self.trust(unit)
        return not trust.is_good(said.author) and not trust.is_confirmed(said)

    def is_burst(self, unit: Unit, lesson: Lesson, teacher: Person) -> bool:
        """True when the teacher has had an hour's share already."""
        if lesson.source is LessonSource.APPROVAL:
            return self.is_burst_of_approvals(unit, teacher, lesson.taught_at)
        since, most = lesson.taught_at - HOUR, self.policy.lessons_an_hour
        return 0 < most <= unit.lessons.corrections(lesson.author, since)

    def is_burst_of_approvals(self, unit: Unit, person: Person, at: datetime) -> bool:
        """The same for ✅, the one that was just given among them."""
        return 0 < self.policy.lessons_an_hour < unit.ratings.approvals(person.key, at - HOUR)

    def is_believed(self, unit: Unit, person: Person) -> bool:
        """True for whoever may say what a question means."""
        return self.policy.trust_from <= 0 or self.is_exempt(person) or not self.trust(unit).is_low(person.key)

    def _colleagues(self, unit: Unit, teacher: Person) -> set[str]:
        """Other agents that have taught. Where there are none, nobody could disagree, and nobody could agree."""
        others = set(unit.teaching.teachers()) - {teacher.key, FORGOTTEN}
        return {person for person in others if not self._is_known_exempt(person)}

    def _is_known_exempt(self, person: str) -> bool:
        """`person`: `Person.key`, or what stands where somebody was forgotten."""
        return person != FORGOTTEN and self.is_exempt(Person.of_key(person))

    @staticmethod
    def _is_unrelated(unit: Unit, lesson: Lesson, versions: Sequence[Lesson], near: Near) -> bool:
        """True for an answer that stands for another question altogether."""
        if not versions or versions[-1].answer != lesson.answer or near.get(lesson.fact, 0.0) >= RELATED_FROM:
            return False
        asked = [phrasing.text for phrasing in unit.lessons.phrasings([lesson.fact]) if phrasing.withdrawn_at is None]
        return not any(same_words(lesson.question, text) for text in asked)


def is_disputed(lesson: Lesson, versions: Sequence[Lesson], trust: Trust) -> bool:
    """True when the teacher says again what a colleague had corrected, and has no better record than the colleague; or
    says so a third time, whoever it is. Oldest version first."""
    if not versions or versions[-1].author == lesson.author or versions[-1].answer == lesson.answer:
        return False
    said_before = any((each.author, each.answer) == (lesson.author, lesson.answer) for each in versions)
    times = sum(answer == lesson.answer for answer, _ in groupby(each.answer for each in versions))
    return said_before and (times > 1 or trust.of(lesson.author) <= trust.of(versions[-1].author))


def _overrules(lesson: Lesson, versions: Sequence[Lesson], taken_for: Fact | None, trust: Trust) -> bool:
    """True when somebody with a good record answers it otherwise: in this fact, or, where the lesson begins a new one,
    in the fact that was taken for it."""
    present = versions[-1] if versions else (taken_for.lesson if taken_for is not None else None)
    if present is None or present.source is LessonSource.FAQ:
        return False
    return present.author != lesson.author and present.answer != lesson.answer and trust.is_good(present.author)


def _is_against_colleagues(unit: Unit, lesson: Lesson, trust: Trust) -> bool:
    """True when a colleague has answered it otherwise, and somebody else who is believed has agreed with that."""
    before = _overruled(unit, lesson)
    if before is None or before.source is LessonSource.FAQ or before.author == lesson.author:
        return False
    others = trust.supporters.get(before.id, frozenset()) - {lesson.author}
    return before.answer != lesson.answer and any(not trust.is_low(person) for person in others)


def _changes(unit: Unit, person: str, at: datetime, trust: Trust) -> int:
    """The answers on which others agree that somebody has changed within a day, also by agreeing with who did."""
    theirs = [*unit.lessons.by(person), *unit.lessons.accepted_by(person)]
    return sum(each.taught_at > at - DAY and _is_against_colleagues(unit, each, trust) for each in theirs)


def _overruled(unit: Unit, lesson: Lesson) -> Lesson | None:
    """What the lesson takes the place of: the version before it, or else the lesson that was served to the asker."""
    versions = [each for each in unit.lessons.all([lesson.fact]) if each.taught_at < lesson.taught_at]
    versions = [each for each in versions if each.withdrawn_at is None]
    if versions:
        return versions[-1]
    posted = unit.answers.get(lesson.about) if lesson.about is not None else None
    served = posted.answer.confirmation if posted is not None else None
    return unit.lessons.get(served.lesson) if served is not None else None


def _is_same(known: Lesson, lesson: Lesson) -> bool:
    return known.answer == lesson.answer and (known.fact == lesson.fact or same_words(known.question, lesson.question))
