"""Adapters, where they were deployed, the runs that make them, and the flags."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from bot.ids import AdapterId, RunId, Tenant
from bot.lineage import Adapter, Deployment, Move, Progress, Report, Run, RunState
from storage.codec import ADAPTER, PLACE, PROGRESS, REPORT, from_text, to_text
from storage.repositories.boxes import next_position
from storage.repositories.prepared import FLAG, run
from storage.tables import AdapterRow, DeploymentRow, FlagRow, RunRow


class SqlAdapters:
    """Within a workspace: those that learned from nobody else's lessons."""

    def __init__(self, session: Session, within: Tenant | None = None) -> None:
        self._session, self._within = session, within

    def add(self, adapter: Adapter) -> None:
        self._session.add(AdapterRow(id=adapter.id, number=adapter.number, adapter=to_text(ADAPTER, adapter)))
        self._session.flush()

    def get(self, adapter: AdapterId) -> Adapter | None:
        row = self._session.get(AdapterRow, adapter)
        found = from_text(ADAPTER, row.adapter) if row is not None else None
        return found if found is not None and found.may_answer(self._within) else None

    def named(self, name: str) -> Adapter | None:
        fits = [a for a in self.all() if name == a.name or (len(name) >= 4 and a.id.startswith(name))]
        return fits[0] if len(fits) == 1 else None

    def all(self) -> Sequence[Adapter]:
        rows = self._session.exec(select(AdapterRow).order_by(col(AdapterRow.number)))
        found = (from_text(ADAPTER, row.adapter) for row in rows)
        return [adapter for adapter in found if adapter.may_answer(self._within)]

    def next_number(self) -> int:
        return (self._session.exec(select(func.max(AdapterRow.number))).one() or 0) + 1

    def deploy(self, deployment: Deployment) -> None:
        d = deployment
        self._session.add(
            DeploymentRow(move=d.move, adapter=d.adapter, by=d.by, at=d.at, reason=d.reason, share=d.share)
        )
        self._session.flush()

    def history(self) -> Sequence[Deployment]:
        rows = self._session.exec(select(DeploymentRow).order_by(col(DeploymentRow.id)))
        return [
            Deployment(Move(r.move), AdapterId(r.adapter) if r.adapter else None, r.by, r.at, r.reason, r.share)
            for r in rows
        ]


class SqlRuns:
    def __init__(self, session: Session) -> None:
        self._session = session

    def request(self, run: Run) -> bool:
        if self._session.exec(select(RunRow.id).where(RunRow.slot == run.slot)).first() is not None:
            return False
        self._session.add(
            RunRow(
                id=run.id,
                slot=run.slot,
                position=next_position(self._session, RunRow.position),
                requested_by=run.requested_by,
                requested_at=run.requested_at,
                place=to_text(PLACE, run.place) if run.place is not None else None,
            )
        )
        self._session.flush()
        return True

    def claim(self, owner: str, now: datetime, lease_s: float) -> Run | None:
        open_runs = select(RunRow).where(RunRow.state != RunState.DONE).order_by(col(RunRow.position))
        rows = self._session.exec(open_runs.with_for_update()).all()
        if any(row.lease_until is not None and row.lease_until > now for row in rows):
            return None
        for row in rows:
            row.state, row.owner, row.attempts, row.lease_s = RunState.RUNNING, owner, row.attempts + 1, lease_s
            row.lease_until = now + timedelta(seconds=lease_s)
            return _run(row)
        return None

    def beat(self, run: RunId, owner: str, progress: Progress, now: datetime) -> bool:
        row = self._owned(run, owner)
        if row is None:
            return False
        row.progress = to_text(PROGRESS, progress)
        row.lease_until = now + timedelta(seconds=row.lease_s)
        return True

    def finish(self, run: RunId, owner: str, report: Report) -> bool:
        row = self._owned(run, owner)
        if row is None:
            return False
        self._close(row, report)
        return True

    def abandon(self, report: Report) -> int:
        rows = self._session.exec(select(RunRow).where(RunRow.state == RunState.RUNNING)).all()
        for row in rows:
            self._close(row, report)
        return len(rows)

    def get(self, run: RunId) -> Run | None:
        row = self._session.get(RunRow, run)
        return _run(row) if row is not None else None

    def latest(self, limit: int = 10) -> Sequence[Run]:
        query = select(RunRow).order_by(col(RunRow.position).desc()).limit(limit)
        return [_run(row) for row in self._session.exec(query)]

    def looks(self) -> int:
        return self._session.exec(select(func.count()).select_from(RunRow).where(col(RunRow.judged))).one()

    def _owned(self, run: RunId, owner: str) -> RunRow | None:
        row = self._session.get(RunRow, run, with_for_update=True)
        return row if row is not None and row.state == RunState.RUNNING and row.owner == owner else None

    @staticmethod
    def _close(row: RunRow, report: Report) -> None:
        row.state, row.lease_until = RunState.DONE, None
        row.report, row.judged = to_text(REPORT, report), report.evaluation is not None


class SqlFlags:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, name: str) -> str | None:
        value: str | None = run(self._session, FLAG, name=name).scalar()
        return value

    def set(self, name: str, value: str) -> None:
        self._session.merge(FlagRow(name=name, value=value))

    def is_any(self, prefix: str, value: str) -> bool:
        named = select(FlagRow.name).where(col(FlagRow.name).startswith(prefix), FlagRow.value == value)
        return self._session.exec(named.limit(1)).first() is not None


def _run(row: RunRow) -> Run:
    return Run(
        id=RunId(row.id),
        slot=row.slot,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        place=from_text(PLACE, row.place) if row.place is not None else None,
        state=RunState(row.state),
        attempts=row.attempts,
        progress=from_text(PROGRESS, row.progress) if row.progress is not None else None,
        report=from_text(REPORT, row.report) if row.report is not None else None,
    )
