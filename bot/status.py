"""What the bot is and knows now, how it is set, and what an answer was made of. Changes nothing."""

from dataclasses import dataclass

from bot.answers import PostedAnswer
from bot.asking_why import reasons_given
from bot.contradicting import in_doubt
from bot.feedback import LessonSource, facts_of
from bot.ids import Tenant
from bot.lineage import Adapter
from bot.policy import Policy
from bot.ports import Unit
from bot.receipts import standing
from bot.retraining import counted, new_lessons
from bot.reviewing import doubted
from bot.texts import Texts
from bot.trying import live_adapter, trial_of

PAUSED = "paused"


@dataclass(frozen=True)
class Status:
    """What the bot is and knows now."""

    paused: bool
    adapter: str | None
    facts: int
    phrasings: int
    sections: int
    lessons_since_adapter: int
    answers: dict[str, int]
    handoffs: dict[str, int]
    """How many are open, claimed, solved."""
    reminders: int
    """How often the agents were called again for those that are not solved."""
    reasons: dict[str, int]
    """What was the matter with answers that got a ❌."""
    undelivered: int
    """Messages that a platform never took."""
    held: int
    """Lessons that wait for review: held ones, and those that contradict a help page."""
    doubted: int = 0
    """Lessons whose help page has changed."""
    trained_on: int = 0
    """Lessons that the adapter was trained on; FAQ entries are none."""
    learned: int = 0
    """Of these, those that it says right."""
    on_trial: str | None = None
    """The adapter that answers a share of what is written."""


def status_of(unit: Unit, common: Tenant | None = None) -> Status:
    """Of what the unit sees. `common`: whose lessons train what answers everywhere; None: everybody's."""
    lessons, phrasings = unit.lessons.all(), unit.lessons.phrasings()
    facts = facts_of(lessons, phrasings)
    taught = [lesson for lesson in lessons if lesson.source is not LessonSource.FAQ]
    sections = unit.documents.sections()
    trained = unit.within(common)
    live, trial = live_adapter(trained), trial_of(trained)
    tried = trained.adapters.get(trial.adapter) if trial is not None and trial.adapter is not None else None
    return Status(
        paused=unit.flags.get(PAUSED) == "yes",
        adapter=live.name if live is not None else None,
        facts=len(facts),
        phrasings=sum(len(fact.phrasings) for fact in facts),
        sections=len(sections),
        lessons_since_adapter=len(new_lessons(trained, live)),
        answers=unit.answers.count_by_kind(),
        handoffs=unit.handoffs.count_by_state(),
        reminders=sum(handoff.reminders for handoff in unit.handoffs.unsolved()),
        reasons=unit.ratings.count_by_reason(),
        undelivered=unit.outbox.given_up(),
        trained_on=sum(live is not None and lesson.id in live.lessons for lesson in taught),
        learned=len(live.learned) if live is not None else 0,
        held=len(unit.lessons.held()) + len(in_doubt([fact.lesson for fact in facts], sections)),
        doubted=len(doubted(unit)),
        on_trial=tried.name if tried is not None else None,
    )


def describe_status(status: Status, texts: Texts) -> str:
    told = texts.status.format(
        state=texts.pausing if status.paused else texts.answering,
        adapter=status.adapter or texts.base_model,
        facts=status.facts,
        phrasings=status.phrasings,
        sections=status.sections,
        lessons=status.lessons_since_adapter,
        answers=counted(status.answers, texts),
        handoffs=counted(status.handoffs, texts),
        reminders=status.reminders,
        reasons=counted(status.reasons, texts),
        undelivered=texts.status_undelivered.format(count=status.undelivered) if status.undelivered else "",
    )
    if status.learned:
        told += f" {texts.status_learned.format(lessons=status.trained_on, learned=status.learned)}"
    if status.on_trial is not None:
        told += f" {texts.status_on_trial.format(name=status.on_trial)}"
    if status.doubted:
        told += f" {texts.status_doubted.format(doubted=status.doubted)}"
    return f"{told} {texts.status_held.format(held=status.held)}" if status.held else told


def describe_settings(policy: Policy, texts: Texts) -> str:
    """What is set, as far as it decides over answers and lessons, and where each is changed."""
    return texts.home_settings_are.format(
        known=policy.known_from, clarify=policy.clarify_from, offer=policy.offer_from, grounded=policy.grounded_from,
        clear=policy.clear_by,
        channels=len(policy.support_channels), remind=policy.remind_after.total_seconds() / 60,
        asks=policy.asks_a_minute, amend=policy.amend_within.days, trust=policy.trust_from,
        lessons=policy.lessons_an_hour, canary=policy.canary_share, hours=policy.canary_for.total_seconds() / 3_600,
        sharing=texts.workspaces_apart if policy.separate else texts.workspaces_share,
    )  # fmt: skip


def explain(unit: Unit, posted: PostedAnswer, texts: Texts, common: Tenant | None = None) -> str:
    """What an answer was made of."""
    answer = posted.answer
    adapter = unit.within(None).adapters.get(answer.adapter) if answer.adapter is not None else None
    reasons = reasons_given(list(unit.ratings.of(answer.id)))
    sources = "; ".join(f"{source.kind}: {source.title}" for source in answer.sources)
    told = texts.why.format(
        question=answer.question,
        kind=answer.kind,
        confidence=answer.confidence,
        adapter=name_of(adapter, texts),
        latency_ms=answer.latency_ms,
        sources=texts.sources.format(sources=sources) if sources else "",
        reasons=texts.why_reasons.format(reasons=counted(reasons, texts)) if reasons else "",
    )
    if answer.confirmation is None:
        return told
    return f"{told} {standing(unit, answer.confirmation.lesson, live_adapter(unit.within(common)), texts)}".rstrip()


def name_of(adapter: Adapter | None, texts: Texts) -> str:
    return adapter.name if adapter is not None else texts.base_model
