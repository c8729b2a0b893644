"""How far a teacher may be believed: a Beta distribution (Jøsang & Ismail 2002, "The Beta Reputation System").

Each of a teacher's lessons counts once, by the balance of what others have said of it, whose word weighs as much as
they are believed themselves. Folded anew from what is kept anyway, so that nothing can drift from it, and nothing
depends on the order in which things were said. Knows nothing of what follows from it.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from bot.feedback import Lesson
from bot.ids import FactId, LessonId

PRIOR = 4.0
"""An admin made them an agent: that is worth so many agreements."""
TAIL = 0.05
"""Trust is judged by its lower bound: the chance that it is still lower."""
BEFORE_COMPLAINTS = 0.47
"""Lower bound, rounded down, of somebody of whom nothing is known. Who isn't below it is in no disrepute."""
GOOD_FROM = 0.6
"""Least lower bound of a good record: about two to four agreements, and no complaint."""
MOST = 3.0
"""Lessons for which one person's word counts, for and against a colleague."""
PROVEN_AFTER = 3
"""Times that a lesson has to be said, for each complaint and without, until the outcome speaks for it."""
PROVEN = 0.25
"""Agreements that a proven lesson is worth by itself, and complaints that one about it is worth."""
PASSES = 3
"""Rounds in which beliefs and the weights that follow from them settle."""


@dataclass(frozen=True)
class Opinion:
    """What one agent's doing says of another's lesson."""

    lesson: LessonId
    teacher: str
    witness: str
    """`Person.key`, both."""
    agrees: bool
    is_ruling: bool = False
    """Somebody decided so of a held lesson."""


@dataclass(frozen=True)
class Records:
    """All that is kept of how lessons fared."""

    opinions: Collection[Opinion] = ()
    served: Mapping[LessonId, int] = field(default_factory=dict)
    """How often each lesson that somebody disagreed with was said."""
    proven: Mapping[str, int] = field(default_factory=dict)
    """Lessons of each teacher that stand and were said PROVEN_AFTER times."""
    surely: frozenset[str] = frozenset()
    """Admins, as far as their keys tell: they are believed."""


@dataclass(frozen=True)
class Trust:
    """Who is believed."""

    trust_from: float
    lower: Mapping[str, float] = field(default_factory=dict)
    surely: frozenset[str] = frozenset()
    critics: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of each teacher, whose complaints outweigh what was said for the lessons."""
    supporters: Mapping[LessonId, frozenset[str]] = field(default_factory=dict)
    """Of each lesson for which more was said than against it, by whom."""
    agreed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of each teacher, the lessons that each witness stood behind, counted."""

    def of(self, person: str) -> float:
        """Lower bound of the person's trust, in [0, 1]."""
        return 1.0 if person in self.surely else self.lower.get(person, lower_bound(PRIOR, 1.0))

    def is_good(self, person: str) -> bool:
        return self.of(person) >= GOOD_FROM

    def is_low(self, person: str) -> bool:
        """True below the threshold, unless it is one person's word against another's: a critic without a good record
        can't do it alone."""
        least = min(self.trust_from, BEFORE_COMPLAINTS)
        if self.of(person) >= least:
            return False
        critics = [critic for critic in self.critics.get(person, frozenset()) if self.of(critic) >= least]
        return len(critics) > 1 or any(self.is_good(critic) for critic in critics)

    def is_newcomer(self, person: str) -> bool:
        """True without enough of a record, where the operator asks for one and somebody is there who can confirm."""
        return self.of(person) < self.trust_from and any(self.is_good(each) for each in self.lower)

    def may_confirm(self, person: str) -> bool:
        """True when the person's agreement settles a colleague's lesson: a good record, or where nobody has one."""
        nobody_is_good = not any(self.is_good(each) for each in self.lower)
        return self.is_good(person) or (nobody_is_good and not self.is_low(person))

    def are_independent(self, one: str, other: str) -> bool:
        """False for two who are mostly each other's witnesses, beyond what one person's word counts for: they are one
        voice. Where nobody else has a good record, nobody else could be asked."""
        if not any(self.is_good(each) for each in self.lower if each not in (one, other)):
            return True
        return not (self._leans_on(one, other) or self._leans_on(other, one))

    def _leans_on(self, person: str, witness: str) -> bool:
        agreed = self.agreed.get(person, {})
        theirs = agreed.get(witness, 0)
        return theirs > max(MOST, sum(agreed.values()) - theirs)

    def is_confirmed(self, lesson: Lesson) -> bool:
        """True when somebody who is believed stands behind it, too."""
        return any(not self.is_low(person) for person in self.supporters.get(lesson.id, frozenset()))


