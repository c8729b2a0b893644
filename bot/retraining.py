"""A run's life, once for terminal, chat and page: how far it is, how it ended, and what its end changes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bot.feedback import Lesson, LessonSource
from bot.lineage import Adapter, Decision, Progress, Report, RetrainPlan, Run
from bot.outgoing import Notice
from bot.ports import Planner, Store, Unit
from bot.shortening import shorten
from bot.texts import Texts
from bot.trying import Trying

BAR_CELLS = 12
ANSWERED_SHOWN = 10
MOST_NAMED = 5
"""Of the answers that are expected to change."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SUBMITTED = frozenset({LessonSource.CORRECTION, LessonSource.TAUGHT})
"""Where lessons come from that somebody gave the bot on purpose."""


async def planned(store: Store, planner: Planner) -> RetrainPlan:
    """What a retraining would do; events go on meanwhile."""
    return await asyncio.to_thread(await store.run(planner))


def close(
    unit: Unit, run: Run, owner: str, report: Report, adapter: Adapter | None, trying: Trying
) -> Report | None:  # fmt: skip
    """End a run in one transaction: its report, the adapter's lineage, its trial or promotion, the word to who asked
    for it, and to the threads where something was taught that it has learned.

    The report as it is kept. None, and nothing changed, when the run belongs to somebody else by now: a trainer that
    was given up for dead can't publish.
    """
    if report.decision is Decision.PROMOTED:
        report = replace(report, trial_share=trying.share(unit))
    if not unit.runs.finish(run.id, owner, report):
        return None
    if adapter is not None:
        unit.adapters.add(adapter)
        unit.audit.add("the gate", f"judged {adapter.name} with", f"data {adapter.dataset_sha256}", trying.clock())
        if report.decision is Decision.PROMOTED:
            trying.admit(unit, adapter, f"run:{run.id}", " ".join(report.reasons), report.trial_share)
    if run.place is not None:
        unit.outbox.add(Notice(place=run.place, text=describe(report, trying.texts)))
    return report


def taught_since(unit: Unit, since: datetime) -> list[Lesson]:
    """Lessons that somebody submitted after a point in time and that still hold, oldest first."""
    return [lesson for lesson in unit.lessons.since(since) if lesson.source in SUBMITTED]


def new_lessons(unit: Unit, live: Adapter | None) -> list[Lesson]:
    """Lessons that came too late for the live adapter's training."""
    run = unit.runs.get(live.run) if live is not None else None
    return taught_since(unit, run.requested_at if run is not None else EPOCH)


def describe(report: Report, texts: Texts) -> str:
    """How a run ended, in words."""
    template = {
        Decision.PROMOTED: texts.run_on_trial if report.trial_share else texts.run_promoted,
        Decision.REJECTED: texts.run_rejected,
        Decision.REFUSED: texts.run_refused,
        Decision.FAILED: texts.run_failed,
    }[report.decision]
    told = template.format(
        adapter=report.adapter, minutes=report.seconds / 60, reasons=" ".join(report.reasons),
        percent=100 * report.trial_share,
    )  # fmt: skip
    told = f"{told} {report.course}".rstrip()
    if report.learned is None or report.decision is not Decision.PROMOTED:
        return told
    return f"{told} {texts.run_learned.format(learned=report.learned, not_yet=report.not_yet)}"


def describe_plan(plan: RetrainPlan, texts: Texts) -> str:
    """What a dry run tells."""
    first = f"{texts.plan.format(**vars(plan))} {plan.course}".rstrip()
    if plan.kept_out:
        first += f" {texts.plan_kept_out.format(count=plan.kept_out)}"
    found, changing = plan.personal_data, plan.changing
    personal = texts.plan_personal.format(replaced=counted(found.replaced, texts), clear=counted(found.clear, texts))
    untaught = texts.plan_untaught.format(count=changing.untaught) if changing.untaught else ""
    has_conflicts = plan.against_pages or plan.two_answers or plan.waiting
    counts = vars(plan) | {"two_answers": len(plan.two_answers)}
    conflicts = texts.plan_conflicts.format(**counts) if has_conflicts else texts.plan_no_conflicts
    expected = (texts.plan_changing if changing.questions else texts.plan_unchanged).format(
        written=changing.written, days=changing.days, count=len(changing.questions), untaught=untaught
    )
    lines = [first, conflicts, *([texts.plan_two_answers, *_answered(plan.two_answers)] if plan.two_answers else ())]
    lines += [personal, expected]
    lines += [texts.plan_changed.format(question=shorten(each)) for each in changing.questions[:MOST_NAMED]]
    if (more := len(changing.questions) - MOST_NAMED) > 0:
        lines.append(texts.held_more.format(count=more))
    if plan.suspected:
        lines += [texts.plan_suspected.format(count=len(plan.suspected)), *_answered(plan.suspected)]
    if plan.refusals:
        lines.append(texts.retrain_refused.format(reasons=" ".join(plan.refusals)))
    return "\n".join(lines)


def _answered(pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [f"> {shorten(question)} → {shorten(answer)}" for question, answer in pairs[:ANSWERED_SHOWN]]


def counted(counts: Mapping[str, int], texts: Texts) -> str:
    """As "3 known, 1 handoff"."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or texts.nothing_counted


def describe_progress(progress: Progress, texts: Texts) -> str:
    """How far a run is, as a bar of text."""
    share = progress.done / progress.total if progress.total else 0.0
    filled = round(share * BAR_CELLS)
    eta = texts.eta.format(minutes=progress.eta_seconds / 60) if progress.eta_seconds is not None else ""
    bar = "█" * filled + "░" * (BAR_CELLS - filled)
    return texts.progress.format(stage=progress.stage, bar=bar, percent=100 * share, eta=eta)
