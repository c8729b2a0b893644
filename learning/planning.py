"""What a retraining would do, without doing it: how much there is to learn from, and about how long it takes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from bot.answers import AnswerKind
from bot.consent import may_train
from bot.contradicting import undoubted
from bot.feedback import Fact, Lesson, LessonSource, Phrasing, facts_of
from bot.ids import FactId
from bot.lineage import Adapter, RetrainPlan
from bot.ports import Clock, Unit
from bot.retraining import new_lessons
from bot.retrieval import Section
from bot.trying import live_adapter
from learning.canaries import taken_back
from learning.course import Course, choose
from learning.dataset import MIN_LESSONS, Dataset, build_from, is_lesson, split
from learning.distillation import recalled
from learning.encoder import MpnetEncoder
from learning.examples import Example, judging_cost, length
from learning.expecting import Written, changing, lately_written, personal_data, two_answers, without
from learning.mistaken import mistaken
from learning.recipe import Recipe
from learning.seen import brought_by, questions_in, seen_by
from learning.similarity import Alike, alike_by, same_by

SPEED_FLAG = "training_speed"
CHARS_PER_TOKEN = 4.0


@dataclass(frozen=True)
class Speed:
    """Tokens per second. Those of a plan: about as long as real ones, so that no tokenizer is needed."""

    training: float
    judging: float


UNKNOWN = Speed(training=130.0, judging=400.0)
"""Of the bundled model on two cores without a GPU: what is assumed until a training has run, or was measured."""


@dataclass(frozen=True)
class Work:
    """Tokens that a run has to do."""

    training: float
    judging: float
    """Of both models."""

    def seconds(self, speed: Speed) -> tuple[float, float]:
        """Of training, and of judging."""
        return self.training / speed.training, self.judging / speed.judging


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Known:
    """All that a plan is made of, as one transaction has read it. What follows from it takes long, and needs none."""

    lessons: Sequence[Lesson]
    phrasings: Sequence[Phrasing]
    facts: Sequence[Fact]
    trained: Sequence[Fact]
    """The facts that contradict no help section, unless an admin has confirmed them."""
    sections: Sequence[Section]
    rejected: Mapping[FactId, str]
    vectors: Mapping[str, bytes]
    """Those that memory keeps of the facts' texts."""
    speed: Speed | None
    live: Adapter | None
    new: int
    """Lessons that came too late for the live adapter."""
    kept_out: int
    waiting: int
    """Lessons that are held."""
    written: Sequence[Written]


def read(unit: Unit, recipe: Recipe, base: str, clock: Clock = utc_now) -> Known:
    lessons = unit.lessons.all()
    phrasings = unit.lessons.phrasings()
    facts = facts_of(lessons, phrasings)
    trained, live = undoubted(unit, facts), live_adapter(unit)
    return Known(
        lessons, phrasings, facts, trained, trainable_sections(unit), rejected_answers(unit, trained),
        known_vectors(unit, facts), known_speed(unit, recipe, base), live, len(new_lessons(unit, live)),
        _kept_out(unit), len(unit.lessons.held()), lately_written(unit, clock()),
    )  # fmt: skip


def plan(unit: Unit, recipe: Recipe, base: str, most_minutes: int = 0, clock: Clock = utc_now) -> RetrainPlan:
    """The dry run, within a transaction: only for few lessons."""
    return planned(read(unit, recipe, base, clock), recipe, base, most_minutes)[1]


def planned(known: Known, recipe: Recipe, base: str, most_minutes: int = 0) -> tuple[Course, RetrainPlan]:
    """What a retraining would be made of, and the dry run, which refuses when there is too little to learn from, or
    when it is known to take too long (0: never). Questions that two facts answer are left out."""
    alike = alike_by(known.vectors)  # by what is meant where memory has vectors, and by the words
    at_odds = two_answers(known.trained)
    facts = without(known.trained, at_odds)
    parts = split(facts, alike, same_by(known.vectors))
    suspected = mistaken(known.trained, known.vectors)
    dataset = build_from(
        parts, known.sections, recipe.seed, known.rejected, taken_back(known.lessons, known.facts), alike,
        {each.question for each in suspected},
    )  # fmt: skip
    course = course_of(dataset, known, recipe, base, most_minutes, alike)
    dataset = course.dataset
    lessons = [fact for fact in facts if is_lesson(fact)]
    refusals = []
    if len(lessons) < MIN_LESSONS:
        refusals.append(f"There are {len(lessons)} lessons, and {MIN_LESSONS} are needed before training makes sense.")
    if recipe.method != "sft" and all(example.rejected is None for example in dataset.train):
        refusals.append(
            f"The method {recipe.method} learns from answers that agents corrected, and there are none that the model "
            "had written. Correct some, or set MENTEE_TRAINING_METHOD=sft."
        )
    if course.too_long:
        refusals.append(course.too_long)
    trained = [*parts.taught, *parts.practice]
    return course, RetrainPlan(
        usable=len(trained),
        new=known.new,
        duplicates=parts.duplicates,
        held_out=len(parts.held_out),
        examples=len(dataset.train),
        minutes=course.minutes,
        refusals=tuple(refusals),
        course=course.told,
        kept_out=known.kept_out,
        against_pages=len(known.facts)
        - len(known.trained)
        + sum(bool(fact.lesson.doubted_by) for fact in known.trained),
        two_answers=tuple((text, " · ".join(answers)) for text, answers in at_odds.items()),
        waiting=known.waiting,
        personal_data=personal_data(trained),
        changing=changing(known.written, trained),
        suspected=tuple((each.question, each.answer) for each in suspected),
    )


