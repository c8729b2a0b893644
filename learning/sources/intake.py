"""Takes what is found in one file: sections are handed on, entries are cleaned and put into the staging file."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bot.consent import may_train
from bot.errors import SourceUnreadable
from bot.retrieval import Section
from learning.sources.cleaning import Cleaner, Entry
from learning.sources.faq import question_key
from learning.sources.items import Broken, FaqRow, Item, Pair, Terms
from learning.sources.keeping import fact_of
from learning.sources.quality import quality_of
from learning.sources.report import DataReport
from learning.sources.staging import FAQ, PAIR, Staged, Staging

SAY_EVERY = 1_000
NO_TERMS = Terms()


@dataclass
class Taken:
    path: Path
    sha256: str
    sections: list[Section] = field(default_factory=list)
    entries: int = 0
    """Of the FAQ, and pairs of conversations."""
    pairs: int = 0
    broken: list[Broken] = field(default_factory=list)
    """The first ones. A file with any may be half written: what it seems to lack isn't withdrawn."""
    licences: dict[str, None] = field(default_factory=dict)
    consents: dict[str, None] = field(default_factory=dict)


class Intake:
    def __init__(
        self, staging: Staging, cleaner: Cleaner, report: DataReport, say: Callable[[Path, int], None],
        terms: Terms = NO_TERMS,
    ) -> None:  # fmt: skip
        """`terms`: of what names none itself."""
        self._staging, self._cleaner, self._report, self._say = staging, cleaner, report, say
        self._terms = terms

    def take(self, path: Path, sha256: str, items: Iterable[Item]) -> Taken:
        """Take one file's items. Raises SourceUnreadable, also for a file with nothing usable in it."""
        taken = Taken(path, sha256)
        for item in items:
            self._item(taken, item)
        if not taken.sections and not taken.entries:
            first = taken.broken[0] if taken.broken else None
            raise SourceUnreadable(f"line {first.line}: {first.reason}" if first else "no text in it")
        return taken

    def _item(self, taken: Taken, item: Item) -> None:
        if isinstance(item, Section):
            taken.sections.append(self._cleaner.section(item))
        elif isinstance(item, Terms):
            _note(taken.licences, item.licence)
            _note(taken.consents, item.consent)
        elif isinstance(item, Broken):
            self._broken(taken, item)
        else:
            taken.entries += 1
            _note(taken.licences, item.licence)
            _note(taken.consents, item.consent)
            self._entry(taken, item)
            if taken.entries % SAY_EVERY == 0:
                self._say(taken.path, taken.entries)

    def _broken(self, taken: Taken, item: Broken) -> None:
        if len(taken.broken) < SAY_EVERY:
            taken.broken.append(item)
        self._report.entries += 1
        text = self._cleaner.redacted(item.text)
        self._report.drop("unreadable lines", text, f"line {item.line}: {item.reason}")
        self._staging.put(
            Staged(FAQ, str(taken.path), item.line, f"line {item.line}", text, "",
                   step="unreadable lines", reason=item.reason)
        )  # fmt: skip

    def _entry(self, taken: Taken, entry: Entry) -> None:
        if isinstance(entry, Pair):
            self._report.pairs += 1
            taken.pairs += 1
        else:
            self._report.entries += 1
        entry, too_long = self._cleaner.bounded(entry)
        clean = self._cleaner.without_personal(entry) if too_long else self._cleaner.entry(entry)
        staged = self._staged(taken, clean)
        objection = ("length", too_long) if too_long else self._cleaner.objection(clean)
        step, reason = objection or self._twice(staged, entry) or ("", "")
        if step:
            entry = self._cleaner.without_personal(entry)  # else as it came, so that it can be restored
            staged = self._staged(taken, entry, f"{step} {taken.entries}")
            staged.step, staged.reason = step, reason
            self._report.drop(step, entry.question, reason)
        staged.quality = quality_of(clean)
        self._staging.put(staged)
        if not step and staged.kind == FAQ and (twin := self._staging.compare(staged)) is not None:
            self._report.contradict(staged.question, twin.answer, twin.where, staged.answer, staged.where)

    def _twice(self, staged: Staged, entry: Entry) -> tuple[str, str] | None:
        """Without an id, the same question is compared like any other; the same id is a mistake."""
        if not self._staging.has(staged.source, staged.fact):
            return None
        if isinstance(entry, FaqRow) and entry.key != question_key(entry.question):
            return "duplicates", f"the id {entry.key!r} stands there twice; make it unique"
        staged.fact = fact_of(staged.source, f"{staged.fact}\n{staged.line}\n{staged.answer}")
        return None

    def _staged(self, taken: Taken, entry: Entry, fact: str = "") -> Staged:
        source = str(taken.path)
        trainable = may_train(entry.licence or self._terms.licence, entry.consent or self._terms.consent)
        if isinstance(entry, FaqRow):
            return Staged(
                FAQ, source, entry.line, fact or fact_of(source, entry.key), entry.question, entry.answer, entry.topic,
                tuple(text for text in entry.phrasings if text != entry.question), trainable=trainable,
            )  # fmt: skip
        details = {"resolved_by": entry.resolved_by, "why": entry.why, "asked_at": entry.asked_at, "where": entry.where}
        details |= {name: text for name, text in (("licence", entry.licence), ("consent", entry.consent)) if text}
        return Staged(
            PAIR, source, entry.line, fact or f"pair {taken.entries}", entry.question, entry.answer, entry.topic,
            details=json.dumps(details, ensure_ascii=False), trainable=trainable,
        )  # fmt: skip


def _note(terms: dict[str, None], text: str) -> None:
    if text and len(terms) < 10:
        terms[text] = None
