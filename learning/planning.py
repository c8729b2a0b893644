"""What a retraining would do, without doing it: how much there is to learn from, and about how long it takes."""

from collections.abc import Sequence

from bot.feedback import facts_of
from bot.lineage import RetrainPlan, serving_stack
from bot.ports import Unit
from bot.retraining import new_lessons
from learning.dataset import MIN_LESSONS, Dataset, build, is_lesson, split
from learning.examples import Example
from learning.recipe import Recipe

RATE_FLAG = "training_tokens_per_s"
DEFAULT_RATE = 100.0
"""Tokens per second of a whole run, judging included, on two cores without a GPU."""
CHARS_PER_TOKEN = 4.0


def plan(unit: Unit, recipe: Recipe) -> RetrainPlan:
    """The dry run. Refuses when there are fewer than MIN_LESSONS lessons to learn from."""
    facts = facts_of(unit.lessons.all(), unit.lessons.phrasings())
    parts = split(facts)
    dataset = build(facts, unit.documents.sections(), recipe.seed)
    live = serving_stack(unit.adapters.history())[-1]
    adapter = unit.adapters.get(live) if live is not None else None
    lessons = [fact for fact in facts if is_lesson(fact)]
    refusals = []
    if len(lessons) < MIN_LESSONS:
        refusals.append(f"There are {len(lessons)} lessons, and {MIN_LESSONS} are needed before training makes sense.")
    return RetrainPlan(
        usable=len(parts.taught) + len(parts.practice),
        new=len(new_lessons(unit, adapter)),
        duplicates=parts.duplicates,
        held_out=len(parts.held_out),
        examples=len(dataset.train),
        minutes=_tokens(dataset, recipe) / _rate(unit) / 60,
        refusals=tuple(refusals),
    )


def remember_rate(unit: Unit, done: RetrainPlan, seconds: float) -> None:
    """Keep how fast this machine was, so that the next estimate is its own."""
    tokens = done.minutes * 60 * _rate(unit)
    unit.flags.set(RATE_FLAG, f"{tokens / seconds:.1f}")


def _rate(unit: Unit) -> float:
    known = unit.flags.get(RATE_FLAG)
    return float(known) if known is not None else DEFAULT_RATE


def _tokens(dataset: Dataset, recipe: Recipe) -> float:
    """Tokens that a run reads: every epoch's examples, the general texts, and the judging of two models."""
    train = sum(_chars(dataset.train)) * recipe.epochs
    general = sum(_chars(dataset.general)) / max(1, len(dataset.general))
    texts = general * len(dataset.train) * recipe.epochs * recipe.general_share * 2  # base and tuned model
    return (train + texts + 2 * sum(_chars(dataset.judge))) / CHARS_PER_TOKEN


def _chars(examples: Sequence[Example]) -> list[int]:
    return [sum(len(m.content) for m in example.messages) + len(example.answer) for example in examples]
