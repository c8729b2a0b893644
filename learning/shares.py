"""How much of what an adapter learns comes from one teacher: capped, and told.

One account that was taken over, or whose owner means harm, can then be at most half of what a training sees; the cap
says nothing of what is in its lessons. Knows nothing of trust (`bot/trust.py`), which comes first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.feedback import Fact, LessonSource
from bot.ids import FactId

MIN_TEACHERS = 3
"""In a team of two, one of them teaches half or more as a matter of course."""
MOST = 0.5
DOMINATES = 0.4
OPERATOR = "cli:"
TOLD = "{name} taught {percent:.0f} % of the lessons that it was trained on."


@dataclass(frozen=True, order=True)
class Teacher:
    """Somebody's key, which is theirs alone; the name is what they chose, and others may choose the same."""

    author: str
    name: str = field(compare=False)

    def __str__(self) -> str:
        return self.name


def capped(facts: Sequence[Fact]) -> list[Fact]:
    """The facts without the latest of whoever taught more than all others together. They are served all the same."""
    counts = _counts(facts)
    if len(counts) < MIN_TEACHERS:
        return list(facts)
    author, count = counts.most_common(1)[0]
    others = len(facts) - count
    if count <= MOST * len(facts):
        return list(facts)
    theirs = sorted((fact for fact in facts if fact.lesson.author == author), key=lambda fact: fact.lesson.taught_at)
    dropped = {fact.id for fact in theirs[others:]}
    return [fact for fact in facts if fact.id not in dropped]


def told(facts: Sequence[Fact]) -> tuple[str, ...]:
    """Who dominates what is trained on, in words; nothing where that can't be helped."""
    counts = _counts(facts)
    if len(counts) < MIN_TEACHERS:
        return ()
    names = {fact.lesson.author: fact.lesson.author_name or fact.lesson.author for fact in facts}
    shares = [(names[author], count / len(facts)) for author, count in counts.most_common()]
    return tuple(TOLD.format(name=name, percent=100 * share) for name, share in shares if share >= DOMINATES)


def teachers_of(facts: Sequence[Fact]) -> Mapping[FactId, Teacher]:
    """Who taught each fact, in a team of several; without what the operator typed in or loaded."""
    taught = [fact for fact in facts if fact.lesson.source is not LessonSource.FAQ]
    counts = _counts(taught)
    teachers = {
        fact.id: Teacher(fact.lesson.author, fact.lesson.author_name or fact.lesson.author)
        for fact in taught
        if fact.lesson.author in counts
    }
    return teachers if len(counts) >= MIN_TEACHERS else {}


def _counts(facts: Sequence[Fact]) -> Counter[str]:
    """Lessons by teacher; what the operator types in at the machine is trusted."""
    return Counter(fact.lesson.author for fact in facts if not fact.lesson.author.startswith(OPERATOR))