def weigh(records: Records, trust_from: float) -> Trust:
    """Settle who is believed."""
    trust = Trust(trust_from, surely=records.surely)
    by_lesson: dict[tuple[LessonId, str], set[Opinion]] = defaultdict(set)
    for opinion in records.opinions:
        by_lesson[opinion.lesson, opinion.teacher].add(opinion)
    for _ in range(PASSES):
        trust = _weigh_once(by_lesson, records, trust)
    return trust


def _weigh_once(by_lesson: Mapping[tuple[LessonId, str], set[Opinion]], records: Records, before: Trust) -> Trust:
    gained, lost = _Account(), _Account()
    supporters: dict[LessonId, frozenset[str]] = {}
    for (lesson, teacher), opinions in by_lesson.items():
        pro, con = (_weights(opinions, before, agrees=agrees) for agrees in (True, False))
        said_for, against = math.fsum(pro.values()), math.fsum(con.values())
        against *= _doubt(records.served.get(lesson, 0), len(con))
        if said_for > against:
            supporters[lesson] = frozenset(pro)
            gained.book(teacher, pro, said_for - against)
        else:
            lost.book(teacher, con, against - said_for)
    lower = {
        teacher: lower_bound(
            PRIOR + gained.total(teacher, before) + PROVEN * records.proven.get(teacher, 0),
            1.0 + lost.total(teacher, before),
        )
        for teacher in {*gained.shares, *lost.shares, *records.proven}
    }
    critics = {teacher: frozenset(shares) for teacher, shares in lost.shares.items()}
    agreed = {who: {each: len(of_each) for each, of_each in shares.items()} for who, shares in gained.shares.items()}
    return Trust(before.trust_from, lower, records.surely, critics, supporters, agreed)


def _weights(opinions: Iterable[Opinion], trust: Trust, *, agrees: bool) -> dict[str, float]:
    """Each witness counts once for a lesson."""
    said = [opinion for opinion in opinions if opinion.agrees == agrees]
    return {each.witness: 1.0 if each.is_ruling else trust.of(each.witness) for each in sorted(said, key=_ruling_last)}


def _ruling_last(opinion: Opinion) -> tuple[bool, str]:
    return opinion.is_ruling, opinion.witness


def _doubt(served: int, complaints: int) -> float:
    """How much a complaint counts. What was said often without any is rather out of date than untrue."""
    return PROVEN if served >= PROVEN_AFTER * (1 + complaints) else 1.0


@dataclass
class _Account:
    """What each teacher has from each witness, in lessons."""

    shares: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def book(self, teacher: str, weights: Mapping[str, float], amount: float) -> None:
        total = math.fsum(weights.values())
        if amount > 0 and total > 0:
            of_teacher = self.shares.setdefault(teacher, {})
            for witness, weight in weights.items():
                of_teacher.setdefault(witness, []).append(amount * weight / total)

    def total(self, teacher: str, trust: Trust) -> float:
        shares = self.shares.get(teacher, {})
        return math.fsum(min(math.fsum(each), MOST * trust.of(witness)) for witness, each in shares.items())


def of_shared(lessons: Sequence[Lesson]) -> list[Opinion]:
    """What lessons of the same fact say of each other; given oldest first.

    Each teacher's last word is held against what is answered now: the same is an agreement with everybody who said
    it; another that came before is one that was corrected. A held lesson disagrees with nobody.
    """
    by_fact: dict[FactId, list[Lesson]] = defaultdict(list)
    for lesson in lessons:
        by_fact[lesson.fact].append(lesson)
    return [opinion for of_fact in by_fact.values() for opinion in _of_fact(of_fact)]


def _of_fact(lessons: Sequence[Lesson]) -> Iterable[Opinion]:
    standing = [lesson for lesson in lessons if lesson.withdrawn_at is None]
    if not standing:
        return
    current = standing[-1]
    agreed = {lesson.author for lesson in standing if lesson.answer == current.answer}
    for word in {lesson.author: lesson for lesson in lessons}.values():
        if word.answer == current.answer:
            for witness in agreed - {word.author}:
                yield Opinion(word.id, word.author, witness, agrees=True)
        elif lessons.index(word) < lessons.index(current):
            yield Opinion(word.id, word.author, current.author, agrees=False)


@lru_cache(maxsize=4_096)
def lower_bound(a: float, b: float) -> float:
    """The TAIL quantile of Beta(a, b), to 1e-5, by bisection."""
    low, high = 0.0, 1.0
    while high - low > 1e-5:
        middle = (low + high) / 2
        low, high = (middle, high) if beta_cdf(middle, a, b) < TAIL else (low, middle)
    return low


def beta_cdf(x: float, a: float, b: float) -> float:
    """P(X <= x) for X ~ Beta(a, b): the regularised incomplete beta function, by Lentz's continued fraction
    (Press et al., Numerical Recipes, 6.4)."""
    if not 0 < x < 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 1_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1.0 / (1.0 + term * d), 1.0 + term / c
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-10:
            break
    return front * fraction
