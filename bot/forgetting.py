"""Forgetting a person. In one transaction the rows go, adapters that learned from removed words are withdrawn, and a
rebuild is requested.

What lies outside of the database (weights, run folders, keys of backups, the bytes of deleted rows) goes right after
it, by whoever runs the bot: until then the erasure is kept as pending, so that a crash in between loses nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.erasure import FORGOTTEN, Acquaintance, Certificate
from bot.errors import BadInput
from bot.history import HISTORY_FROM
from bot.ids import LessonId, RunId, new_id
from bot.lineage import Adapter, Decision, Deployment, Move, Report, Run, serving_stack
from bot.ports import Clock, Unit
from bot.texts import Texts

BY_ERASURE = "erasure"


@dataclass(frozen=True)
class Forgetting:
    texts: Texts
    clock: Clock

    def forget(self, unit: Unit, wanted: str, by: str, *, with_lessons: bool) -> tuple[Acquaintance, Certificate]:
        """Forget somebody. Raises BadInput where nobody, or more than one, is meant."""
        person = self.find(unit, wanted)
        erased = unit.persons.erase(person, with_lessons=with_lessons)
        unit.flags.set(HISTORY_FROM, self.clock().isoformat())  # the platform still shows what was erased here
        tainted = tainted_by(unit.adapters.all(), erased.lessons)
        for adapter in tainted:
            reason = "It learned from words that had to be erased."
            unit.adapters.deploy(Deployment(Move.WITHDRAW, adapter.id, BY_ERASURE, self.clock(), reason))
        stopped = unit.runs.abandon(self._stopped()) if erased.lessons else 0
        live = serving_stack(unit.adapters.history())[-1]
        serving = unit.adapters.get(live) if live is not None else None
        certificate = Certificate(
            id=new_id(), asked_at=self.clock(), removed=erased.removed,
            anonymised=erased.anonymised, withdrawn=tuple(adapter.id for adapter in tainted),
            serving=serving.name if serving is not None else self.texts.base_model,
            rebuild=self._rebuild(unit) if tainted or stopped else None,
            words=(person.key.partition(":")[2], *sorted(person.names)),
        )  # fmt: skip
        unit.persons.keep(certificate)
        unit.audit.add(FORGOTTEN if by == person.key else by, "forgot somebody", certificate.id, self.clock())
        return person, certificate

    def find(self, unit: Unit, wanted: str) -> Acquaintance:
        """By key (slack:U1), id, mention or name. Raises BadInput."""
        name = re.sub(r"^<?@?!?|>$", "", wanted.strip()).casefold()
        known = unit.persons.known()
        fits = [who for who in known if name in (who.key.casefold(), who.key.partition(":")[2].casefold())]
        fits = fits or [who for who in known if name in {each.casefold() for each in who.names}]
        if len(fits) != 1:
            keys = ", ".join(who.key for who in fits)
            raise BadInput((self.texts.forget_many if fits else self.texts.forget_nobody).format(keys=keys))
        return fits[0]

    def describe(self, certificate: Certificate) -> str:
        """The certificate in words."""
        c = certificate
        removed = ", ".join(f"{count} {what}" for what, count in sorted(c.removed.items()) if count)
        parts = [
            self.texts.forgot.format(removed=removed or self.texts.nothing_removed, anonymised=c.anonymised, id=c.id)
        ]
        if c.withdrawn:
            parts.append(self.texts.forgot_adapters.format(adapters=len(c.withdrawn), serving=c.serving))
        if c.rebuild is not None:
            parts.append(self.texts.forgot_rebuild)
        if c.done_at is None:
            parts.append(self.texts.forget_pending)
        else:
            parts.append(self.texts.forget_done.format(folders=c.folders, at=f"{c.done_at:%Y-%m-%d %H:%M:%S}"))
        if c.backups:
            parts.append(self.texts.forgot_backups.format(backups=c.backups))
        if c.searched is not None:
            parts.append(self.texts.forget_searched.format(files=c.searched, hits=c.hits))
        return " ".join(parts)

    def done(self, certificate: Certificate, folders: int, backups: int) -> Certificate:
        return replace(certificate, done_at=self.clock(), folders=folders, backups=backups)

    def _rebuild(self, unit: Unit) -> RunId:
        run = Run(
            id=RunId(new_id()), slot=f"{BY_ERASURE}:{new_id()}", requested_by=BY_ERASURE, requested_at=self.clock()
        )
        unit.runs.request(run)
        return run.id

    def _stopped(self) -> Report:
        return Report(
            decision=Decision.FAILED, reasons=(self.texts.forget_stopped,), adapter=None, lessons=0, evaluation=None,
            seconds=0.0,
        )  # fmt: skip


def tainted_by(adapters: Sequence[Adapter], lessons: Sequence[LessonId]) -> list[Adapter]:
    """The adapters that learned from any of the lessons, be it only a question."""
    gone = set(lessons)
    return [adapter for adapter in adapters if gone.intersection(adapter.trained_on)]
