"""How a retraining goes about it: anew, from the starter on everything, or on from the live adapter with what is new.

Anew is better while there is time for it: nothing depends on the order of lessons, and what was taken back is gone.
Knows nothing of how long things take: it is told.
"""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

from bot.feedback import Fact
from bot.ids import AdapterId, FactId, LessonId
from bot.lineage import Adapter
from learning.dataset import Dataset
from learning.examples import Example
from learning.recipe import Recipe

REPLAYED = 1.0
"""Examples of what the adapter knows already, for each new one."""
LEAST_REPLAYED = 64
LEAST_JUDGED = 0.5
"""Of what would judge a training anew, so much must be left to judge one that goes on."""
ANEW = "From the starter adapter, on everything."
TOO_LONG = (
    "It would take about {minutes:.0f} minutes, and MENTEE_TRAINING_MINUTES allows {allowed}. Raise it, lower "
    "MENTEE_TRAINING_EPOCHS, or choose a smaller base model."
)
GOES_ON = (
    "On from {name}, on {new} facts that are new to it and {replayed} examples of what it has learned, since "
    "everything anew would take about {minutes:.0f} minutes, and MENTEE_TRAINING_MINUTES allows {allowed}."
)
NOT_JUDGED = (
    " It is not judged by {count} of the {judged} questions for that, since {name} may have been trained on them."
)
TOO_FEW = "it may have been trained on {count} of the {judged} questions that would judge what goes on from it"
NO_WAY = "Going on from the live adapter is no way out: {problem}."

Minutes = Callable[[Dataset], float]
WasSeen = Callable[[Example], bool]


@dataclass(frozen=True)
class Course:
    dataset: Dataset
    minutes: float
    """Estimated, training and judging."""
    told: str = ANEW
    start: AdapterId | None = None
    """The adapter that training goes on from; None: anew."""
    before: tuple[LessonId, ...] = ()
    """What that one was trained on."""
    questions: tuple[LessonId, ...] = ()
    """The lessons whose questions the new adapter will have been trained on, whichever training it was."""
    too_long: str = ""
    """Why it is no use to start, in words; empty when there is time for it."""

    @property
    def lessons(self) -> tuple[LessonId, ...]:
        """All that the new adapter will have learned from, whichever training it was."""
        return tuple(dict.fromkeys((*self.dataset.lessons, *self.before)))


def choose(
    dataset: Dataset,
    facts: Sequence[Fact],
    standing: Collection[LessonId],
    live: Adapter | None,
    recipe: Recipe,
    base: str,
    allowed: int,
    minutes_of: Minutes,
    was_seen: WasSeen,
) -> Course:
    """Anew within the minutes allowed (0: no limit), else on from the live adapter, if that is possible in them.

    `standing`: the lessons that were not withdrawn. `was_seen`: whether the live adapter may have been trained on what
    would be judged.
    """
    ids = {fact.id for fact in facts}
    anew = _anew(dataset, ids, live, minutes_of, was_seen)
    if not 0 < allowed < anew.minutes:
        return anew
    because = TOO_LONG.format(minutes=anew.minutes, allowed=allowed)
    if (problem := _unfit(standing, live, recipe, base)) or live is None:
        return replace(anew, too_long=f"{because} {NO_WAY.format(problem=problem)}")
    fresh = {fact.id for fact in facts if fact.lesson.id not in live.lessons}
    going_on, replayed = continued(dataset, fresh, f"{recipe.seed}:{live.id}")
    going_on, seen, judged = fairly_judged(going_on, ids, was_seen)
    minutes = minutes_of(going_on)
    new = len({example.fact for example in going_on.train} & fresh)
    if not new or minutes > allowed:
        problem = f"it would take about {minutes:.0f} minutes" if new else "there is nothing new to it"
    elif seen > (1 - LEAST_JUDGED) * judged:
        problem = TOO_FEW.format(count=seen, judged=judged)
    if problem:
        return replace(anew, too_long=f"{because} {NO_WAY.format(problem=problem)}")
    told = GOES_ON.format(name=live.name, new=new, replayed=replayed, minutes=anew.minutes, allowed=allowed)
    told += NOT_JUDGED.format(count=seen, judged=judged, name=live.name) if seen else ""
    return Course(going_on, minutes, told, live.id, live.lessons)


def _anew(
    dataset: Dataset, facts: Collection[FactId], live: Adapter | None, minutes_of: Minutes, was_seen: WasSeen
) -> Course:
    """Judged by nothing that the live adapter was trained on, or that one would seem the better for it; but where too
    little would be left, by all, which can only keep a better one back."""
    fair, seen, judged = fairly_judged(dataset, facts, was_seen)
    if live is None or not seen or seen > (1 - LEAST_JUDGED) * judged:
        return Course(dataset, minutes_of(dataset))
    told = ANEW + NOT_JUDGED.format(count=seen, judged=judged, name=live.name)
    return Course(fair, minutes_of(fair), told)


def fairly_judged(dataset: Dataset, facts: Collection[FactId], was_seen: WasSeen) -> tuple[Dataset, int, int]:
    """The dataset without the judging items that were seen in training; how many those are, and of how many.

    A fact that was not among the judged for a while, or a question that became a fact's newest again, was trained on
    meanwhile. Neither is trained on this time. `facts`: those that lessons taught; no training sees any others.
    """
    kept = tuple(item for item in dataset.judge if item.fact not in facts or not was_seen(item))
    judged = sum(item.fact in facts for item in dataset.judge)
    return replace(dataset, judge=kept), len(dataset.judge) - len(kept), judged


def continued(dataset: Dataset, fresh: Collection[FactId], seed: str) -> tuple[Dataset, int]:
    """All examples of the fresh facts, and some of the others, one of each fact before any has a second; how many
    those are. What is judged and asked stays: what the adapter has forgotten must be seen."""
    new = [example for example in dataset.train if example.fact in fresh]
    by_fact: dict[FactId, list[Example]] = {}
    for example in dataset.train:
        if example.fact not in fresh:
            by_fact.setdefault(example.fact, []).append(example)
    rng = random.Random(seed)
    shuffled = rng.sample([rng.sample(each, len(each)) for each in by_fact.values()], len(by_fact))
    rounds = (example for example in chain(*zip_longest(*shuffled)) if example is not None)
    most = max(LEAST_REPLAYED, round(REPLAYED * len(new)))
    replayed = [example for _, example in zip(range(most), rounds, strict=False)]
    return replace(dataset, train=(*new, *replayed)), len(replayed)


def _unfit(standing: Collection[LessonId], live: Adapter | None, recipe: Recipe, base: str) -> str:
    """Why training can't go on from the live adapter; empty when it can."""
    if live is None or not live.lessons:
        return "nothing was trained yet"
    if live.base_model != base:
        return f"{live.name} is one for {live.base_model}"
    if (live.recipe.get("rank"), live.recipe.get("alpha")) != (recipe.rank, recipe.alpha):
        return f"{live.name} is of another shape than the recipe's"
    if not frozenset(standing).issuperset(live.trained_on):
        return f"{live.name} learned what was withdrawn since"
    return ""
