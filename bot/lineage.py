"""Adapters and how they came to be: runs, evaluations, decisions, deployments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.events import Place
from bot.ids import AdapterId, LessonId, RunId, Tenant


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A LoRA adapter with its lineage. The weights lie in a PEFT folder that an `AdapterStore` keeps."""

    id: AdapterId
    number: int
    """1, 2, 3 …: people say v1, v2, v3."""
    run: RunId
    base_model: str
    base_sha256: str
    weights_sha256: str
    dataset_sha256: str
    lessons: tuple[LessonId, ...]
    """Of its own training, and of those that it went on from."""
    questions: tuple[LessonId, ...] | None = None
    """The lessons whose questions it was trained on, also those whose answers have been replaced since; as above. None:
    it is of a version that kept no such list."""
    recipe: Mapping[str, str | int | float]
    created_at: datetime
    learned: tuple[LessonId, ...] = ()
    """Of the lessons, those that it said right when it was judged."""
    start: AdapterId | None = None
    """The adapter that its training went on from; None: it was trained anew."""
    tenants: tuple[Tenant, ...] = ()
    """Workspaces whose lessons it learned from, beside what all share."""

    @property
    def name(self) -> str:
        return f"v{self.number}"

    @property
    def trained_on(self) -> frozenset[LessonId]:
        """All lessons of which it has seen any words."""
        return frozenset((*self.lessons, *(self.questions or ())))

    def may_answer(self, within: Tenant | None) -> bool:
        """Whether it learned from nobody's lessons but a workspace's own and what all share; None: whoever's."""
        return within is None or set(self.tenants) <= {within}


class Decision(StrEnum):
    PROMOTED = "promoted"
    REJECTED = "rejected"  # trained and judged, but the gate said no
    REFUSED = "refused"  # nothing was trained: too little to learn from, or something is missing
    FAILED = "failed"  # training broke; the live adapter went on answering


@dataclass(frozen=True)
class Measure:
    """One line of the gate: champion against challenger on the same items, with an interval on the difference."""

    name: str
    unit: str
    items: int
    champion: float
    challenger: float
    lower: float
    """Confidence bounds of challenger minus champion."""
    upper: float
    requirement: str
    passed: bool


@dataclass(frozen=True)
class Evaluation:
    measures: tuple[Measure, ...]
    confidence: float


class RunState(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True)
class Progress:
    """How far a run is, for terminal, chat and page alike."""

    stage: str
    done: int
    total: int
    eta_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a run ended."""

    decision: Decision
    reasons: tuple[str, ...]
    adapter: str | None
    """The new adapter's name, also when it was rejected."""
    lessons: int
    evaluation: Evaluation | None
    seconds: float
    learned: int | None = None
    """Of the lessons that were taught from memory; None where none were asked."""
    not_yet: int = 0
    course: str = ""
    """Whether it was trained anew or on from the live adapter, and why."""
    trial_share: float = 0.0
    """Of a promoted one: how much of what is written is its until its trial has ended; 0: all of it at once."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One retraining. Its `slot` is unique, so one due time, threshold or command makes one run."""

    id: RunId
    slot: str
    requested_by: str
    requested_at: datetime
    place: Place | None = None
    """Where the outcome is told; None for the terminal and the schedule."""
    state: RunState = RunState.REQUESTED
    attempts: int = 0
    progress: Progress | None = None
    report: Report | None = None


@dataclass(frozen=True)
class Found:
    """Personal data in what would be trained on, by kind (EMAIL, NAME …)."""

    replaced: Mapping[str, int] = field(default_factory=dict)
    """Placeholders that redaction has put in its place."""
    clear: Mapping[str, int] = field(default_factory=dict)
    """What stands there as it is."""


@dataclass(frozen=True)
class Changing:
    """Answers that a training is expected to change."""

    written: int = 0
    """Answers of the last days that the model wrote."""
    questions: tuple[str, ...] = ()
    """Of these, to which a lesson says something else; newest first."""
    untaught: int = 0
    """Of these, that got a ❌ and that nobody has taught the right answer to: they stay as they are."""
    days: int = 7


@dataclass(frozen=True, kw_only=True)
class RetrainPlan:
    """What a dry run tells."""

    usable: int
    """Facts that can be trained on."""
    new: int
    """Lessons that the live adapter has not seen."""
    duplicates: int
    held_out: int
    """Facts kept whole for judging."""
    examples: int
    minutes: float
    """Estimated wall-clock minutes, training and evaluation."""
    refusals: tuple[str, ...] = ()
    """Why a run would be refused; empty when it may start."""
    course: str = ""
    """Whether it would be trained anew or on from the live adapter, and why."""
    suspected: tuple[tuple[str, str], ...] = ()
    """Questions that seem to ask for something else than what they were answered, with these answers; surest first."""
    kept_out: int = 0
    """Lessons of workspaces that don't share what they know: memory answers with them, nothing is trained on them."""
    against_pages: int = 0
    """Lessons that contradict a help page, or whose page has changed: left out until somebody has looked."""
    two_answers: tuple[tuple[str, str], ...] = ()
    """Questions that more than one fact answers, each otherwise, with these answers: left out."""
    waiting: int = 0
    """Lessons that are held for review: left out."""
    personal_data: Found = field(default_factory=Found)
    changing: Changing = field(default_factory=Changing)


class Move(StrEnum):
    TRIAL = "trial"  # a share of the written answers is its, beside the live one
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    WITHDRAW = "withdraw"  # never to serve again: it learned what had to be erased


@dataclass(frozen=True)
class Deployment:
    """A row of the history that says which adapter answers; None is the base model."""

    move: Move
    adapter: AdapterId | None
    by: str
    at: datetime
    reason: str = field(default="")
    share: float = 0.0
    """Of a trial: how much of what is written is its, in (0, 0.5]."""


def serving_stack(history: Iterable[Deployment]) -> list[AdapterId | None]:
    """Replay the history: a promotion goes on top, a rollback takes the top away, a withdrawal takes an adapter out
    wherever it lies. The base model lies below all."""
    return _replay(history)[0]


def on_trial(history: Iterable[Deployment]) -> Deployment | None:
    """The trial that is under way. The next promotion, rollback or trial ends it, and its adapter's withdrawal."""
    return _replay(history)[1]


def _replay(history: Iterable[Deployment]) -> tuple[list[AdapterId | None], Deployment | None]:
    stack: list[AdapterId | None] = [None]
    trial: Deployment | None = None
    for deployment in history:
        match deployment.move:
            case Move.TRIAL:
                trial = deployment
            case Move.PROMOTE:
                stack.append(deployment.adapter)
                trial = None
            case Move.WITHDRAW:
                stack = [adapter for adapter in stack if adapter is None or adapter != deployment.adapter]
                trial = None if trial is not None and trial.adapter == deployment.adapter else trial
            case Move.ROLLBACK if trial is not None:
                trial = None
            case Move.ROLLBACK if len(stack) > 1:
                stack.pop()
    return stack, trial


def withdrawn(history: Iterable[Deployment]) -> frozenset[AdapterId | None]:
    """The adapters that may never serve again."""
    return frozenset(deployment.adapter for deployment in history if deployment.move is Move.WITHDRAW)