def _kept_out(unit: Unit) -> int:
    """Lessons that stand and belong to workspaces which don't share what they know."""
    seen, everything = unit.lessons.all(), unit.within(None).lessons.all()
    known = {lesson.id for lesson in seen}
    taught = (lesson for lesson in everything if lesson.withdrawn_at is None and lesson.source is not LessonSource.FAQ)
    return sum(lesson.id not in known for lesson in taught)


def course_of(dataset: Dataset, known: Known, recipe: Recipe, base: str, most_minutes: int, alike: Alike) -> Course:
    """Where a retraining would start. A guessed speed rules nothing out."""
    brought = brought_by(known.lessons, known.phrasings)
    seen = seen_by(known.live, known.lessons, brought) if known.live is not None else None
    by_id = {fact.id: fact for fact in known.facts}

    def minutes_of(dataset: Dataset) -> float:
        return sum(work_of(dataset, recipe).seconds(known.speed or UNKNOWN)) / 60

    def was_seen(item: Example) -> bool:
        return seen is not None and seen.has(item, by_id.get(item.fact), alike)

    standing = [lesson.id for lesson in known.lessons if lesson.withdrawn_at is None]
    allowed = most_minutes if known.speed is not None else 0
    course = choose(dataset, known.facts, standing, known.live, recipe, base, allowed, minutes_of, was_seen)
    before = seen.lessons if seen is not None and course.start is not None else ()
    return replace(course, questions=tuple(sorted({*questions_in(course.dataset, brought), *before})))


def trainable_sections(unit: Unit) -> list[Section]:
    """Of pages whose licence or consent doesn't forbid it: prompts show them while training, too."""
    kept_out = {each.source for each in unit.documents.origins() if not may_train(each.licence, each.consent)}
    return [section for section in unit.documents.sections() if section.source not in kept_out]


def known_vectors(unit: Unit, facts: Sequence[Fact], encoder: str = MpnetEncoder.name) -> Mapping[str, bytes]:
    texts = [text for fact in facts for text in (fact.lesson.answer, *fact.phrasings)]
    return unit.vectors.get(encoder, texts)


def rejected_answers(unit: Unit, facts: Sequence[Fact]) -> dict[FactId, str]:
    """What the model had written where an agent corrected it."""
    rejected = {}
    for fact in facts:
        if fact.lesson.source is LessonSource.CORRECTION and fact.lesson.about is not None:
            posted = unit.answers.get(fact.lesson.about)
            if posted is not None and posted.answer.kind is AnswerKind.GROUNDED:
                rejected[fact.id] = posted.answer.text
    return rejected


def known_speed(unit: Unit, recipe: Recipe, base: str) -> Speed | None:
    """How fast this machine was with this base model; None before it was measured."""
    known = unit.flags.get(_flag(recipe, base))
    return Speed(**json.loads(known)) if known is not None else None


def remember_speed(unit: Unit, recipe: Recipe, base: str, work: Work, training_s: float, judging_s: float) -> None:
    """Keep how fast this machine was, so that the next estimate is its own."""
    speed = Speed(work.training / training_s, work.judging / judging_s)
    unit.flags.set(_flag(recipe, base), json.dumps(asdict(speed)))


def work_of(dataset: Dataset, recipe: Recipe) -> Work:
    """Every epoch's examples, made-up ones too, with the general texts beside them; the judging of two models, the
    asking of one."""
    closed_book = recalled(dataset.train)
    shown = sum(map(length, dataset.train)) + recipe.imagined * sum(map(length, closed_book))
    general = sum(map(length, dataset.general)) / max(1, len(dataset.general))
    examples = len(dataset.train) + recipe.imagined * len(closed_book)
    texts = general * examples * recipe.general_share * 2  # base and tuned model
    read = recipe.epochs * (shown + texts)
    judged = 2 * sum(map(judging_cost, dataset.judge)) + sum(map(judging_cost, dataset.asked))
    return Work(read / CHARS_PER_TOKEN, judged / CHARS_PER_TOKEN)


def _flag(recipe: Recipe, base: str) -> str:
    return f"{SPEED_FLAG}:{recipe.method}:{base}"
