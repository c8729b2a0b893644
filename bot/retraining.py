"""A run's life, once for terminal, chat and page: how far it is, how it ended, and what its end changes."""

from bot.lineage import Adapter, Decision, Deployment, Move, Progress, Report, Run
from bot.outgoing import Notice
from bot.ports import Clock, Unit
from bot.texts import Texts

BAR_CELLS = 12


def close(
    unit: Unit, run: Run, owner: str, report: Report, adapter: Adapter | None, *, clock: Clock, texts: Texts
) -> bool:
    """End a run in one transaction: its report, the adapter's lineage, the promotion, the word to who asked for it.

    False, and nothing changed, when the run belongs to somebody else by now: a trainer that was given up for dead
    can't publish.
    """
    if not unit.runs.finish(run.id, owner, report):
        return False
    if adapter is not None:
        unit.adapters.add(adapter)
        if report.decision is Decision.PROMOTED:
            reason = " ".join(report.reasons)
            unit.adapters.deploy(Deployment(Move.PROMOTE, adapter.id, f"run:{run.id}", clock(), reason))
    if run.place is not None:
        unit.outbox.add(Notice(place=run.place, text=describe(report, texts)))
    return True


def describe(report: Report, texts: Texts) -> str:
    """How a run ended, in words."""
    template = {
        Decision.PROMOTED: texts.run_promoted,
        Decision.REJECTED: texts.run_rejected,
        Decision.REFUSED: texts.run_refused,
        Decision.FAILED: texts.run_failed,
    }[report.decision]
    return template.format(adapter=report.adapter, minutes=report.seconds / 60, reasons=" ".join(report.reasons))


def describe_progress(progress: Progress, texts: Texts) -> str:
    """How far a run is, as a bar of text."""
    share = progress.done / progress.total if progress.total else 0.0
    filled = round(share * BAR_CELLS)
    eta = texts.eta.format(minutes=progress.eta_seconds / 60) if progress.eta_seconds is not None else ""
    bar = "█" * filled + "░" * (BAR_CELLS - filled)
    return texts.progress.format(stage=progress.stage, bar=bar, percent=100 * share, eta=eta)
