"""What the bot tells Prometheus. Numbers alone: no text, no name, no id of a person.

Gauges are counted from the database when somebody asks, so that they are right after every restart and the same in
every process; counters and the histogram are this process's own.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from bot import errors
from bot.answers import AnswerKind
from bot.feedback import LessonSource
from bot.handoff import HandoffState
from bot.ids import made_at, new_id
from bot.lineage import Decision, Move
from bot.outgoing import AnswerPost, Outgoing
from bot.ports import Clock, Store
from bot.vitals import Vitals

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
WHO_ACTS = {
    errors.OperatorError: "operator",
    errors.AdminError: "admin",
    errors.PersonError: "person",
    errors.TransientError: "nobody",  # it is tried again
}
UNPLANNED = "developer"
"""Who must act on what isn't one of Mentee's own errors."""

# --- this process's ---------------------------------------------------------------------------------------------------

ANSWERS = Counter("mentee_answers", "Answers that were delivered.", ["kind"], registry=REGISTRY)
SECONDS_TO_ANSWER = Histogram(
    "mentee_answer_seconds", "From taking up a question to its platform's taking the answer.", ["kind"],
    buckets=SECONDS, registry=REGISTRY,
)  # fmt: skip
ERRORS = Counter("mentee_errors", "Errors, by who must act.", ["who"], registry=REGISTRY)
SWAPS = Counter("mentee_adapter_swaps", "How often the answering adapter was swapped.", registry=REGISTRY)

# --- the database's ---------------------------------------------------------------------------------------------------


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"mentee_{name}", text, labels, registry=REGISTRY)


UNANSWERED = _gauge("questions_unanswered", "Questions without an answer or a hand-off. Must be 0 at all times.")
PENDING = _gauge("events_pending", "Events that are kept and not yet worked off.")
PENDING_AGE = _gauge("events_oldest_seconds", "Age of the oldest of them.")
PARKED = _gauge("events_parked", "Events that were set aside after they failed too often.")
WAITING = _gauge("outbox_waiting", "Messages that their platform hasn't taken yet.")
WAITING_AGE = _gauge("outbox_oldest_seconds", "Age of the oldest of them.")
GIVEN_UP = _gauge("outbox_given_up", "Messages that their platform never took.")
KEPT = _gauge("answers_kept", "Answers that are kept.", "kind")
HANDOFFS = _gauge("handoffs", "Questions that were left to the people.", "state")
LESSONS = _gauge("lessons", "Lessons that stand.", "source")
HELD = _gauge("lessons_held", "Lessons that wait for review.")
TRAININGS = _gauge("trainings", "Retrainings, by how they ended.", "outcome")
CLOCK = _gauge("clock_seconds", "This machine's clock, in seconds since 1970: whoever asks can compare it with theirs.")
DEPLOYMENTS = _gauge("deployments", "Promotions, rollbacks and withdrawals of adapters.", "move")

for _kind in AnswerKind:  # a series is there before anything happened: alerts can tell 0 from nothing
    ANSWERS.labels(_kind.value)
    SECONDS_TO_ANSWER.labels(_kind.value)
for _who in (*WHO_ACTS.values(), UNPLANNED):
    ERRORS.labels(_who)


def delivered(outgoing: Outgoing) -> None:
    """Count what a platform has taken."""
    if not isinstance(outgoing, AnswerPost):
        return
    kind, since_kept_s = outgoing.answer.kind.value, max(0.0, _now_s() - made_at(outgoing.id))
    ANSWERS.labels(kind).inc()
    SECONDS_TO_ANSWER.labels(kind).observe(outgoing.answer.latency_ms / 1_000 + since_kept_s)


def failed(problem: Exception) -> None:
    """Count an error by who must act on it."""
    who = next((who for kind, who in WHO_ACTS.items() if isinstance(problem, kind)), UNPLANNED)
    ERRORS.labels(who).inc()


def swapped() -> None:
    SWAPS.inc()


async def exposition(store: Store, clock: Clock) -> bytes:
    """Everything, in Prometheus's text format."""
    vitals = await store.run(lambda unit: unit.vitals())
    _set(vitals, clock().timestamp())
    return generate_latest(REGISTRY)


def _set(vitals: Vitals, now_s: float) -> None:
    CLOCK.set(now_s)
    for gauge, value in (
        (UNANSWERED, vitals.unanswered), (PENDING, vitals.pending), (PARKED, vitals.parked),
        (WAITING, vitals.waiting), (GIVEN_UP, vitals.given_up), (HELD, vitals.held),
    ):  # fmt: skip
        gauge.set(value)
    for gauge, oldest in ((PENDING_AGE, vitals.oldest_pending), (WAITING_AGE, vitals.oldest_waiting)):
        gauge.set(max(0.0, now_s - oldest.timestamp()) if oldest is not None else 0.0)
    for gauge, names, counts in (
        (KEPT, AnswerKind, vitals.answers), (HANDOFFS, HandoffState, vitals.handoffs),
        (LESSONS, LessonSource, vitals.lessons), (TRAININGS, (*Decision, "open"), vitals.trainings),
        (DEPLOYMENTS, Move, vitals.deployments),
    ):  # fmt: skip
        for name in names:
            gauge.labels(str(name)).set(counts.get(str(name), 0))


def _now_s() -> float:
    return made_at(new_id())
