"""Lessons that wait: who sees them, who decides, and who is told. Every function runs inside one transaction."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import PurePath

from bot.answers import PostedAnswer
from bot.contradicting import Contradiction, in_doubt
from bot.erasure import FORGOTTEN
from bot.errors import BadInput, NotAllowed
from bot.events import Place
from bot.feedback import Hold, Lesson, LessonSource, Ruling, facts_of
from bot.holding import CHANGES_A_DAY, Holding
from bot.ids import Tenant
from bot.outgoing import Notice, Outgoing
from bot.people import Person, Platform
from bot.policy import Policy
from bot.ports import Unit
from bot.shortening import shorten
from bot.texts import Texts
from bot.trust import Trust

ADMINS_AT = "admins_at"
"""Where an admin last gave a command: what only admins need to know is told there; a workspace's own to its own."""
SHORT_ID = 8
SHOWN = 20
FINAL = frozenset({Hold.DISPUTED, Hold.DROPPED, Hold.BURST})
"""What a second agent can't settle."""


@dataclass(frozen=True)
class Reviewing:
    policy: Policy
    texts: Texts

    @cached_property
    def holding(self) -> Holding:
        return Holding(self.policy)

    # --- what is held ----------------------------------------------------------------------------------------------

    def hold(self, unit: Unit, lesson: Lesson, reason: Hold, place: Place) -> Notice:
        """Keep a lesson that was just added from use; the receipt, on which another agent may put a ✅."""
        unit.lessons.hold(lesson.id, reason, lesson.taught_at)
        text = self.texts.held.format(
            name=lesson.author_name, reason=self.because(reason), question=shorten(lesson.question),
            answer=shorten(lesson.answer), id=short(lesson), who=self._who_decides(reason),
        )  # fmt: skip
        return Notice(place=place, text=text, lesson=lesson.id)

    def describe(self, unit: Unit, of: Tenant | None = None) -> str:
        """All that waits (of a workspace), oldest first, with reasons: what is held, what is in doubt since its help
        page has changed, and what contradicts one."""
        waiting = (*unit.lessons.held(), *doubted(unit))
        lines = [self._line(lesson) for lesson in waiting if of in (None, lesson.tenant)]
        against = self.contradicting(unit)
        lines += [self._doubt_line(lesson, found) for lesson, found in against if of in (None, lesson.tenant)]
        more = [self.texts.held_more.format(count=len(lines) - SHOWN)] if len(lines) > SHOWN else []
        return "\n".join([*lines[:SHOWN], *more]) or self.texts.nothing_held

    def contradicting(self, unit: Unit) -> list[tuple[Lesson, Contradiction]]:
        """Lessons that are used, and not trained on until an admin has confirmed them; oldest first."""
        lessons = [fact.lesson for fact in facts_of(unit.lessons.all(), []) if fact.lesson.contradicts is not None]
        found = in_doubt(lessons, unit.documents.sections()) if lessons else {}
        return [(lesson, found[lesson.id]) for lesson in lessons if lesson.id in found]

    def because(self, reason: Hold) -> str:
        return {
            Hold.BURST: self.texts.held_burst.format(limit=self.policy.lessons_an_hour),
            Hold.DROPPED: self.texts.held_dropped,
            Hold.UNTRUSTED: self.texts.held_untrusted,
            Hold.NEWCOMER: self.texts.held_newcomer,
            Hold.SAME_AS_HELD: self.texts.held_same,
            Hold.OVERRULES: self.texts.held_overrules,
            Hold.CONFIRMED: self.texts.held_confirmed.format(limit=CHANGES_A_DAY),
            Hold.DISPUTED: self.texts.held_disputed,
            Hold.UNRELATED: self.texts.held_unrelated,
            Hold.CORRECTED: self.texts.held_corrected,
        }[reason]

    def _line(self, lesson: Lesson) -> str:
        page = PurePath(lesson.doubted_by).name
        reason = self.because(lesson.held) if lesson.held is not None else self.texts.doubted.format(page=page)
        return self.texts.held_line.format(
            id=short(lesson), question=shorten(lesson.question), answer=shorten(lesson.answer), name=lesson.author_name,
            date=f"{lesson.taught_at:%Y-%m-%d %H:%M}", reason=reason,
        )  # fmt: skip

    def _doubt_line(self, lesson: Lesson, against: Contradiction) -> str:
        return self.texts.doubt_line.format(
            id=short(lesson), question=shorten(lesson.question), answer=shorten(lesson.answer), name=lesson.author_name,
            date=f"{lesson.taught_at:%Y-%m-%d %H:%M}", title=against.section.label, text=shorten(against.sentence),
        )  # fmt: skip

    def _who_decides(self, reason: Hold) -> str:
        return self.texts.held_for_admin if reason in FINAL else self.texts.held_for_colleague

    # --- decisions -------------------------------------------------------------------------------------------------

    def accept(self, unit: Unit, id: str, by: Person, at: datetime, of: Tenant | None = None) -> list[Outgoing]:
        """Use a held lesson from now on; say that one is right though its help page has changed; or train on one that
        contradicts a help page. Raises BadInput, and NotAllowed for an agent who may not settle it."""
        lesson = self._find(unit, id, of)
        if lesson.held is not None:
            return self.agree(unit, lesson, by, at)
        if lesson.doubted_by:
            unit.lessons.doubt(lesson.id, "")
            return []
        if not self.holding.is_exempt(by):
            raise NotAllowed(self.texts.doubt_for_admin)
        unit.lessons.rule(lesson.id, Ruling.ACCEPTED, by.key)
        return self._decided(unit, lesson, self.texts.confirmed_against, by)

    def agree(self, unit: Unit, lesson: Lesson, by: Person, at: datetime) -> list[Outgoing]:
        """Raises NotAllowed for the teacher, and for an agent whose word is not enough."""
        if not self._may_settle(unit, lesson, by, at):
            raise NotAllowed(self.texts.not_enough)
        unit.lessons.release(lesson.id, at)
        unit.lessons.rule(lesson.id, Ruling.ACCEPTED, by.key)
        posted = unit.answers.get(lesson.about) if lesson.about is not None else None
        if posted is not None and posted.retracted:  # its question was deleted meanwhile: the asker's words stay out
            unit.lessons.withdraw_heard(posted.answer.id, posted.answer.question, at)
        return self._decided(unit, lesson, self.texts.accepted, by)

    def drop(
        self, unit: Unit, id: str, by: Person, at: datetime, of: Tenant | None = None
    ) -> tuple[str, list[Outgoing]]:
        """Never use a lesson that waits, or no more one that is in use: what whoever did is told, and the teacher. What
        was taught before it holds again. Raises BadInput."""
        lesson = self._find(unit, id, of) if self._waiting(unit, id, of) else self._in_use(unit, id, of)
        if lesson.held is None:
            unit.lessons.withdraw(lesson.id, at)
            unit.audit.add(by.key, "dropped", lesson.id, at)
        unit.lessons.rule(lesson.id, Ruling.DROPPED, by.key)
        before = facts_of(unit.lessons.all([lesson.fact]), ()) if lesson.held is None else []
        told = [self.texts.dropped_by_you]
        told += [
            self.texts.dropped_to.format(name=each.lesson.author_name, answer=shorten(each.lesson.answer))
            for each in before
        ]
        return " ".join(told), self._decided(unit, lesson, self.texts.dropped, by, to_all=lesson.held is None)

    def same_again(self, unit: Unit, lesson: Lesson, by: Person, at: datetime) -> list[Outgoing]:
        """Another teacher's same answer, which is used, settles the held ones of its fact."""
        said: list[Outgoing] = []
        for held in unit.lessons.kept_back(lesson.answer):
            if held.fact == lesson.fact and held.held is not None and self._may_settle(unit, held, by, at):
                said += self.agree(unit, held, by, at)
        return said

    def _may_settle(self, unit: Unit, lesson: Lesson, by: Person, at: datetime) -> bool:
        if self.holding.is_exempt(by):
            return True
        is_final = by.key == lesson.author or lesson.held in FINAL
        return not is_final and self.holding.may_settle(unit, lesson, by, at)

    def _find(self, unit: Unit, id: str, of: Tenant | None) -> Lesson:
        found = self._waiting(unit, id, of)
        if len(found) != 1:
            raise BadInput(self.texts.unknown_held.format(id=id))
        return found[0]

    def _waiting(self, unit: Unit, id: str, of: Tenant | None) -> list[Lesson]:
        waiting = [*unit.lessons.held(), *doubted(unit), *(lesson for lesson, _ in self.contradicting(unit))]
        return _called(id, waiting, of)

    def _in_use(self, unit: Unit, id: str, of: Tenant | None) -> Lesson:
        """Named in full: a slip of the finger must not take a good lesson away. An entry of a file is its file's."""
        used = [
            each for each in unit.lessons.all() if each.withdrawn_at is None and each.source is not LessonSource.FAQ
        ]
        found = _called(id, used, of) if len(id.strip()) >= SHORT_ID else []
        if len(found) != 1:
            raise BadInput(self.texts.unknown_lesson.format(id=id))
        return found[0]

    def _decided(self, unit: Unit, lesson: Lesson, text: str, by: Person, *, to_all: bool = False) -> list[Outgoing]:
        """Tell the teacher, where the lesson was given; and everybody there, if it was told to them that it is used."""
        posted = unit.answers.get(lesson.about) if lesson.about is not None else None
        if posted is None or lesson.author == FORGOTTEN:
            return []
        told = text.format(name=lesson.author_name, question=shorten(lesson.question), by=by.name or by.id)
        to = None if to_all else Person.of_key(lesson.author, lesson.author_name)
        return [Notice(place=posted.place, text=told, to=to)]

    # --- what a colleague corrected -------------------------------------------------------------------------------

    def set_aside(self, unit: Unit, lesson: Lesson, posted: PostedAnswer) -> list[Outgoing]:
        """Hold the lesson that the bot had answered with, if this one, which is used, leaves it with nobody behind it.

        It may have been right, and the question mistaken for its own: a ✅ brings it back.
        """
        confirmed = posted.answer.confirmation
        said = unit.lessons.get(confirmed.lesson) if confirmed is not None else None
        if said is None or not self.holding.is_corrected_away(unit, said, lesson):
            return []
        unit.lessons.hold(said.id, Hold.CORRECTED, lesson.taught_at)
        text = self.texts.set_aside.format(
            name=said.author_name, question=shorten(said.question), answer=shorten(said.answer), by=lesson.author_name,
            id=short(said),
        )  # fmt: skip
        return [Notice(place=posted.place, text=text, lesson=said.id)]

    # --- who falls into disrepute ----------------------------------------------------------------------------------

    def fall(self, unit: Unit, at: datetime, place: Place) -> list[Outgoing]:
        """Hold what people that are not believed any more have taught and nobody else confirmed."""
        if self.policy.trust_from <= 0:
            return []
        trust = self.holding.trust(unit)
        said: list[Outgoing] = []
        for teacher in sorted(trust.lower):
            if trust.is_low(teacher):
                said += self._fell(unit, teacher, trust, at, place)
        return said

    def _fell(self, unit: Unit, teacher: str, trust: Trust, at: datetime, place: Place) -> list[Outgoing]:
        taught = unit.lessons.by(teacher)
        doubted = [each for each in taught if each.ruling is None and not trust.is_confirmed(each)]
        for lesson in doubted:
            unit.lessons.hold(lesson.id, Hold.UNTRUSTED, at)
        if not doubted:
            return []
        newest = doubted[-1]
        posted = unit.answers.get(newest.about) if newest.about is not None else None
        told = self.texts.fell.format(name=newest.author_name, count=len(doubted))
        where, admin = admins_at(unit, self.policy.within(place)) or (place, None)
        news = self.texts.fell_admins.format(name=newest.author_name, count=len(doubted))
        outgoing: list[Outgoing] = [Notice(place=where, text=news, to=admin)]
        if teacher != FORGOTTEN:
            person = Person.of_key(teacher, newest.author_name)
            outgoing.append(Notice(place=posted.place if posted is not None else place, text=told, to=person))
        return outgoing


