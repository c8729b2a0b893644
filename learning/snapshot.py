"""What a run starts from: lessons, the adapter that answers, and the plan, all as they are at one moment.

Knows nothing of how it is trained or judged.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.ids import SHARED, AdapterId, FactId, Tenant
from bot.lineage import RetrainPlan
from bot.ports import Clock, Store, Unit
from learning.course import Course
from learning.dataset import Dataset
from learning.planning import Known, Speed, planned, read
from learning.recipe import Recipe
from learning.shares import Teacher, teachers_of, told


@dataclass(frozen=True)
class Snapshot:
    course: Course
    shares: tuple[str, ...]
    """Who dominates it, in words."""
    teachers: Mapping[FactId, Teacher]
    """Who taught which of its facts."""
    champion: AdapterId | None
    taught_before: frozenset[FactId]
    """The facts that it was taught."""
    number: int
    looks: int
    plan: RetrainPlan
    speed: Speed | None
    """None before the first training."""
    tenants: tuple[Tenant, ...]
    """Workspaces whose lessons it will have learned from."""

    @property
    def dataset(self) -> Dataset:
        return self.course.dataset


async def take_snapshot(
    store: Store, of: Tenant | None, recipe: Recipe, base: str, minutes: int, clock: Clock
) -> Snapshot:
    """Read in one transaction, and worked out beside the events: with many lessons that takes minutes.

    `of`: whose lessons; None: everybody's. `base`: the base model's name. `minutes`: at most; 0: no limit.
    """

    def look(unit: Unit) -> tuple[Known, int, int, Sequence[Tenant]]:
        unit = unit.within(of)
        origins = [origin.tenant for origin in unit.documents.origins()]
        return read(unit, recipe, base, clock), unit.adapters.next_number(), unit.runs.looks(), origins

    known, number, looks, origins = await store.run(look)
    course, plan = await asyncio.to_thread(planned, known, recipe, base, minutes)
    learnt = {lesson for lesson, _ in course.dataset.taught}
    before = frozenset(known.live.lessons if known.live is not None else ())
    return Snapshot(
        course=course,
        shares=told([fact for fact in known.facts if fact.lesson.id in learnt]),
        teachers=teachers_of(known.facts),
        champion=known.live.id if known.live is not None else None,
        taught_before=frozenset(lesson.fact for lesson in known.lessons if lesson.id in before),
        tenants=_tenants(known, origins, course),
        number=number,
        looks=looks,
        plan=plan,
        speed=known.speed,
    )


def _tenants(known: Known, origins: Sequence[Tenant], course: Course) -> tuple[Tenant, ...]:
    """Whose lessons it learns from, and whose help pages it reads."""
    ids = frozenset(course.lessons)
    learnt = {lesson.tenant for lesson in known.lessons if lesson.id in ids}
    before = known.live.tenants if known.live is not None and course.start is not None else ()
    return tuple(sorted({*learnt, *before, *origins} - {SHARED}))