def remember_admin(unit: Unit, person: Person, place: Place, of: Tenant | None = None) -> None:
    """Keep where an admin can be told something: of a workspace, or of the whole bot."""
    unit.flags.set(_flag(of), json.dumps({"place": asdict(place), "id": person.id, "name": person.name}))


def admins_at(unit: Unit, of: Tenant | None = None) -> tuple[Place, Person] | None:
    kept = unit.flags.get(_flag(of))
    if kept is None:
        return None
    values = json.loads(kept)
    place = Place(**{**values["place"], "platform": Platform(values["place"]["platform"])})
    return place, Person(place.platform, values["id"], values["name"])


def _flag(of: Tenant | None) -> str:
    return f"{ADMINS_AT}:{of}" if of else ADMINS_AT


def doubted(unit: Unit) -> list[Lesson]:
    """What is said now though the help page that bore it out has changed, oldest first."""
    marked = unit.lessons.doubted()
    said = facts_of(unit.lessons.all([lesson.fact for lesson in marked]), ()) if marked else []
    return [lesson for lesson in marked if any(fact.lesson.id == lesson.id for fact in said)]


def _called(id: str, lessons: Sequence[Lesson], of: Tenant | None) -> list[Lesson]:
    wanted = id.strip().lower()
    return [each for each in lessons if wanted and each.id.endswith(wanted) and of in (None, each.tenant)]


def short(lesson: Lesson) -> str:
    """What a lesson is called in commands: the end of its id, which is random."""
    return lesson.id[-SHORT_ID:]
